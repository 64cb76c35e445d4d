# jit.py - from a Python function to a jit function
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""`@jit`: a function's source text, its parameters and its surroundings go to the compiler."""

from __future__ import annotations

from .. import _tegula
from ..language import core
from ..tools.tensor_descriptor import TensorDescriptor
from .host import ConstexprFunction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_EMPTY = object()


def _block(lines: list[str], first: int, code: Any) -> list[str]:
    """The lines of the function that begins at line number `first` (its decorators included)."""

    def last_line(c: Any) -> int:
        last = max((line for *_, line in c.co_lines() if line), default=first)
        last = (
            max((p[1] for p in c.co_positions() if p[1]), default=last)
            if hasattr(c, "co_positions")
            else last
        )
        return max([last] + [last_line(k) for k in c.co_consts if isinstance(k, type(c))])

    indent = len(lines[first - 1]) - len(lines[first - 1].lstrip())
    end = min(last_line(code), len(lines))
    # Python drops code that is never reached, so what follows and is indented deeper belongs to the function too.
    stop = end
    while stop < len(lines):
        line = lines[stop].lstrip()
        if line and not line.startswith("#"):
            if len(lines[stop]) - len(line) <= indent:
                break
            end = stop + 1
        stop += 1
    return lines[first - 1 : end]


def _find_source(fn: Any) -> tuple[str, int, str]:
    """(file, number of its first line, text) of a function; raises CompileError where there is none."""
    import linecache

    code = fn.__code__
    file, first = code.co_filename, code.co_firstlineno
    linecache.checkcache(file)
    lines = linecache.getlines(file, fn.__globals__)
    if not lines:
        where = "it was typed at the interactive prompt" if file == "<stdin>" else f"it comes from {file}"
        if file == "<string>":
            where = "it was made by exec or python -c"
        _tegula.raise_("jit_no_source", fn.__name__, where)
    if first > len(lines) or not lines[first - 1].lstrip().startswith(("@", "def", "async")):
        _tegula.raise_("jit_source_changed", fn.__name__, first, file)
    return file, first, "".join(_block(lines, first, code))


def _annotation(value: Any) -> str:
    """The annotation of a parameter in Triton's short names: "constexpr", "const", "i64", "*fp32", "*kfp32"; "" for none."""
    if value is core.constexpr:
        return "constexpr"
    if value is core.const:
        return "const"
    if isinstance(value, core.dtype):
        return value._short
    if isinstance(value, type):
        return _SHORT.get(value.__name__, "")
    if not isinstance(value, str):
        return ""
    text = value.strip().strip("\"'").strip()
    if "constexpr" in text:
        return "constexpr"
    const = text.startswith("const ") or text.startswith("*k")
    if text.startswith("const "):
        text = text[6:].strip()
    name = (
        text.removeprefix("tl.")
        .removeprefix("triton.language.")
        .removeprefix("tegula.language.")
        .removesuffix("_t")
    )
    if name == "const":
        return "const"
    pointer = name.startswith("*") or name.endswith("*")
    name = name.removeprefix("*k" if name.startswith("*k") else "*").removesuffix("*")
    name = name.strip().removeprefix("tl.")
    short = _SHORT.get(name, "")
    if not short:
        # A type of someone's own (Tensor, torch.Tensor) says nothing; what looks like a type of ours must be one.
        return text if pointer or (name[:1] in "iuf" and name[1:].isdigit()) else ""
    return ("*k" if const else "*") + short if pointer else short


_SHORT = {
    **{s: s for s in "i8 i16 i32 i64 u8 u16 u32 u64 fp8e4nv fp8e5 fp16 bf16 fp32 fp64".split()},
    **{"bool": "i1", "int1": "i1", "uint1": "i1", "u1": "i1", "i1": "i1", "half": "fp16", "float16": "fp16"},
    **{
        "bfloat16": "bf16",
        "float": "fp32",
        "float32": "fp32",
        "double": "fp64",
        "float64": "fp64",
        "int8": "i8",
    },
    **{
        "int16": "i16",
        "int": "i32",
        "int32": "i32",
        "int64": "i64",
        "uint8": "u8",
        "uint16": "u16",
        "uint32": "u32",
    },
    **{
        "uint64": "u64",
        "float8e4nv": "fp8e4nv",
        "float8_e4m3fn": "fp8e4nv",
        "float8e5": "fp8e5",
        "float8_e5m2": "fp8e5",
    },
}


