"""Block pointers and tensor descriptors: windows on strided tensors, cut at their edges."""

import pytest
import tegula
import tegula.language as tl
import torch
from harness import check, data
from tegula.tools.tensor_descriptor import TensorDescriptor


@tegula.jit
def copy_by_pointers(x_ptr, o_ptr, M, N, xs, os, BM: tl.constexpr, BN: tl.constexpr):
    x = tl.make_block_ptr(x_ptr, (M, N), (xs, 1), (tl.program_id(0) * BM, 0), (BM, BN), (1, 0))
    o = tl.make_block_ptr(o_ptr, (M, N), (os, 1), (tl.program_id(0) * BM, 0), (BM, BN), (1, 0))
    for _ in range(0, tl.cdiv(N, BN)):
        v = tl.load(x, boundary_check=(0, 1), padding_option="zero")
        tl.store(o, (v * 2).to(o.dtype.element_ty), boundary_check=(0, 1))
        x = tl.advance(x, (0, BN))
        o = o.advance((0, BN))


@pytest.mark.parametrize(
    "m,n,bm,bn", [(33, 70, 16, 32), (16, 64, 16, 32), (5, 3, 16, 32), (7, 9, 3, 5), (1, 1, 1, 1)]
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
def test_copy(m, n, bm, bn, dtype):
    x = data((m, n + 4), dtype, 1, "whole")[:, :n]
    got = check(
        copy_by_pointers, (-(-m // bm),), x, torch.zeros((m, n), dtype=x.dtype), m, n, n + 4, n, BM=bm, BN=bn
    )
    assert torch.equal(got[1], x * 2)


@tegula.jit
def shifted(x_ptr, o_ptr, M, N, dm, dn, BM: tl.constexpr, BN: tl.constexpr, PAD: tl.constexpr):
    x = tl.make_block_ptr(x_ptr, (M, N), (N, 1), (dm, dn), (BM, BN), (1, 0))
    v = tl.load(x, boundary_check=(0, 1), padding_option=PAD)
    i = tl.arange(0, BM)[:, None] * BN + tl.arange(0, BN)[None, :]
    tl.store(o_ptr + i, v)


@pytest.mark.parametrize("pad", ["zero", "nan"])
@pytest.mark.parametrize("dm,dn", [(0, 0), (-3, 2), (4, -5), (-100, 0), (2, 100)])
def test_edges(dm, dn, pad):
    x = data((6, 10), "float32", 1, "whole") + 10
    got = check(shifted, (1,), x, torch.zeros(8, 16), 6, 10, dm, dn, BM=8, BN=16, PAD=pad, quality=False)[1]
    want = torch.full((8, 16), 0.0 if pad == "zero" else float("nan"))
    for i in range(8):
        for j in range(16):
            if 0 <= i + dm < 6 and 0 <= j + dn < 10:
                want[i, j] = x[i + dm, j + dn]
    assert torch.equal(got.nan_to_num(-1), want.nan_to_num(-1))


@tegula.jit
def matmul(a_ptr, b_ptr, c_ptr, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    a = tl.make_block_ptr(a_ptr, (M, K), (K, 1), (tl.program_id(0) * BM, 0), (BM, BK), (1, 0))
    b = tl.make_block_ptr(b_ptr, (K, N), (1, K), (0, tl.program_id(1) * BN), (BK, BN), (0, 1))
    acc = tl.zeros((BM, BN), tl.float32)
    for _ in range(0, K, BK):
        acc = tl.dot(tl.load(a, boundary_check=(0, 1)), tl.load(b, boundary_check=(0, 1)), acc)
        a, b = tl.advance(a, (0, BK)), tl.advance(b, (BK, 0))
    c = tl.make_block_ptr(
        c_ptr, (M, N), (N, 1), (tl.program_id(0) * BM, tl.program_id(1) * BN), (BM, BN), (1, 0)
    )
    tl.store(c, acc, boundary_check=(0, 1))


@pytest.mark.parametrize("m,n,k", [(32, 32, 32), (50, 33, 41)])
def test_matmul(m, n, k):
    a, b = data((m, k), "float32", 1, "whole"), data((n, k), "float32", 2, "whole")
    got = check(
        matmul, (-(-m // 16), -(-n // 32)), a, b, torch.zeros(m, n), m, n, k, BM=16, BN=32, BK=16, exact=True
    )
    assert torch.equal(got[2], a @ b.t())


@tegula.jit
def add_one(x_ptr, o_ptr, M, N, BM: tl.constexpr, BN: tl.constexpr, PAD: tl.constexpr):
    x = tl.make_tensor_descriptor(
        x_ptr, shape=[M, N], strides=[N, 1], block_shape=[BM, BN], padding_option=PAD
    )
    o = tl.make_tensor_descriptor(o_ptr, [M, N], [N, 1], [BM, BN])
    m = tl.program_id(0) * BM
    for n in range(0, N, BN):
        if x.dtype == tl.float32:
            o.store([m, n], x.load([m, n]) + 1)
        else:
            tl.store_tensor_descriptor(o, [m, n], tl.load_tensor_descriptor(x, [m, n]) + 1)


@pytest.mark.parametrize("dtype", ["float32", "int16"])
@pytest.mark.parametrize("m,n", [(32, 64), (33, 70), (3, 5)])
def test_descriptors(m, n, dtype):
    x = data((m, n), dtype, 1, "whole")
    got = check(add_one, (-(-m // 16),), x, torch.zeros_like(x), m, n, BM=16, BN=32, PAD="zero")[1]
    assert torch.equal(got, x + 1)


@tegula.jit
def by_rows(x_ptr, at_ptr, o_ptr, M, N, R: tl.constexpr, BN: tl.constexpr):
    x = tl.make_tensor_descriptor(x_ptr, [M, N], [N, 1], [1, BN])
    o = tl.make_tensor_descriptor(o_ptr, [M, N], [N, 1], [1, BN])
    rows = tl.load(at_ptr + tl.arange(0, R))
    o.scatter(x.gather(rows, 2) * 2, rows, 0)


def test_rows():
    x, at = data((9, 20), "float32", 1, "whole"), torch.tensor([0, 8, 3, 9, -1, 5, 7, 2], dtype=torch.int32)
    got = check(by_rows, (1,), x, at, torch.zeros(9, 20), 9, 20, R=8, BN=16)[2]
    want = torch.zeros(9, 20)
    for row in at.tolist():
        if 0 <= row < 9:
            want[row, :16] = x[row, 2:18] * 2
    assert torch.equal(got, want)


@tegula.jit
def reduce_into(x_ptr, o_ptr, M, N, BM: tl.constexpr, BN: tl.constexpr):
    o = tl.make_tensor_descriptor(o_ptr, [M, N], [N, 1], [BM, BN])
    v = tl.load(x_ptr + tl.arange(0, BM)[:, None] * BN + tl.arange(0, BN)[None, :])
    o.atomic_add([0, 0], v)
    o.atomic_max([2, 3], v)


def test_atomics():
    x = data((4, 8), "int32", 1, "whole")
    got = check(reduce_into, (3,), x, torch.zeros((5, 9), dtype=torch.int32), 5, 9, BM=4, BN=8)[1]
    want = torch.zeros((5, 9), dtype=torch.int32)
    for _ in range(3):
        want[:4, :8] += x
        want[2:5, 3:9] = torch.maximum(want[2:5, 3:9], x[:3, :6])
    assert torch.equal(got, want)


@tegula.jit
def double(x, o, BM: tl.constexpr, BN: tl.constexpr):
    m = tl.program_id(0) * BM
    for n in range(0, x.shape[1], BN):
        o.store([m, n], x.load([m, n]) * 2)


@pytest.mark.parametrize("m,n", [(16, 32), (33, 70), (1, 1)])
def test_descriptor_arguments(m, n):
    x, o = data((m, n), "float32", 1, "whole"), torch.zeros(m, n)
    for bm, bn in ((16, 32), (8, 16)):
        o.zero_()
        double[(-(-m // bm),)](
            TensorDescriptor.from_tensor(x, [bm, bn]),
            TensorDescriptor(o, [m, n], [n, 1], [bm, bn]),
            BM=bm,
            BN=bn,
        )
        assert torch.equal(o, x * 2)


def test_a_block_shape_that_is_changed():
    x, o = data((40, 40), "float32", 1, "whole"), torch.zeros(40, 40)
    a, b = TensorDescriptor.from_tensor(x, [1, 1]), TensorDescriptor.from_tensor(o, [1, 1])
    for block in ([16, 16], [4, 32]):
        a.block_shape = b.block_shape = block
        o.zero_()
        double[(-(-40 // block[0]),)](a, b, BM=block[0], BN=block[1])
        assert torch.equal(o, x * 2)


@pytest.mark.parametrize(
    "arguments, text",
    [
        ((torch.zeros(4, 4), [4, 4], [4], [2, 2]), "need one length"),
        ((torch.zeros(4, 4), [4, 4], [1, 4], [2, 2]), "must be contiguous"),
        ((torch.zeros(4, 4), [], [], []), "1 to 5 dimensions"),
        ((torch.zeros(4, 4), [4, 4], [4, 1], [2, 2], "one"), "'zero' or 'nan'"),
    ],
)
def test_wrong_descriptors(arguments, text):
    with pytest.raises(ValueError, match=text):
        TensorDescriptor(*arguments)
