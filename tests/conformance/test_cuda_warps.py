"""CUDA C++ programs: lanes and blocks that work together, checked against NumPy with every check fatal."""

import numpy as np
import pytest

from .nvcc import program, rng  # noqa: F401


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_reduce(program, seed):  # noqa: F811
    p = program("reduce")
    x = rng().integers(-100, 100, 5000).astype(np.float32)
    out = np.zeros(6, np.float32)
    p("block_sum", 6, 256, x, out, x.size, seed=seed)
    assert out.sum() == x.sum()
    x = rng(1).integers(-1000, 1000, 256).astype(np.int32)
    out = np.zeros_like(x)
    p("butterfly_max", 2, 128, x, out, seed=seed)
    assert (out.reshape(-1, 32) == x.reshape(-1, 32).max(1, keepdims=True)).all()
    x = rng(2).integers(-(1 << 62), 1 << 62, 64)
    out = np.zeros_like(x)
    p("rotate", 1, 64, x, out, 8, seed=seed)
    assert (out == np.roll(x.reshape(-1, 8), -1, 1).ravel()).all()
    x = np.arange(64, dtype=np.int32)
    out = np.zeros(64, np.int32)
    p("partial_sum", 1, 64, x, out, 45, seed=seed)
    assert (out[:32] == x[:32].sum()).all() and (out[32:45] == x[32:45].sum()).all() and not out[45:].any()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_scan(program, seed):  # noqa: F811
    p = program("scan")
    x = rng().integers(-50, 50, 1024).astype(np.int32)
    out = np.zeros_like(x)
    p("scan_block", 2, 512, x, out, seed=seed)
    assert (out.reshape(2, -1) == x.reshape(2, -1).cumsum(1)).all()
    sums, flags, ticket = np.zeros(8, np.int32), np.zeros(8, np.int32), np.zeros(1, np.int32)
    p("scan_chained", 8, 128, x, out, sums, flags, ticket, seed=seed)
    assert (out == x.cumsum()).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_transpose(program, seed):  # noqa: F811
    p = program("transpose")
    x = rng().random((70, 45), np.float32)
    out = np.zeros((45, 70), np.float32)
    p("transpose_padded", (2, 3), (32, 8), x, out, 70, 45, seed=seed)
    assert (out == x.T).all()
    x = rng().random((64, 64), np.float32)
    out = np.zeros_like(x)
    p("transpose_swizzled", (2, 2), (32, 32), x, out, 64, seed=seed)
    assert (out == x.T).all()
    x = rng().random((40, 40))
    out = x.copy()
    p("transpose_in_place", 1, 64, out, 40, seed=seed)
    assert (out == x.T).all()


def test_histogram(program):  # noqa: F811
    p = program("histogram")
    x = rng().integers(0, 256, 5000).astype(np.uint8)
    bins = np.zeros(256, np.uint32)
    p("histogram_shared", 3, 128, x, bins, x.size)
    assert (bins == np.bincount(x, minlength=256)).all()
    bins[:] = 0
    p("histogram_aggregated", 40, 128, x, bins, x.size)
    assert (bins == np.bincount(x, minlength=256)).all()