class KernelParam:
    """One parameter of a jit function."""

    __slots__ = (
        "annotation",
        "default",
        "do_not_specialize",
        "do_not_specialize_on_alignment",
        "kind",
        "name",
        "num",
    )

    def __init__(self, num: int, name: str, kind: int, annotation: str, default: Any) -> None:
        self.num = num
        self.name = name
        self.kind = kind
        self.annotation = annotation
        self.default = default
        self.do_not_specialize = False
        self.do_not_specialize_on_alignment = False

    @property
    def is_constexpr(self) -> bool:
        """Known when compiling."""
        return self.annotation == "constexpr"

    @property
    def is_const(self) -> bool:
        """A pointer that is not written through."""
        return self.annotation == "const" or self.annotation.startswith("*k")

    @property
    def has_default(self) -> bool:
        """Whether a call may leave it out."""
        return self.default is not _EMPTY

    def _row(self) -> tuple[object, ...]:
        type_ = "" if self.annotation in ("constexpr", "const") else self.annotation
        # As Triton: floats and bools that are annotated are what they are annotated, and specialised on nothing.
        plain = type_ == "i1" or type_.startswith(("fp", "bf"))
        # A parameter with a scalar type of its own is never turned into a constant 1.
        specialise = not (self.do_not_specialize or plain)
        default = None if self.default is _EMPTY else self.default
        return (
            self.name,
            self.kind,
            self.has_default,
            default,
            type_,
            self.is_constexpr,
            self.is_const,
            specialise,
            not self.do_not_specialize_on_alignment,
        )


def _parameters(fn: Any) -> list[KernelParam]:
    code = fn.__code__
    names = code.co_varnames
    count, keyword_only = code.co_argcount, code.co_kwonlyargcount
    defaults = fn.__defaults__ or ()
    params: list[KernelParam] = []

    def add(name: str, kind: int, default: Any = _EMPTY) -> None:
        params.append(
            KernelParam(len(params), name, kind, _annotation(fn.__annotations__.get(name)), default)
        )

    for i in range(count):
        k = i - (count - len(defaults))
        add(names[i], 0, defaults[k] if k >= 0 else _EMPTY)
    varargs = code.co_flags & 4
    if varargs:
        add(names[count + keyword_only], 2)
    for i in range(count, count + keyword_only):
        add(names[i], 1, (fn.__kwdefaults__ or {}).get(names[i], _EMPTY))
    if code.co_flags & 8:
        _tegula.raise_(
            "jit_not_a_function",
            f"'{fn.__name__}' with a parameter **{names[count + keyword_only + bool(varargs)]}",
        )
    return params


class KernelInterface:
    """What `kernel[grid](...)` works on."""

    def run(self, *args: Any, grid: Any, warmup: bool = False, **kwargs: Any) -> Any:
        """Launches on `grid`, or only compiles with `warmup=True`."""
        raise NotImplementedError

    def warmup(self, *args: Any, grid: Any = (1,), **kwargs: Any) -> Any:
        """Compiles for these arguments without launching; dtypes may stand for tensors."""
        return self.run(*map(MockTensor.wrap_dtype, args), grid=grid, warmup=True, **kwargs)

    fn: Any

    def __getitem__(self, grid: Any) -> Callable[..., Any]:
        return lambda *args, **kwargs: self.run(*args, grid=grid, warmup=False, **kwargs)


