# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
3. Matrix multiplication
========================

C = A B is where a GPU's tensor cores earn their keep, and where a kernel is won or lost by what it reads how often. You
will see

- tiles in two dimensions, and blocks of pointers that move along,
- `tl.dot`, which becomes instructions of tensor cores on a GPU, and a micro-kernel of vector registers on a CPU,
- pipelining: the next tiles are on their way while the present ones are multiplied,
- an order of programs by which they share what they read,
- the autotuner, which tries several tile sizes for you.

    python tutorials/03_matmul.py [folder for plots]
    TEGULA_DEVICE=emu:sm_80 python tutorials/03_matmul.py
"""

import sys

import tegula
import tegula.language as tl
import torch

DEVICE = tegula.get_device()
MEMORY = "cuda" if DEVICE.startswith("cuda") else "cpu"
EMULATED = DEVICE.startswith("emu:")

# %%
# Tiles
# -----
# An element of C needs a row of A and a column of B. A program that computes BM x BN elements needs BM rows
# and BN columns, which is (BM + BN) K numbers for 2 BM BN K operations: the larger the tile, the more is
# done with each number that is read. It walks along K in steps of BK, with the tile of C in registers all
# the while:
#
#     for k in 0, BK, 2 BK, ...:
#         C tile += A[rows of the tile, k : k + BK]  @  B[k : k + BK, columns of the tile]
#
# Blocks of pointers
# ------------------
# Element (i, k) of A lies at `a_ptr + i * a_row + k * a_column`. With `i` standing and `k` lying, by `[:,
# None]` and `[None, :]`, this makes a block of BM x BK pointers. From one step to the next all of them move
# by the same amount.
#
# Strides of 1 are noticed at the launch and become part of the program, so nothing is lost by passing them
# all: the same kernel multiplies transposed matrices, by other strides.
#
# The order of programs
# ---------------------
# Programs that run at about the same time share the second-level cache. Were the tiles of C taken row by
# row, the first 100 would need one row of tiles of A and all of B. Taken in squares they need far less:
# here GROUP tiles down come before the next column of tiles. `tl.swizzle2d` of the language does just this;
# spelled out, it is five lines.
#
# Configurations
# --------------
# How large tiles should be depends on the device and the shapes. `autotune` runs each configuration once
# for a new `key` and keeps the fastest; on an emulated GPU, the one of the fewest instructions. `num_warps`
# shares a tile among so many warps, and `num_stages` says how many tiles of A and B are under way at once,
# in shared memory.

if DEVICE == "cpu" or DEVICE == "reference":
    CONFIGS = [
        tegula.Config({"BM": 64, "BN": 64, "BK": 64, "GROUP": 4}),
        tegula.Config({"BM": 128, "BN": 128, "BK": 64, "GROUP": 4}),
    ]
else:
    CONFIGS = [
        tegula.Config({"BM": 64, "BN": 64, "BK": 32, "GROUP": 8}, num_warps=4, num_stages=3),
        tegula.Config({"BM": 128, "BN": 64, "BK": 32, "GROUP": 8}, num_warps=4, num_stages=3),
        tegula.Config({"BM": 128, "BN": 128, "BK": 32, "GROUP": 8}, num_warps=8, num_stages=3),
    ]


@tegula.autotune(configs=CONFIGS, key=["M", "N", "K"])
@tegula.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, M, N, K, a_row, a_column, b_row, b_column, c_row, c_column,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    # Which tile of C is this program's? Groups of GROUP rows of tiles, and within a group column by column.
    number = tl.program_id(0)
    across = tl.cdiv(N, BN)
    group = number // (GROUP * across)
    height = tl.minimum(tl.cdiv(M, BM) - group * GROUP, GROUP)  # the last group may be a smaller one
    tile_row = group * GROUP + number % (GROUP * across) % height
    tile_column = number % (GROUP * across) // height

    # Rows and columns past the end wrap around to the front: they are read, multiplied, and not stored. That saves two
    # masks in the loop. Along K nothing may be read that does not belong: there zeros are filled in.
    i = (tile_row * BM + tl.arange(0, BM)) % M
    j = (tile_column * BN + tl.arange(0, BN)) % N
    k = tl.arange(0, BK)
    a = a_ptr + i[:, None] * a_row + k[None, :] * a_column
    b = b_ptr + k[:, None] * b_row + j[None, :] * b_column

    # Sums are in f32, whatever A and B hold.
    total = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, K, BK):
        x = tl.load(a, mask=k[None, :] < K - start, other=0.0)
        y = tl.load(b, mask=k[:, None] < K - start, other=0.0)
        total = tl.dot(x, y, total)
        a += BK * a_column
        b += BK * b_row

    i = tile_row * BM + tl.arange(0, BM)
    j = tile_column * BN + tl.arange(0, BN)
    c = c_ptr + i[:, None] * c_row + j[None, :] * c_column
    tl.store(c, total.to(c_ptr.dtype.element_ty), mask=(i[:, None] < M) & (j[None, :] < N))


# %%
# The grid depends on the tile size, which the autotuner chooses: so it is a function of the chosen
# constants.


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    (M, K), (_, N) = a.shape, b.shape
    assert b.shape[0] == K
    c = torch.empty((M, N), device=a.device, dtype=a.dtype)

    def grid(chosen):
        return (tegula.cdiv(M, chosen["BM"]) * tegula.cdiv(N, chosen["BN"]),)

    matmul_kernel[grid](a, b, c, M, N, K, *a.stride(), *b.stride(), *c.stride())
    return c


# %%
# Is it right?
# ------------
# Extents that no tile divides, and B transposed. Tensor cores take f16; a CPU is at home in f32. The bound
# is that of the format: f32 sums of K products, rounded once to the format of C.

DTYPE = torch.float32 if MEMORY == "cpu" and not EMULATED else torch.float16


def check() -> None:
    torch.manual_seed(0)
    a = torch.randn(150, 200, device=MEMORY, dtype=DTYPE)
    b = torch.randn(170, 200, device=MEMORY, dtype=DTYPE).T
    step = torch.finfo(DTYPE).eps
    tegula.testing.assert_close(matmul(a, b), a.double() @ b.double(), atol=1e-4, rtol=step)
    print(f"matmul of {DTYPE} on {DEVICE}: agrees with fp64; chosen: {matmul_kernel.best_config}")


# %%
# How fast is it?
# ---------------
# 2 M N K operations over the time. On an emulated GPU, the counters: shared memory hands out 32 words a
# wavefront, and `tegula.testing.count` tells you more about a launch, such as how often each line of the
# kernel was executed.


@tegula.testing.perf_report(
    tegula.testing.Benchmark(
        x_names=["M", "N", "K"],
        x_vals=[128, 256] if EMULATED else [256, 512, 1024],
        line_arg="provider",
        line_vals=["tegula"] if EMULATED else ["tegula", "torch"],
        line_names=["Tegula"] if EMULATED else ["Tegula", "PyTorch"],
        ylabel="TFLOP/s",
        plot_name="matmul",
        args={},
    )
)
def benchmark(M, N, K, provider):
    a = torch.randn(M, K, device=MEMORY, dtype=DTYPE)
    b = torch.randn(K, N, device=MEMORY, dtype=DTYPE)
    of = matmul if provider == "tegula" else torch.matmul
    of(a, b)  # the autotuner makes its choice before anything is measured
    median, low, high = tegula.testing.do_bench(
        lambda: of(a, b), warmup=10, rep=50, quantiles=[0.5, 0.2, 0.8]
    )

    def rate(milliseconds):
        return 2 * M * N * K / milliseconds * 1e-9

    return rate(median), rate(high), rate(low)


# %%
# What next: an activation function over `total` before it is stored costs next to nothing. A bias is a row
# that is loaded once a tile. And a softmax between two products, with the trick at the end of the second
# tutorial, is attention.

if __name__ == "__main__":
    check()
    benchmark.run(print_data=True, save_path=sys.argv[1] if len(sys.argv) > 1 else "")
