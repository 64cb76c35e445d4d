# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
1. Adding two vectors
=====================

A first kernel, from the idea to a measurement. You will see

- how a kernel is written for a *block* of numbers at a time, and launched over a grid of blocks,
- what a mask is for,
- how a result is checked, and a kernel measured: by time where there is time, by counts on an emulated GPU.

Run it where you are; the device is chosen outside of the program:

    python tutorials/01_vector_add.py                            # a GPU if there is one, else the CPU
    TEGULA_DEVICE=cpu python tutorials/01_vector_add.py plots    # and plots into the folder `plots` (needs Matplotlib)
    TEGULA_DEVICE=emu:sm_80 python tutorials/01_vector_add.py    # an NVIDIA A100, emulated

PyTorch holds the vectors and has the answer that we compare with.
"""

import sys

import tegula
import tegula.language as tl
import torch

# %%
# The kernel
# ----------
# A thread of CUDA has one number in hand. A program of Tegula has a whole block, and says what happens to
# it as if it were one value: the compiler decides which thread holds which element, how wide the loads are,
# and what is kept where.
#
# The function below is run many times over, once a *program*. `tl.program_id(0)` is the number of the
# program: the only thing in which one differs from another. From it a program works out which part of the
# vectors is its own.


@tegula.jit
def add_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    first = tl.program_id(0) * BLOCK
    i = first + tl.arange(0, BLOCK)  # BLOCK indices: first, first + 1, ...
    # The vectors seldom end where a block ends. Where the mask is false nothing is read and nothing written.
    inside = i < n
    x = tl.load(x_ptr + i, mask=inside)
    y = tl.load(y_ptr + i, mask=inside)
    tl.store(out_ptr + i, x + y, mask=inside)


# %%
# A tensor that is passed to a kernel arrives as a pointer to its first element, and `x_ptr + i` is a block
# of pointers. `BLOCK` is a `constexpr`: its value is part of the program, so that each value that is used
# gives a kernel of its own. The kernel is compiled when it is first launched with a set of types, and
# remembered, in this process and on the disk.
#
# The launch
# ----------
# What stands in the brackets is the grid: how many programs there are. All of them together are to cover
# the vectors.


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    n = out.numel()
    BLOCK = 1024
    add_kernel[(tegula.cdiv(n, BLOCK),)](x, y, out, n, BLOCK=BLOCK)
    return out


# %%
# Is it right?
# ------------
# The length is none that 1024 divides: without the mask the last program would write past the end. One
# addition is rounded the same way everywhere, so nothing less than the same bits will do. (With
# `TEGULA_EMU_CHECKS=fatal` an emulated GPU also stops at the first access out of bounds: take the mask away
# and see.)

DEVICE = tegula.get_device()
MEMORY = "cuda" if DEVICE.startswith("cuda") else "cpu"  # an emulated GPU works on this machine's memory


def check() -> None:
    x, y = (torch.rand(98_432 - 5, device=MEMORY) for _ in range(2))
    assert torch.equal(add(x, y), x + y)
    print(f"add on {DEVICE}: the same bits as PyTorch's")


# %%
# How fast is it?
# ---------------
# Nothing here takes long but memory: two numbers come in and one goes out for a single addition. So the
# measure is the traffic, in gigabytes a second, and the bar is what the memory can do.
#
# A `Benchmark` describes a plot: what goes along the x axis, and which lines there are. The function under
# `perf_report` gives one point of one line. `do_bench` calls what it is given many times and tells how many
# milliseconds a call takes.
#
# An emulated GPU executes each instruction that the real one would, but has no clock: time there would be
# this machine's. In place of milliseconds the report shows what was counted (and of Tegula only: PyTorch
# knows no such GPU). Look at the sectors, the pieces of 32 bytes that memory moves: there are just as many
# as the vectors fill, so no access is wasted.

EMULATED = DEVICE.startswith("emu:")


@tegula.testing.perf_report(
    tegula.testing.Benchmark(
        x_names=["n"],
        x_vals=[2**e for e in (range(12, 19, 2) if EMULATED else range(12, 23, 2))],
        x_log=True,
        line_arg="provider",
        line_vals=["tegula"] if EMULATED else ["tegula", "torch"],
        line_names=["Tegula"] if EMULATED else ["Tegula", "PyTorch"],
        ylabel="GB/s",
        plot_name="vector-add",
        args={},
    )
)
def benchmark(n, provider):
    x, y = (torch.rand(n, device=MEMORY) for _ in range(2))
    call = (lambda: add(x, y)) if provider == "tegula" else (lambda: x + y)
    median, low, high = tegula.testing.do_bench(call, warmup=10, rep=50, quantiles=[0.5, 0.2, 0.8])

    def rate(milliseconds):
        return 3 * x.nbytes / milliseconds * 1e-6

    return rate(median), rate(high), rate(low)


# %%
# What next: replace the addition by something longer, `tl.sin(x) * y` say. As long as memory is the bar the
# figures stay where they are. That one kernel does in one pass what a library does in several is the
# subject of the next tutorial.

if __name__ == "__main__":
    check()
    benchmark.run(print_data=True, save_path=sys.argv[1] if len(sys.argv) > 1 else "")