class JITFunction(_tegula.Function, KernelInterface):
    """A function that is compiled for the arguments it is called with: `kernel[grid](*args, num_warps=4)`.

    `grid` is a tuple of one to three numbers of programs, a number, or a function of the arguments by name that
    returns one of these. The call returns the `CompiledKernel` that ran.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> JITFunction:
        return _tegula.Function.__new__(cls)

    def __init__(
        self,
        fn: Any,
        version: Any = None,
        do_not_specialize: Iterable[int | str] | None = None,
        do_not_specialize_on_alignment: Iterable[int | str] | None = None,
        debug: bool | None = None,
        noinline: bool | None = None,
        repr: Callable[..., str] | None = None,
        launch_metadata: Callable[..., Any] | None = None,
        source: str | None = None,
    ) -> None:
        if not isinstance(fn, type(_annotation)) or fn.__name__ == "<lambda>":
            _tegula.raise_(
                "jit_not_a_function",
                f"a {type(fn).__name__}" if not isinstance(fn, type(_annotation)) else "a lambda",
            )
        if source is None:
            file, first, text = _find_source(fn)
        else:
            file, first, text = fn.__code__.co_filename, 1, source
        self.fn = fn
        self.module = fn.__module__
        self.version = version
        self.debug = debug
        self.noinline = noinline
        self.launch_metadata = launch_metadata
        self._repr = repr
        self.__name__ = fn.__name__
        self.__qualname__ = fn.__qualname__
        self.__module__ = fn.__module__
        self.__doc__ = fn.__doc__
        self.__globals__ = fn.__globals__
        self.__wrapped__ = fn
        self.file_name = file
        self.starting_line_number = first
        self.src = text
        self.raw_src = text
        self.params = _parameters(fn)
        self.do_not_specialize = list(do_not_specialize or ())
        self.do_not_specialize_on_alignment = list(do_not_specialize_on_alignment or ())
        for p in self.params:
            p.do_not_specialize = p.name in self.do_not_specialize or p.num in self.do_not_specialize
            on = self.do_not_specialize_on_alignment
            p.do_not_specialize_on_alignment = p.name in on or p.num in on
        self.arg_names = [p.name for p in self.params]
        self.constexprs = [p.num for p in self.params if p.is_constexpr]
        self.pre_run_hooks: list[Callable[..., Any]] = []
        rows = [p._row() for p in self.params]
        name = f"{fn.__module__}.{fn.__qualname__}" if fn.__module__ else fn.__qualname__
        _tegula.Function.__init__(self, fn, fn.__name__, name, file, first, text, rows, debug, noinline)

    def run(self, *args: Any, grid: Any, warmup: bool = False, **kwargs: Any) -> Any:
        """Launches on `grid`, or only compiles with `warmup=True`."""
        return self._warmup(*args, **kwargs) if warmup else self[grid](*args, **kwargs)

    def add_pre_run_hook(self, hook: Callable[..., Any]) -> None:
        """`hook` is called with the arguments before every launch."""
        self.pre_run_hooks.append(hook)
        self._set_pre_run_hooks(self.pre_run_hooks)

    def __repr__(self) -> str:
        return f"JITFunction({self.module}:{self.__qualname__})"


def jit(
    fn: Any = None,
    *,
    version: Any = None,
    repr: Callable[..., str] | None = None,
    launch_metadata: Callable[..., Any] | None = None,
    do_not_specialize: Iterable[int | str] | None = None,
    do_not_specialize_on_alignment: Iterable[int | str] | None = None,
    debug: bool | None = None,
    noinline: bool | None = None,
    source: str | None = None,
) -> Any:
    """Makes a kernel, or a function that kernels call, of a Python function.

    do_not_specialize: parameters (names or positions) whose values are never assumed to be 1 or multiples of 16.
    do_not_specialize_on_alignment: only the latter.
    debug: keep device_assert. noinline: a hint. version, repr, launch_metadata: kept for tools that look at them.
    source: the text of the function, for one that is in no file (made by exec, or typed at a prompt).
    """

    def wrap(f: Any) -> JITFunction:
        return JITFunction(
            f,
            version=version,
            do_not_specialize=do_not_specialize,
            do_not_specialize_on_alignment=do_not_specialize_on_alignment,
            debug=debug,
            noinline=noinline,
            repr=repr,
            launch_metadata=launch_metadata,
            source=source,
        )

    return wrap if fn is None else wrap(fn)


class MockTensor:
    """Stands for a tensor of a dtype where only a compile is wanted."""

    def __init__(self, dtype: Any, shape: Any = None) -> None:
        self.dtype = dtype
        self.shape = shape or [1]

    @staticmethod
    def wrap_dtype(arg: Any) -> Any:
        """A MockTensor of a PyTorch or NumPy dtype; anything else as it is."""
        if type(arg).__name__ == "dtype" and type(arg).__module__ in ("torch", "numpy"):
            return MockTensor(arg)
        return arg

    @staticmethod
    def data_ptr() -> int:
        """An address that is a multiple of 16."""
        return 0

    def stride(self) -> tuple[int, ...]:
        """Strides of the contiguous tensor of this shape."""
        strides = [1]
        for n in reversed(self.shape[1:]):
            strides.append(strides[-1] * n)
        return tuple(reversed(strides))


class TensorWrapper:
    """A tensor's memory under another dtype of the same width."""

    def __init__(self, base: Any, dtype: Any) -> None:
        self.base = base
        self.dtype = dtype
        self.device = getattr(base, "device", None)
        self.shape = base.shape

    def data_ptr(self) -> int:
        """The address of the first element."""
        base: Any = self.base
        return base.data_ptr() if hasattr(base, "data_ptr") else base.ctypes.data

    def __repr__(self) -> str:
        return f"TensorWrapper[{self.dtype}]({self.base})"


def reinterpret(tensor: Any, dtype: Any) -> TensorWrapper:
    """`tensor` as a kernel sees it with the element type `dtype`; the memory is the same."""
    base = tensor.base if isinstance(tensor, TensorWrapper) else tensor
    return TensorWrapper(base, dtype)


_tegula.register_types(
    core.constexpr, core.dtype, core.pointer_type, core.function, ConstexprFunction, TensorDescriptor
)
