# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
2. A fused softmax
==================

The softmax of a row is exp(x) over the sum of exp(x). Written as one line of a tensor library it is five operations,
each of which reads a matrix from memory and puts one back. Here one kernel does it all while a row is at hand. You
will see

- why fewer trips to memory are worth more than fewer instructions,
- reductions: a whole row to one number,
- neutral elements: what a masked load should give instead of nothing,
- how the widest accesses come about, and how counters show that they did.

    python tutorials/02_fused_softmax.py [folder for plots]
    TEGULA_DEVICE=emu:sm_80 python tutorials/02_fused_softmax.py
"""

import sys

import tegula
import tegula.language as tl
import torch

DEVICE = tegula.get_device()
MEMORY = "cuda" if DEVICE.startswith("cuda") else "cpu"
EMULATED = DEVICE.startswith("emu:")

# %%
# The long way
# ------------
# For a matrix of M rows and N columns, the comments count the elements that go to and fro. The maximum is
# taken off first, as exp of a large number is infinite; the quotient stays the same.


def step_by_step(x: torch.Tensor) -> torch.Tensor:
    top = x.max(dim=1, keepdim=True).values  # reads MN, writes M
    shifted = x - top  # reads MN + M, writes MN
    e = shifted.exp()  # reads MN, writes MN
    total = e.sum(dim=1, keepdim=True)  # reads MN, writes M
    return e / total  # reads MN + M, writes MN


# %%
# 5 MN + 2 M in and 3 MN + 2 M out, where MN and MN would do: four times the traffic that is needed. Each
# step is too little work to hide that.
#
# The kernel
# ----------
# A program takes a row. The block is as wide as the row, rounded up to a power of two, so that it is there
# as a whole: read once, written once, and everything in between happens in registers.
#
# `tl.max` and `tl.sum` take a block to a number. The columns past the end of the row must not count, and
# both see the whole block. So the load says what stands in their place: minus infinity never is the
# maximum, and exp makes 0 of it, which adds nothing.


@tegula.jit
def softmax_kernel(out_ptr, x_ptr, out_stride, x_stride, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    inside = c < columns
    x = tl.load(x_ptr + row * x_stride + c, mask=inside, other=float("-inf"))
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(out_ptr + row * out_stride + c, e / tl.sum(e, axis=0), mask=inside)


# %%
# `row * x_stride` and not `row * columns`: the rows of a view may lie further apart than they are wide. The
# stride is also what decides how wide accesses can be. A launch notes which of its numbers 16 divides; if
# the stride is one of them, and the first row begins at such an address, then every row does, and 16 bytes
# move at once, for rows of any length.
#
# On a GPU a program is run by several warps, `num_warps` of 32 threads each. More of them are worth it for
# longer rows.


def softmax(x: torch.Tensor) -> torch.Tensor:
    rows, columns = x.shape
    assert x.stride(1) == 1
    out = torch.empty_like(x)
    BLOCK = tegula.next_power_of_2(columns)
    warps = min(max(BLOCK // 256, 1), 16)
    softmax_kernel[(rows,)](out, x, out.stride(0), x.stride(0), columns, BLOCK=BLOCK, num_warps=warps)
    return out


# %%
# Is it right?
# ------------
# 781 columns of rows that are 784 apart: the mask counts, the strides differ, and the numbers are large
# enough that without taking off the maximum everything would be infinite. fp64 is the judge. A few
# roundings of f32 are allowed.


def check() -> None:
    torch.manual_seed(0)
    x = (100 * torch.randn(37, 784, device=MEMORY))[:, :781]
    tegula.testing.assert_close(softmax(x), torch.softmax(x.double(), 1), atol=1e-9, rtol=2e-5)
    print(f"softmax on {DEVICE}: agrees with fp64")


# %%
# How fast is it?
# ---------------
# Against PyTorch's own fused softmax, and against the long way. The measure counts the traffic that is
# needed, not what is done, so that a kernel that moves more looks slower, as it should.
#
# On an emulated GPU, compare "sectors" with "sectors needed": where they are the same, no byte was moved
# twice and none in vain. They differ for rows of 781 that lie close together, and so begin anywhere: what a
# warp asks for straddles sectors. Where the rows of `x` and of `out` are 784 apart the difference goes, and
# with it two requests of three, as 16 bytes move at once. What the reductions cost is in the other columns:
# shared memory and barriers, by which warps tell each other their part. A row of a single warp needs neither.


@tegula.testing.perf_report(
    tegula.testing.Benchmark(
        x_names=["columns"],
        x_vals=[256, 781, 1024] if EMULATED else [256, 781, 1024, 4096],
        line_arg="provider",
        line_vals=["tegula"] if EMULATED else ["tegula", "torch", "steps"],
        line_names=["Tegula"] if EMULATED else ["Tegula", "PyTorch", "step by step"],
        ylabel="GB/s",
        plot_name="softmax",
        args={"rows": 64 if EMULATED else 1024},
    )
)
def benchmark(rows, columns, provider):
    x = torch.randn(rows, columns, device=MEMORY)
    of = {"tegula": softmax, "torch": lambda x: torch.softmax(x, 1), "steps": step_by_step}[provider]
    median, low, high = tegula.testing.do_bench(lambda: of(x), warmup=10, rep=40, quantiles=[0.5, 0.2, 0.8])

    def rate(milliseconds):
        return 2 * x.nbytes / milliseconds * 1e-6

    return rate(median), rate(high), rate(low)


# %%
# What next: a row need not fit. Walk it in blocks, carry the largest value so far and the sum of exp
# relative to it, and correct the sum whenever the largest changes. That is the heart of attention kernels.

if __name__ == "__main__":
    check()
    benchmark.run(print_data=True, save_path=sys.argv[1] if len(sys.argv) > 1 else "")
