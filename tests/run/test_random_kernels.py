"""Random kernels, compared between the CPU (pulled and unpulled) and the reference device.

`python tests/run/test_random_kernels.py [SEED]` runs without end from a seed and prints the kernel of a failure.
"""

from __future__ import annotations

import random
import sys

import pytest
import torch
from harness import check, data, define, more


class Generator:
    """Text of one kernel over tiles of one shape: a list of statements on a growing set of values."""

    def __init__(self, seed: int):
        self.r = random.Random(seed)
        self.rank = self.r.choice([1, 1, 2])
        self.shape = [self.r.choice([1, 3, 8, 16, 33, 64]) for _ in range(self.rank)]
        self.overlap = self.r.random() < 0.4
        self.dtype = self.r.choice(["float32", "float32", "int32", "float16"])
        self.values: list[str] = []
        self.lines: list[str] = []
        self.depth = 1
        self.count = 0

    @property
    def is_float(self) -> bool:
        return self.dtype.startswith("float")

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def emit(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def value(self) -> str:
        return self.r.choice(self.values)

    def index(self) -> str:
        if self.rank == 1:
            return self.r.choice(["i", "i", f"({self.shape[0]} - 1 - i)", "(i // 2)"])
        m, n = self.shape
        return self.r.choice([f"i[:, None] * {n} + j[None, :]"] * 3 + [f"j[None, :] * {m} + i[:, None]"])

    def mask(self) -> str:
        if self.r.random() < 0.5 or not self.values:
            return ""
        if self.rank == 1:
            return ", mask=i < n"
        return self.r.choice(
            [
                ", mask=(i[:, None] < n) & (j[None, :] < n)",
                ", mask=j[None, :] < n",
                f", mask={self.value()} > 0",
            ]
        )

    def load(self) -> None:
        mask = self.mask()
        other = ", other=1" if mask else ""
        name = self.fresh()
        self.emit(f"{name} = tl.load({self.r.choice(['x', 'y'])}_ptr + {self.index()}{mask}{other})")
        self.values.append(name)

    def store(self) -> None:
        target = self.r.choice(["o", "o", "x", "y"] if self.overlap else ["o"])
        self.emit(f"tl.store({target}_ptr + {self.index()}, {self.value()}{self.mask()})")

    def arithmetic(self) -> None:
        a, b, name = self.value(), self.value(), self.fresh()
        forms = [
            f"{a} + {b}",
            f"{a} - {b}",
            f"tl.maximum({a}, {b})",
            f"tl.where({a} > {b}, {a}, {b} * 2)",
            f"{a} * 3 + {b}",
        ]
        if self.is_float:
            forms += [f"{a} * {b} * 0.25", f"tl.abs({a}) * 0.5", f"{a} / (tl.abs({b}) + 1)", f"-{a} * 0.5"]
        else:
            forms += [f"{a} & {b}", f"{a} ^ {b}", f"({a} >> 1) + {b}", f"{a} * {b}"]
        text = self.r.choice(forms)
        self.emit(f"{name} = ({text}).to(tl.{self.dtype})")
        self.values.append(name)

    def reduction(self) -> None:
        a, name = self.value(), self.fresh()
        fn = self.r.choice(["max", "min", "sum"])
        if self.rank == 1:
            self.emit(
                f"{name} = ({self.value()} + tl.{fn}({a}, 0) * 0).to(tl.{self.dtype})"
                if fn == "sum"
                else f"{name} = ({self.value()} - tl.{fn}({a}, 0)).to(tl.{self.dtype})"
            )
        else:
            axis = self.r.choice([0, 1])
            expand = "[None, :]" if axis == 0 else "[:, None]"
            self.emit(
                f"{name} = ({self.value()} - tl.{fn if fn != 'sum' else 'max'}({a}, {axis}){expand}).to(tl.{self.dtype})"
            )
        self.values.append(name)

    def scan(self) -> None:
        a, name = self.value(), self.fresh()
        self.emit(f"{name} = tl.associative_scan({a}, {self.r.randrange(self.rank)}, largest)")
        self.values.append(name)

    def shape_op(self) -> None:
        a, name = self.value(), self.fresh()
        if self.rank == 1:
            self.emit(
                f"{name} = tl.reshape(tl.trans(tl.reshape({a}, (1, {self.shape[0]}))), ({self.shape[0]},))"
            )
        else:
            m, n = self.shape
            self.emit(f"{name} = tl.reshape(tl.trans({a}), ({m}, {n}))")
        self.values.append(name)

    def loop(self) -> None:
        name = self.value()
        self.emit(
            f"for k{self.count} in range({self.r.choice(['n % 4', '3', 'n'])}):"
            if self.r.random() < 0.7
            else "if n > 5:"
        )
        before = list(self.values)
        self.depth += 1
        for _ in range(self.r.randint(1, 3)):
            self.r.choice([self.arithmetic, self.arithmetic, self.load, self.store, self.reduction])()
        self.emit(f"{name} = ({self.value()} * {'0.5' if self.is_float else '1'}).to(tl.{self.dtype})")
        self.depth -= 1
        self.values = before

    def kernel(self) -> str:
        self.load()
        self.load()
        steps = [self.arithmetic] * 5 + [
            self.load,
            self.store,
            self.store,
            self.reduction,
            self.scan,
            self.shape_op,
        ]
        for _ in range(self.r.randint(3, 12)):
            self.r.choice(steps + ([self.loop] if self.depth < 2 else []))()
        self.store()
        j = f"    j = tl.arange(0, {self.shape[1]})\n" if self.rank == 2 else ""
        return (
            "@tegula.jit\ndef largest(a, b):\n    return tl.maximum(a, b)\n\n\n"
            f"@tegula.jit\ndef kernel(x_ptr, y_ptr, o_ptr, n):\n    i = tl.arange(0, {self.shape[0]})\n{j}"
            + "\n".join(self.lines)
            + "\n"
        )


def run(seed: int) -> None:
    generator = Generator(seed)
    source = generator.kernel()
    r = generator.r
    count = 1
    for extent in generator.shape:
        count *= extent
    base = data(3 * count + 64, generator.dtype, seed, "whole")
    if generator.overlap:
        starts = [r.randrange(0, 40) for _ in range(3)]
        x, y, o = (base[s : s + count] for s in starts)
    else:
        x, y, o = (base[k * count : (k + 1) * count].clone() for k in range(3))
    try:
        check(define(source), (1,), x, y, o, r.choice([0, 3, 7, 16, 20]), quality=False)
    except Exception:
        print(
            f"seed {seed}, shape {generator.shape}, {generator.dtype}, overlap {generator.overlap}\n{source}"
        )
        raise


@pytest.mark.parametrize("seed", more(list(range(120)), range(2000)))
def test_random_kernel(seed):
    run(seed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    while True:
        run(seed)
        seed += 1
        if seed % 100 == 0:
            print(f"{seed} kernels agree", flush=True)
