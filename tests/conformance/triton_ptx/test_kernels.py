"""Other kernels that Triton compiles give the right results on the emulator: see cases.py.

Each case for one of the architectures that Triton takes it for, in turn, and by `make sweep` for all of them; `cp.async`
landing at its wait and at once; warps in turn and in random orders; checks fatal.
"""

import os

import pytest
from cases import load
from ptx import compiled

SWEEP = os.environ.get("TEGULA_TEST_SWEEP", "0") not in ("", "0")
ALL = [
    (case, arch)
    for number, case in enumerate(load())
    for arch in (case.archs if SWEEP else [case.archs[number % len(case.archs)]])
]
SCHEDULES = [{}, {"lazy": False}, {"seed": 1}, {"seed": 2, "lazy": False}]


@pytest.fixture(scope="module")
def kernels():
    """All at once: what is not in the cache is compiled by one process of the peer's."""
    found = iter(compiled(r for case, arch in ALL for r in case.on(arch)))
    return {(case.name, arch): [next(found) for _ in case.requests] for case, arch in ALL}


@pytest.mark.parametrize("case, arch", ALL, ids=[f"{case.name}-{arch}" for case, arch in ALL])
def test_kernel(kernels, case, arch):
    for how in SCHEDULES:
        case.run(*kernels[case.name, arch], how)
