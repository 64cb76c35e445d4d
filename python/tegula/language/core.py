# core.py - the classes of the language that exist outside of kernels: types, constexpr, functions
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Types, constants and functions of the language as Python objects.

Inside of a kernel the compiler gives these names their meaning. Outside, types and constexpr work as plain Python
objects; a function can be looked at, and says so when it is called.
"""

from __future__ import annotations

import builtins as _python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class function:
    """A function of the language."""

    def __init__(self, name: str, signature: str, doc: str, host: Callable[..., Any] | None = None) -> None:
        self.__tegula_name__ = name
        self.__name__ = name.rpartition(".")[2]
        self.__qualname__ = name
        self.__doc__ = doc
        self.signature = signature
        self.host = host

    @property
    def __signature__(self) -> Any:
        """What inspect.signature gives."""
        import inspect

        from .. import language

        space: dict[str, Any] = {"tl": language, "constexpr": constexpr}
        exec(f"def f{self.signature}: ...", space)
        return inspect.signature(space["f"])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.host is not None:
            return self.host(*args, **kwargs)
        from ..errors import LaunchError

        raise LaunchError(
            f"tl.{self.__tegula_name__} was called outside of a kernel\n"
            "  next: call it in a function decorated with @tegula.jit, and launch that by kernel[grid](...)."
        )

    def __repr__(self) -> str:
        return f"<function tl.{self.__tegula_name__}{self.signature}>"

    def __reduce__(self) -> str:
        return self.__qualname__


def _unwrap(value: Any) -> Any:
    return value.value if isinstance(value, constexpr) else value


class constexpr:
    """A value that is known when compiling: an annotation of parameters and globals, and a wrapper around a value."""

    __tegula_name__ = "constexpr"
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = _unwrap(value)

    def __repr__(self) -> str:
        return f"constexpr[{self.value}]"

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))

    def __index__(self) -> int:
        return self.value.__index__()

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.value(*map(_unwrap, args), **{k: _unwrap(v) for k, v in kwargs.items()})

    def __getitem__(self, index: Any) -> constexpr:
        return constexpr(self.value[_unwrap(index)])

    def __eq__(self, other: object) -> Any:
        return constexpr(self.value == _unwrap(other))

    def __ne__(self, other: object) -> Any:
        return constexpr(self.value != _unwrap(other))

    def __neg__(self) -> constexpr:
        return constexpr(-self.value)

    def __pos__(self) -> constexpr:
        return constexpr(+self.value)

    def __invert__(self) -> constexpr:
        return constexpr(~self.value)

    def logical_and(self, other: Any) -> constexpr:
        """self and other."""
        return constexpr(self.value and _unwrap(other))

    def logical_or(self, other: Any) -> constexpr:
        """self or other."""
        return constexpr(self.value or _unwrap(other))

    if TYPE_CHECKING:  # made by _operators below

        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...

        def __sub__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...

        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...

        def __truediv__(self, other: Any) -> Any: ...
        def __rtruediv__(self, other: Any) -> Any: ...

        def __floordiv__(self, other: Any) -> Any: ...
        def __rfloordiv__(self, other: Any) -> Any: ...

        def __mod__(self, other: Any) -> Any: ...
        def __rmod__(self, other: Any) -> Any: ...

        def __pow__(self, other: Any) -> Any: ...
        def __rpow__(self, other: Any) -> Any: ...

        def __and__(self, other: Any) -> Any: ...
        def __rand__(self, other: Any) -> Any: ...

        def __or__(self, other: Any) -> Any: ...
        def __ror__(self, other: Any) -> Any: ...

        def __xor__(self, other: Any) -> Any: ...
        def __rxor__(self, other: Any) -> Any: ...

        def __lshift__(self, other: Any) -> Any: ...
        def __rlshift__(self, other: Any) -> Any: ...

        def __rshift__(self, other: Any) -> Any: ...
        def __rrshift__(self, other: Any) -> Any: ...

        def __lt__(self, other: Any) -> Any: ...

        def __le__(self, other: Any) -> Any: ...

        def __gt__(self, other: Any) -> Any: ...

        def __ge__(self, other: Any) -> Any: ...


def _operators() -> None:
    import operator

    for name in "add sub mul truediv floordiv mod pow and or xor lshift rshift".split():
        apply = getattr(operator, f"__{name}__")
        setattr(
            constexpr, f"__{name}__", lambda self, other, f=apply: constexpr(f(self.value, _unwrap(other)))
        )
        setattr(
            constexpr, f"__r{name}__", lambda self, other, f=apply: constexpr(f(_unwrap(other), self.value))
        )
    for name in "lt le gt ge".split():
        apply = getattr(operator, f"__{name}__")
        setattr(
            constexpr, f"__{name}__", lambda self, other, f=apply: constexpr(f(self.value, _unwrap(other)))
        )


_operators()


class const:
    """Annotates a pointer that the kernel does not write through."""

    __tegula_name__ = "const"


# The last three 8-bit floats can be named, and nothing else yet.
_BITS = {
    "fp8e4nv": 8,
    "fp8e5": 8,
    "fp8e4b15": 8,
    "fp8e4b8": 8,
    "fp8e5b16": 8,
    "fp16": 16,
    "bf16": 16,
    "fp32": 32,
    "fp64": 64,
    "void": 0,
}
_MANTISSA = {
    "fp8e4nv": 3,
    "fp8e5": 2,
    "fp8e4b15": 3,
    "fp8e4b8": 3,
    "fp8e5b16": 2,
    "fp16": 10,
    "bf16": 7,
    "fp32": 23,
    "fp64": 52,
}


class dtype:
    """The type of an element: tl.int32, tl.float16, ..."""

    __tegula_name__ = "dtype"

    def __init__(self, name: str) -> None:
        name = str(_unwrap(name))
        self.name = name
        signed, unsigned = name.startswith("int"), name.startswith("uint")
        self._signed, self._unsigned = signed and name != "int1", unsigned or name == "int1"
        bits = int(name.lstrip("uint")) if signed or unsigned else _BITS.get(name)
        if bits is None or ((signed or unsigned) and bits not in (1, 8, 16, 32, 64)):
            raise ValueError(f"{name!r} is no type of the language")
        self.primitive_bitwidth = bits
        self.itemsize = bits // 8
        # How a signature writes it, and how the compiler does.
        self._short = ("u" if unsigned else "i") + str(bits) if signed or unsigned else name
        if signed or unsigned:
            self.int_bitwidth = bits
        elif name in _MANTISSA:
            self.fp_mantissa_width = _MANTISSA[name]

    def is_floating(self) -> bool:
        """Any float."""
        return self.name in _MANTISSA

    def is_standard_floating(self) -> bool:
        """A float of 16 bits or more."""
        return self.name in _MANTISSA and self.primitive_bitwidth > 8

    def is_fp8(self) -> bool:
        """A float of 8 bits."""
        return "fp8" in self.name

    def is_fp16(self) -> bool:
        """tl.float16."""
        return self.name == "fp16"

    def is_bf16(self) -> bool:
        """tl.bfloat16."""
        return self.name == "bf16"

    def is_fp32(self) -> bool:
        """tl.float32."""
        return self.name == "fp32"

    def is_fp64(self) -> bool:
        """tl.float64."""
        return self.name == "fp64"

    def is_int(self) -> bool:
        """Any integer, bool included."""
        return self._signed or self._unsigned

    def is_int_signed(self) -> bool:
        """int8 to int64."""
        return self._signed

    def is_int_unsigned(self) -> bool:
        """uint8 to uint64, and bool."""
        return self._unsigned

    def is_bool(self) -> bool:
        """tl.int1."""
        return self.name == "int1"

    is_int1 = is_bool

    def is_int8(self) -> bool:
        """tl.int8."""
        return self.name == "int8"

    def is_int16(self) -> bool:
        """tl.int16."""
        return self.name == "int16"

    def is_int32(self) -> bool:
        """tl.int32."""
        return self.name == "int32"

    def is_int64(self) -> bool:
        """tl.int64."""
        return self.name == "int64"

    def is_uint8(self) -> bool:
        """tl.uint8."""
        return self.name == "uint8"

    def is_uint16(self) -> bool:
        """tl.uint16."""
        return self.name == "uint16"

    def is_uint32(self) -> bool:
        """tl.uint32."""
        return self.name == "uint32"

    def is_uint64(self) -> bool:
        """tl.uint64."""
        return self.name == "uint64"

    def is_ptr(self) -> bool:
        """A pointer."""
        return False

    def is_block(self) -> bool:
        """A type with a shape."""
        return False

    def is_const(self) -> bool:
        """A pointer that is not written through."""
        return False

    def get_int_max_value(self) -> int:
        """The largest integer of the type."""
        return (1 << (self.primitive_bitwidth - self._signed)) - 1

    def get_int_min_value(self) -> int:
        """The least integer of the type."""
        return -(1 << (self.primitive_bitwidth - 1)) if self._signed else 0

    @property
    def scalar(self) -> dtype:
        """The element type."""
        return self

    def __eq__(self, other: object) -> bool:
        other = _unwrap(other)
        return isinstance(other, dtype) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        name = "bfloat16" if self.name == "bf16" else self.name
        return "tegula.language." + (f"float{name[2:]}" if name.startswith("fp") else name)


def _dtype_named(short: str) -> dtype:
    """The dtype that the compiler calls so: "fp32", "*ki8"."""
    if short.startswith("*"):
        return pointer_type(_dtype_named(short.removeprefix("*").removeprefix("k")), const=short[1] == "k")
    return next(t for t in globals().values() if type(t) is dtype and t._short == short)


class pointer_type(dtype):
    """A pointer to elements of a type."""

    __tegula_name__ = "pointer_type"

    def __init__(self, element_ty: dtype, address_space: Any = 1, const: bool = False) -> None:
        element_ty = _unwrap(element_ty)
        if not isinstance(element_ty, dtype):
            raise TypeError(f"a pointer points to a dtype, not to {type(element_ty).__name__}")
        self.element_ty = element_ty
        self.address_space = address_space
        self.const = bool(const)
        self.name = f"{'const_' if const else ''}pointer<{element_ty}>"
        self.primitive_bitwidth = 64
        self.itemsize = 8
        self._signed = self._unsigned = False
        self._short = ("*k" if const else "*") + element_ty._short

    def is_ptr(self) -> bool:
        """A pointer."""
        return True

    def is_const(self) -> bool:
        """A pointer that is not written through."""
        return self.const

    def __repr__(self) -> str:
        return self.name


class block_type(dtype):
    """The type of a tile: an element type and a shape."""

    __tegula_name__ = "block_type"

    def __init__(self, element_ty: dtype, shape: Sequence[int]) -> None:
        self.element_ty = element_ty
        self.shape = _python.tuple(_unwrap(n) for n in shape)
        self.numel = 1
        for n in self.shape:
            self.numel *= n
        self.name = f"<{self.shape}, {element_ty}>"
        self.primitive_bitwidth = element_ty.primitive_bitwidth
        self.itemsize = element_ty.itemsize
        self._signed = self._unsigned = False
        self._short = ""  # no argument has such a type

    def is_block(self) -> bool:
        """A type with a shape."""
        return True

    def get_block_shapes(self) -> _python.tuple[int, ...]:
        """The shape."""
        return self.shape

    @property
    def scalar(self) -> dtype:
        """The element type."""
        return self.element_ty

    def __repr__(self) -> str:
        return self.name


class _KernelOnly:
    """A class that only kernels make objects of."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return function(cls.__tegula_name__, "(...)", "")(*args, **kwargs)  # type: ignore[attr-defined]


