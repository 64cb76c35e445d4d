# test_fork.py - kernels in forked processes, of the main thread and of others
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

START = f"""
import multiprocessing, os, signal, sys, threading, time
sys.path.insert(0, {str(HERE)!r})
import numpy as np
import small_kernels as kernels


def go(n=500000):
    x, o = np.ones(n, np.float32), np.zeros(n, np.float32)
    kernels.copy[((n + 15) // 16,)](x, o, n)
    assert o.sum() == n


def forked(body):
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        try:
            body()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


for _ in range(3):
    go()
"""


def process(body, threads="4"):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START + body],
        env={**os.environ, "TEGULA_NUM_THREADS": threads},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return run.stderr


@pytest.mark.parametrize("threads", ["1", "4"])
def test_multiprocessing_after_use(threads):
    said = process(
        "context = multiprocessing.get_context('fork')\n"
        "with context.Pool(2) as pool:\n"
        "    pool.map(go, [500000] * 6)\n"
        "go()\n"
        "forked(lambda: (go(), forked(go), go()))\n",
        threads,
    )
    assert said == ""


def test_fork_beside_a_launching_thread():
    said = process(
        "end = False\n"
        "def launch():\n"
        "    while not end: go()\n"
        "thread = threading.Thread(target=launch)\n"
        "thread.start()\n"
        "time.sleep(0.1)\n"
        "for _ in range(5): forked(lambda: (go(), go()))\n"
        "end = True\n"
        "thread.join()\n"
        "go()\n"
    )
    assert said == ""


def test_fork_in_a_thread():
    said = process(
        "def work():\n"
        "    go()\n"
        "    forked(lambda: (go(), go()))\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "thread.join()\n"
        "forked(go)\n"
    )
    assert said == ""


def test_end_of_the_interpreter_during_launches():
    process(
        "def launch():\n"
        "    while True: go()\n"
        "for _ in range(3): threading.Thread(target=launch, daemon=True).start()\n"
        "time.sleep(0.2)\n"
    )
