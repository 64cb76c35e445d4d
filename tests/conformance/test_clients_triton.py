# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Triton, unmodified, launches its kernels by its own driver on the drop-in libcuda.so.1 and ptxas.

The kernels are those of tests/bench/kernels.py; arguments, NumPy's results and their bounds are those of the same
kernels' PTX under tegula.emulator (triton_ptx/bench_kernels.py).
"""

import pathlib
import sys

import clients
import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "triton_ptx"))
bench = pytest.importorskip(
    "bench_kernels", reason="the kernels' results in NumPy, triton_ptx, are not there"
)
from bench_kernels import BLOCKS, RUN, SHAPES, SMALL, run  # noqa: E402

# What is a constant of tests/bench/kernels.py, in the form of the benchmark.
CONSTANTS = {
    "add": {"BLOCK": 1024},
    "softmax": {"BLOCK": 1024},
    "matmul": {"BM": 128, "BN": 128, "BK": 64, "G": 8, "sak": 1, "sbn": 1, "scn": 1},
    "layernorm": {"BLOCK": 1024},
    "dropout": {"BLOCK": 1024},
    "attention": {"BM": 128, "BN": 64, "D": 64, "CAUSAL": True},
    "linear_gelu": {"BM": 128, "BN": 64, "BK": 32},
}
WARPS = {"matmul": 8}


class Kernel:
    """Called as a kernel of triton_ptx is, but launched by Triton in its own process."""

    def __init__(self, server, name, form):
        self.server, self.name = server, name
        self.constants = CONSTANTS[name] | (SMALL[name] if form else {})
        self.facts = {}

    def __call__(self, grid, *arguments):
        options = {"num_warps": WARPS.get(self.name, 4), "num_stages": 3}
        grid = grid if isinstance(grid, tuple) else (grid,)
        arrays, self.facts = self.server((self.name, self.constants, options, grid, arguments))
        assert arrays is not None, self.facts
        for given, after in zip(arguments, arrays, strict=True):
            if isinstance(given, np.ndarray):
                given[...] = after


@pytest.fixture(scope="module", params=["sm_75", "sm_80", "sm_89"])
def server(request):
    python = clients.python_with(".venv-peer", "triton", "numpy")
    server = clients.Server(
        python, clients.PROGRAMS / "triton_client.py", options=("--arch", request.param, "--checks", "fatal")
    )
    server.arch = int(request.param[3:])
    yield server
    assert server.close() == 0


@pytest.mark.parametrize("form", [0, 1, 2], ids=["benchmark", "small", "odd"])
@pytest.mark.parametrize("name", list(RUN))
def test_kernel(server, name, form):
    kernel = Kernel(server, name, form)
    run(kernel, name, form, {})
    assert kernel.facts["arch"] == server.arch
    assert kernel.facts["registers"] > 0
    assert kernel.facts["cubin"][:4] == b"\x7fELF" and b".version" in kernel.facts["cubin"]


def test_with_pytorch_in_the_process():
    """Triton then finds no driver by itself, and is given the one it has for CUDA. Tensors over managed memory.

    PyTorch is that of this environment, Triton that of the peer's: both were made by one Python.
    """
    pytest.importorskip("torch")
    python = clients.python_with(".venv-peer", "triton", "numpy")
    triton = next((python.parent.parent / "lib").glob("python3*")) / "site-packages"
    server = clients.Server(
        sys.executable, clients.PROGRAMS / "triton_client.py", "torch", PYTHONPATH=str(triton)
    )
    for name in RUN:
        run(Kernel(server, name, 1), name, 1, {})
    assert server.close() == 0


def test_whole_numbers_are_exact(server):
    kernel = Kernel(server, "matmul", 1)
    got, expected, _ = RUN["matmul"](kernel, SHAPES["matmul"][1], {}, True, BLOCKS["matmul"])
    assert (got == expected.v).all()