def test_votes(program):  # noqa: F811
    p = program("votes")
    x = rng().integers(0, 10, 64).astype(np.int32)
    lanes = 1 << np.arange(32, dtype=np.uint64)
    out = np.zeros((64, 8), np.uint32)
    p("votes", 1, 64, x, out)
    for w in range(2):
        v, o = x[32 * w : 32 * w + 32], out[32 * w : 32 * w + 32]
        assert (o[:, 0] == (lanes * (v > 3)).sum()).all()
        assert (o[:, 1] == (v > 8).any()).all() and (o[:, 2] == 1).all()
        assert (o[:, 3] == ((v > 3).all() or not (v > 3).any())).all()
        assert (o[:, 4] == [(lanes * (v == y)).sum() for y in v]).all()
        assert (o[:, 5] == 0xFFFFFFFF).all() and (o[:, 6] == 1).all()
        assert (o[v % 2 == 1, 7] == (lanes * (v % 2)).sum()).all()
    out = np.zeros(128, np.uint32)
    p("halves", 1, 64, x, out)
    for t in range(64):
        base = t // 32 * 32 + t % 32 // 16 * 16
        half = x[base : base + 16] > (4 if t % 32 < 16 else 5)
        assert out[t] == (lanes[base % 32 : base % 32 + 16] * half).sum()
        warp = x[t // 32 * 32 : t // 32 * 32 + 32]
        assert out[64 + t] == (lanes * ((warp == x[t]) & (np.arange(32) % 2 == t % 2))).sum()
    out = np.zeros(64, np.int32)
    p("block_votes", 1, 64, x, out)
    assert (out == (x > 4).sum() * 10 + 2).all()
    if p.has("reductions"):
        x = rng(1).integers(-1000, 1000, 64).astype(np.int32)
        out = np.zeros((64, 8), np.int32)
        p("reductions", 1, 64, x, out)
        for t in range(64):
            v = x[t // 32 * 32 : t // 32 * 32 + 32]
            part = v[:8] if t % 32 < 8 else v[8:]
            assert out[t, :3].tolist() == [v.sum(), v.min(), v.max()]
            assert out[t, 3] == v.view(np.uint32).min().view(np.int32)
            ops = [np.bitwise_and, np.bitwise_or, np.bitwise_xor]
            assert out[t, 4:7].tolist() == [op.reduce(part) for op in ops] and out[t, 7] == part.sum()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_groups(program, seed):  # noqa: F811
    p = program("groups")
    x = rng().integers(0, 100, 128).astype(np.int32)
    out = np.zeros(16, np.int32)
    p("tiles", 1, 128, x, out, seed=seed)
    assert (out == x.reshape(-1, 8).sum(1)).all()
    out = np.zeros(128, np.uint32)
    p("tile_votes", 1, 128, x, out, seed=seed)
    for t in range(128):
        v, bits = x[t // 4 * 4 : t // 4 * 4 + 4], 1 << np.arange(4)
        same = (bits * (v % 2 == x[t] % 2)).sum()
        assert out[t] == (bits * (v % 2)).sum() | (v > 90).any() << 8 | (v > 10).all() << 9 | same << 16
    counter, order = np.zeros(1, np.int32), np.full(96, -1, np.int32)
    p("coalesced", 1, 96, counter, order, seed=seed)
    assert counter[0] == 32 and sorted(order[::3]) == list(range(32)) and (order[1::3] == -1).all()
    sums, scans, greatest = np.zeros(128, np.int32), np.zeros(128, np.int32), np.zeros(128, np.float32)
    p("reduce_and_scan", 1, 128, x, sums, scans, greatest, seed=seed)
    assert (sums == np.repeat(x.reshape(-1, 32).sum(1), 32)).all()
    assert (scans.reshape(-1, 16) == x.reshape(-1, 16).cumsum(1) - x.reshape(-1, 16)).all()
    assert (greatest == np.repeat(x.reshape(-1, 16).max(1), 16)).all()
    label = rng(1).integers(0, 3, 64).astype(np.int32)
    out = np.zeros(64, np.int32)
    p("labelled", 1, 64, label, out, seed=seed)
    for w in range(2):
        v = label[32 * w : 32 * w + 32]
        assert out[32 * w : 32 * w + 32].tolist() == [
            (v == y).sum() * 100 + (v[:k] == y).sum() for k, y in enumerate(v)
        ]
    out = np.zeros(100, np.int32)
    for lazy in (True, False):
        p("staged_copy", 1, 64, x, out, 100, shared=400, seed=seed, lazy=lazy)
        assert (out == x[:100][::-1] + 1).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_grid_in_step(program, seed):  # noqa: F811
    a = rng().random(300, np.float32)
    b, n, steps = np.zeros_like(a), a.size, 6
    expected = a.astype(np.float64)
    for _ in range(steps):
        around = np.pad(expected, 1)
        expected = 0.25 * around[:-2] + 0.5 * expected + 0.25 * around[2:]
    program("groups")("diffuse", 4, 32, a, b, n, steps, cooperative=True, seed=seed)
    assert np.abs(a - expected).max() < 3 * steps * 2.0**-24


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sorting(program, seed):  # noqa: F811
    p = program("sorting")
    x = rng().random(256, np.float32)
    out = np.zeros_like(x)
    p("bitonic", 1, 64, x, out, 256, shared=1024, seed=seed)
    assert (out == np.sort(x)).all()
    x = rng().integers(0, 1 << 32, 512).astype(np.uint32)
    out = np.zeros_like(x)
    p("radix", 2, 256, x, out, seed=seed)
    assert (out.reshape(2, -1) == np.sort(x.reshape(2, -1), 1)).all()
    x = rng().integers(-100, 100, 32).astype(np.int32)
    out = np.zeros_like(x)
    p("warp_sort", 1, 32, x, out, seed=seed)
    assert (out == np.sort(x)).all()


def test_cub(program):  # noqa: F811
    p = program("cub_block")
    x = rng().integers(-1000, 1000, 512).astype(np.int32)
    out = np.zeros(4, np.int32)
    p("reduce", 1, 128, x, out)
    assert out.tolist() == [x[:128].sum(), x[:100].max()] * 2
    out = np.zeros(513, np.int32)
    p("scan", 1, 128, x, out)
    assert (out == np.concatenate([[0], x.cumsum()])).all()
    keys, order = np.zeros(512, np.float32), np.zeros(512, np.int32)
    f = rng(1).standard_normal(512).astype(np.float32)
    p("sort", 1, 128, f, np.arange(512, dtype=np.int32), keys, order)
    assert (keys == np.sort(f)).all() and (f[order] == keys).all()
    bytes_ = rng(2).integers(0, 64, 512).astype(np.uint8)
    bins = np.zeros(64, np.uint32)
    p("histogram", 1, 128, bytes_, bins)
    assert (bins == np.bincount(bytes_, minlength=64)).all()
    out = np.zeros(512, np.int32)
    p("exchange", 1, 128, x, out)
    assert (out.reshape(128, 4) == x.reshape(4, 128).T).all()
    sums, prefix, in_order = np.zeros(4, np.int32), np.zeros(128, np.int32), np.zeros(128, np.int32)
    # The merge reads one key past the end of a run and does not use it.
    p("warps", 1, 128, x, sums, prefix, in_order, checks="fatal,-shared-uninitialised")
    rows = x[:128].reshape(4, 32)
    assert (sums == rows.sum(1)).all() and (prefix.reshape(4, 32) == rows.cumsum(1)).all()
    assert (in_order.reshape(4, 32) == np.sort(rows, 1)).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_locks(program, seed):  # noqa: F811
    p = program("locks")
    counter = np.zeros(1, np.int32)
    p("with_mutex", 3, 64, counter, seed=seed)
    assert counter[0] == 192
    if seed == 0:  # the counters of the tickets are variables of the module
        log = np.zeros(20, np.int32)
        p("with_tickets", 12, 32, log)
        assert log[0] == 12 and log[1:13].tolist() == list(range(12))
    values = rng().integers(0, 1000, 128).astype(np.int32)
    nodes, heads = np.zeros((128, 2), np.int64), np.zeros(7, np.uint64)
    p("push", 2, 64, nodes, heads, values, 7, seed=seed)
    found, base = [], nodes.ctypes.data
    for bucket, head in enumerate(heads.tolist()):
        while head:
            value, head = nodes[(head - base) // 16]
            value &= 0xFFFFFFFF
            assert value % 7 == bucket
            found.append(value)
    assert sorted(found) == sorted(values)
    x = rng().integers(0, 100, 10 * 128).astype(np.float32)
    partial, total = np.zeros(10, np.float32), np.zeros(1, np.float32)
    p("last_block_adds", 10, 128, x, partial, total, seed=seed)
    assert total[0] == x.sum()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_libcudacxx(program, seed):  # noqa: F811
    p = program("libcudacxx")
    data, flag, out = np.zeros(64, np.int32), np.zeros(1, np.int32), np.zeros(128, np.int32)
    p("message", 3, 64, data, flag, out, seed=seed)
    assert (out.reshape(2, 64) == np.arange(64) * 3).all()
    counter, total, greatest = np.zeros(2, np.int32), np.zeros(1, np.float32), np.zeros(1, np.uint64)
    p("orders", 1, 96, counter, total, greatest, seed=seed)
    assert counter[0] == 192 and 1 <= counter[1] <= 96 and total[0] == 48
    assert greatest[0] == max(t * 7919 % 1009 for t in range(96))
    x = rng().integers(0, 100, 64).astype(np.int32)
    out = np.zeros(64, np.int32)
    p("barrier", 1, 64, x, out, seed=seed)
    assert (out == 3 * x[::-1] + 3).all()
    inside, most = np.zeros(1, np.int32), np.zeros(1, np.int32)
    p("semaphore", 1, 64, inside, most, seed=seed)
    assert inside[0] == 0 and 1 <= most[0] <= 3
    a, b = rng().standard_normal((2, 32, 2), np.float32) + np.float32(1.5)
    out = np.zeros_like(a)
    p("complex", 1, 32, a, b, out)
    x, y = a.astype(np.float64) @ [1, 1j], b.astype(np.float64) @ [1, 1j]
    assert np.abs(out.astype(np.float64) @ [1, 1j] - (x * y + y / x)).max() < 1e-4
    rows = rng(1).integers(0, 100, (8, 12)).astype(np.int32)
    sought, found, ordered = np.full(8, 50, np.int32), np.zeros(8, np.int32), rows.copy()
    p("sequential", 1, 8, ordered, sought, found, 12)
    assert (ordered == np.sort(rows, 1)).all()
    assert found.tolist() == [np.searchsorted(r, 50) for r in ordered]


@pytest.mark.parametrize("lazy", [True, False])
def test_async_copy(program, lazy):  # noqa: F811
    p = program("async_copy")
    x = rng().integers(0, 50, (5, 64, 4)).astype(np.float32)
    out = np.zeros(64, np.float32)
    p("primitives", 1, 64, x, out, 5, lazy=lazy)
    assert (out == (x @ [1, -1, 1, -1]).sum(0)[::-1]).all()
    x = rng().integers(0, 50, (7, 128)).astype(np.int32)
    out = np.zeros(128, np.int32)
    for seed in range(3):
        p("pipeline", 1, 128, x, out, 7, lazy=lazy, seed=seed)
        assert (out == x.sum(0)[::-1]).all()
    x = rng().integers(0, 50, (32, 4)).astype(np.int32)
    out = np.zeros(32, np.int32)
    p("one_thread", 1, 32, x, out, lazy=lazy)
    assert (out == x[:, 0] * x[:, 3] + x[:, 1] * x[:, 2]).all()