if TYPE_CHECKING:
    from ._tensor import tensor as tensor
else:

    class tensor(_KernelOnly):
        """A value of a kernel: a scalar or a tile."""

        __tegula_name__ = "tensor"


class tuple(_KernelOnly):
    """A tuple of values of a kernel."""

    __tegula_name__ = "tuple"


class range(_KernelOnly):
    """A loop in a kernel: `for i in tl.range(start, stop, step, num_stages=...)`."""

    __tegula_name__ = "range"


class static_range(_KernelOnly):
    """A loop that is unrolled when compiling."""

    __tegula_name__ = "static_range"


void = dtype("void")
int1 = dtype("int1")
int8 = dtype("int8")
int16 = dtype("int16")
int32 = dtype("int32")
int64 = dtype("int64")
uint8 = dtype("uint8")
uint16 = dtype("uint16")
uint32 = dtype("uint32")
uint64 = dtype("uint64")
float8e5 = dtype("fp8e5")
float8e4nv = dtype("fp8e4nv")
float8e4b15 = dtype("fp8e4b15")
float8e4b8 = dtype("fp8e4b8")
float8e5b16 = dtype("fp8e5b16")
float16 = dtype("fp16")
bfloat16 = dtype("bf16")
float32 = dtype("fp32")
float64 = dtype("fp64")
pi32_t = pointer_type(int32)


