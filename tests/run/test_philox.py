"""tl.rand and friends, bit for bit against Philox-4x32-10 in NumPy."""

import numpy as np
import pytest
import torch
from harness import check, define

RANDOM = """
@tegula.jit
def kernel(o_ptr, seed, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o_ptr + i, {expr})
"""


def philox(offset, seed, rounds=10):
    """Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011), with counter (offset, 0, 0, 0)."""
    m = np.uint64(0xFFFFFFFF)
    c = [offset.astype(np.uint64), *(np.zeros(len(offset), np.uint64) for _ in range(3))]
    k0, k1 = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32 & 0xFFFFFFFF)
    for _ in range(rounds):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ k0, b & m, (a >> np.uint64(32)) ^ c[3] ^ k1, a & m]
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & m, (k1 + np.uint64(0xBB67AE85)) & m
    return [x.astype(np.uint32) for x in c]


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1, 2**40 + 5])
def test_randint(seed):
    for k in range(4):
        expr = "tl.randint(seed, i)" if k == 0 else f"tl.randint4x(seed, i)[{k}]"
        got = check(
            define(RANDOM.format(expr=expr)), (3,), torch.zeros(300, dtype=torch.int32), seed, BLOCK=100
        )[0]
        assert (got.numpy().view(np.uint32) == philox(np.arange(300), seed)[k]).all()


def test_rand():
    got = check(define(RANDOM.format(expr="tl.rand(seed, i)")), (3,), torch.zeros(300), 7, BLOCK=100)[
        0
    ].numpy()
    x = philox(np.arange(300), 7)[0].view(np.int32)
    x = np.where(x < 0, -x - 1, x)
    assert (got == x.astype(np.float32) * np.float32(4.6566127342e-10)).all()


def test_rand4x_and_rounds():
    got = check(define(RANDOM.format(expr="tl.rand4x(seed, i, 7)[2]")), (1,), torch.zeros(100), 7, BLOCK=100)[
        0
    ].numpy()
    x = philox(np.arange(100), 7, 7)[2].view(np.int32)
    x = np.where(x < 0, -x - 1, x)
    assert (got == x.astype(np.float32) * np.float32(4.6566127342e-10)).all()


def test_randn_is_normal():
    got = check(
        define(RANDOM.format(expr="tl.randn(seed, i)")),
        (10,),
        torch.zeros(10000),
        3,
        BLOCK=1000,
        quality=False,
    )[0]
    assert abs(got.mean()) < 0.05 and abs(got.std() - 1) < 0.05
