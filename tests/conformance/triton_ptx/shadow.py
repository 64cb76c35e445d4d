# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values in fp64 with a bound on the error that a kernel's arithmetic may have made: no tolerance is written by hand.

A `Shadow` is (v, e): the exact value v of an expression, and a bound e on |computed - v| where the computation rounds
as PTX says. The rules are those of running error analysis (Higham, "Accuracy and Stability of Numerical Algorithms",
chapters 3 and 4): an operation carries the errors of its operands on and adds its own rounding, u times the magnitude.
A fused multiply-add rounds once less than its two parts, so bounds hold with and without contraction.
"""

from __future__ import annotations

import math

import numpy as np

U32 = 2.0**-24  # half a unit in the last place, relative
U = {"f16": 2.0**-11, "bf16": 2.0**-8, "f32": U32, "e4m3": 2.0**-4, "e5m2": 2.0**-3}
TINY = {
    "f16": 2.0**-25,
    "bf16": 2.0**-126,
    "f32": 2.0**-126,
    "e4m3": 2.0**-10,
    "e5m2": 2.0**-17,
}  # subnormals flush or round
ULP = 2.0**-23  # a whole unit of f32: what PTX promises of its approximations is counted in these


class Shadow:
    __array_priority__ = 1000  # numpy_array * shadow is ours

    def __init__(self, v, e=0.0):
        self.v = np.asarray(v, np.float64)
        self.e = np.broadcast_to(np.asarray(e, np.float64), self.v.shape)

    # --- Sums and products in f32

    def __add__(self, other):
        other = of(other)
        return _rounded(self.v + other.v, self.e + other.e)

    __radd__ = __add__

    def __neg__(self):
        return Shadow(-self.v, self.e)

    def __sub__(self, other):
        return self + (-of(other))

    def __rsub__(self, other):
        return of(other) + (-self)

    def __mul__(self, other):
        other = of(other)
        carried = np.abs(self.v) * other.e + np.abs(other.v) * self.e + self.e * other.e
        return _rounded(self.v * other.v, carried)

    __rmul__ = __mul__

    def __truediv__(self, other):
        """div.full.f32: 2 ulp."""
        other = of(other)
        least = np.abs(other.v) - other.e
        assert (least > 0).all(), "a divisor that may be zero"
        v = self.v / other.v
        return _rounded(v, (self.e + np.abs(v) * other.e) / least, 4)

    def __rtruediv__(self, other):
        return of(other) / self

    def __getitem__(self, index):
        return Shadow(self.v[index], self.e[index])

    def sum(self, axis=None):
        """In any order."""
        n = self.v.size if axis is None else self.v.shape[axis]
        magnitude = (np.abs(self.v) + self.e).sum(axis)
        gamma = n * U32 / (1 - n * U32)
        return Shadow(self.v.sum(axis), self.e.sum(axis) + gamma * magnitude)

    def max(self, axis=None):
        return Shadow(self.v.max(axis), self.e.max(axis))


def of(x) -> Shadow:
    return x if isinstance(x, Shadow) else Shadow(x)


def _rounded(v, e, units=1.0) -> Shadow:
    with np.errstate(invalid="ignore"):
        own = units * U32 * (np.abs(v) + e) + 2.0**-126
    return Shadow(v, e + np.where(np.isfinite(v), own, 0))


def cast(x, kind: str) -> Shadow:
    x = of(x)
    return Shadow(x.v, x.e + U[kind] * (np.abs(x.v) + x.e) + TINY[kind])


def maximum(a, b) -> Shadow:
    a, b = of(a), of(b)
    return Shadow(np.maximum(a.v, b.v), np.maximum(a.e, b.e))


def where(condition, a, b) -> Shadow:
    a, b = of(a), of(b)
    return Shadow(np.where(condition, a.v, b.v), np.where(condition, a.e, b.e))


def exp2(x) -> Shadow:
    """ex2.approx.f32: 2 ulp."""
    x = of(x)
    v = np.exp2(x.v)
    with np.errstate(invalid="ignore", over="ignore"):
        carried = np.where(np.isfinite(x.v), v * np.expm1(math.log(2) * x.e), 0)
    return _rounded(v, carried, 4)


def exp(x) -> Shadow:
    """2 ** (x / ln 2), as compilers for GPUs write it."""
    x = of(x)
    with np.errstate(invalid="ignore"):
        power = x * Shadow(1 / math.log(2), U32 / math.log(2))
    y = exp2(power)
    return Shadow(np.exp(x.v), y.e)


def sqrt(x) -> Shadow:
    """sqrt.approx.f32: a relative error of 2**-23."""
    x = of(x)
    v = np.sqrt(x.v)
    return _rounded(v, np.where(v > 0, x.e / np.maximum(v, 1e-300), np.sqrt(x.e)), 2)


def erf(x, ulps=2) -> Shadow:
    """libdevice's: 2 ulp ("CUDA C++ Programming Guide", Mathematical Functions)."""
    x = of(x)
    v = np.vectorize(math.erf)(x.v)
    return _rounded(v, 2 / math.sqrt(math.pi) * x.e, 2 * ulps)


def dot(a, b, c=0.0, step=8, kept=24, inner=None, result=23) -> Shadow:
    """a @ b + c on a tensor core, or by multiply-adds in f32, whichever is worse.

    The tensor core takes `step` products at once, cuts each addend (the sum so far is one) to `kept` bits below the
    greatest and the sum to `result` bits (MMA-Sim, arXiv 2511.10909). A cut addend is off by less than 2**-kept of the
    greatest one; `inner` is the length where it is not that of the operands.
    """
    a, b, c = of(a), of(b), of(c)
    k = inner or a.v.shape[-1]
    magnitude = (np.abs(a.v) + a.e) @ (np.abs(b.v) + b.e) + np.abs(c.v) + c.e
    steps = math.ceil(k / step)
    units = steps * ((step + 1) * 2.0**-kept + 2.0**-result)
    own = max(units, k * U32 / (1 - k * U32)) * magnitude
    carried = a.e @ (np.abs(b.v) + b.e) + np.abs(a.v) @ b.e + c.e
    return Shadow(a.v @ b.v + c.v, carried + own + k * 2.0**-126)


def check(
    computed: np.ndarray, expected, kind: str = "f32", exact: bool = False, share: float = 0.02
) -> None:
    """Every element of `computed` lies within the bound, and the bound says something: below 2 % of the rms."""
    expected = cast(expected, kind) if kind else of(expected)
    computed = np.asarray(computed, np.float64)
    assert computed.shape == expected.v.shape, (computed.shape, expected.v.shape)
    if exact:
        wrong = computed != expected.v
    else:
        rms = math.sqrt(np.mean(expected.v**2))
        assert np.median(expected.e) < share * rms, (
            f"a bound of {np.median(expected.e):.3g} for an rms of {rms:.3g}"
        )
        with np.errstate(invalid="ignore"):  # what is not a number is wrong
            wrong = ~(np.abs(computed - expected.v) <= expected.e)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(
            f"{wrong.sum()} of {wrong.size} are wrong; at {at}: {computed[at]!r}, expected {expected.v[at]!r}"
            + ("" if exact else f" ± {expected.e[at]:.3g}")
        )