class PropagateNan:
    """What minimum, maximum and clamp do with NaN: return the other operand, or NaN."""

    __tegula_space__ = "PropagateNan"
    NONE = "none"
    ALL = "all"


TRITON_MAX_TENSOR_NUMEL = 2**31 - 1


def _cdiv(x: int, div: int) -> int:
    x, div = _unwrap(x), _unwrap(div)
    return -(-x // div)


def _next_power_of_2(n: int) -> int:
    n = _unwrap(n)
    return 1 << (n - 1).bit_length() if n > 0 else 0


def _get_int_dtype(bitwidth: int, signed: bool) -> dtype:
    bits = _unwrap(bitwidth)
    return _dtype_named(f"{'i' if _unwrap(signed) or bits == 1 else 'u'}{bits}")


cdiv = function("cdiv", "(x, div)", "x / div, rounded up. Works on integers outside of kernels too.", _cdiv)
next_power_of_2 = function(
    "next_power_of_2",
    "(n)",
    "The least power of two that is at least n. Works on integers outside of kernels too.",
    _next_power_of_2,
)
get_int_dtype = function(
    "get_int_dtype",
    "(bitwidth, signed)",
    "The integer type of so many bits. Works outside of kernels too.",
    _get_int_dtype,
)


def must_use_result(x: Any, s: bool = True) -> Any:
    """A decorator of Triton's; does nothing here."""
    return x if callable(x) else (lambda f: f)


CONSTEXPR_0 = constexpr(0)

__tegula_space__ = ""


def __getattr__(name: str) -> object:
    # Triton defines the functions here; programs that inspect them look for them under this module.
    from . import _functions

    try:
        return getattr(_functions, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
