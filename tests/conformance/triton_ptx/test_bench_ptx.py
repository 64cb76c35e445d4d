"""The seven kernels of tests/bench/kernels.py, compiled by Triton, give NumPy's results on the emulator.

Every kernel for three architectures at shapes with tails; `cp.async` landing at its wait and at once; warps in turn and
in random orders; checks fatal.
"""

import pytest
from bench_kernels import BLOCKS, RUN, SHAPES, requests, run, run_matmul
from ptx import ARCHS, compiled
from shadow import Shadow, check


@pytest.fixture(scope="module")
def kernels():
    keys = [(name, arch) for name in RUN for arch in ARCHS]
    found = iter(compiled(r for key in keys for r in requests(*key)))
    return {key: [next(found) for _ in range(3)] for key in keys}


def schedules(full: bool):
    yield {}
    yield {"lazy": False}
    for seed in range(1, 4 if full else 2):
        yield {"seed": seed, "lazy": bool(seed & 1)}


@pytest.mark.parametrize("form", [0, 1, 2], ids=["whole", "small", "odd"])
@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("name", list(RUN))
def test_kernel(kernels, name, arch, form):
    for how in schedules(full=form == 1):
        run(kernels[name, arch][form], name, form, how)


@pytest.mark.parametrize("arch", ARCHS)
def test_whole_numbers_are_exact(kernels, arch):
    """Small integers: every order of summation is exact, and nothing hides in a bound."""
    for form in (1, 2):
        got, expected, _ = run_matmul(
            kernels["matmul", arch][form], SHAPES["matmul"][form], {}, True, BLOCKS["matmul"]
        )
        check(got, Shadow(expected.v), "", exact=True)
