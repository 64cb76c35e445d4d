# __init__.py - ahead-of-time compiles and compiled kernels
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Compiles ahead of time, and what a compiled kernel shows."""

from __future__ import annotations

from .. import _tegula, knobs
from ..backends.compiler import GPUTarget
from ..errors import CompilationError, CompileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ..runtime.jit import JITFunction


class ASTSource:
    """What to compile: a jit function, the types of its arguments and the values of its constexprs.

    signature: {name: "*fp16" / "i32" / "constexpr" / a tuple of these}, in any order.
    constexprs: {name or (position,): value}; {(position, item): value} inside of tuples.
    attrs: {(position,): [["tt.divisibility", 16]]}.
    """

    def __init__(
        self,
        fn: JITFunction,
        signature: Mapping[str, Any],
        constexprs: Mapping[Any, Any] | None = None,
        attrs: Mapping[tuple[int, ...], Any] | None = None,
    ) -> None:
        self.fn = fn
        self.name = fn.__name__
        self.ext = "tile"
        self.signature = dict(signature)
        self.attrs = dict(attrs or {})
        self.constants: dict[tuple[int, ...], Any] = {}
        names = ", ".join(fn.arg_names)
        for name in self.signature:
            if name not in fn.arg_names:
                _tegula.raise_("compile_unknown_parameter", self.name, repr(name), names)
        for key, value in (constexprs or {}).items():
            if isinstance(key, str) and key not in fn.arg_names:
                _tegula.raise_("compile_unknown_parameter", self.name, repr(key), names)
            path = (
                (fn.arg_names.index(key),)
                if isinstance(key, str)
                else tuple(key)
                if isinstance(key, tuple)
                else (key,)
            )
            if not 0 <= path[0] < len(fn.arg_names):
                _tegula.raise_("compile_unknown_parameter", self.name, f"number {path[0]}", names)
            self.constants[path] = value

    def _divisibility(self, path: tuple[int, ...]) -> int:
        for name, value in self.attrs.get(path, ()):
            if name == "tt.divisibility" and value % 16 == 0:
                return 16
        return 1

    def _row(self, name: str, type_: Any, path: tuple[int, ...]) -> tuple[str, str, Any]:
        if path in self.constants:
            return name, "constexpr", self.constants[path]
        if isinstance(type_, (tuple, list)):
            return name, "tuple", [self._row("", t, (*path, i)) for i, t in enumerate(type_)]
        if type_ == "constexpr":
            param = self.fn.params[path[0]]
            if len(path) > 1 or not param.has_default:
                _tegula.raise_("compile_missing_constexpr", self.name, self.fn.arg_names[path[0]])
            return name, "constexpr", param.default
        return name, str(type_), self._divisibility(path)

    def _rows(self) -> list[tuple[str, str, Any]]:
        rows = []
        for i, name in enumerate(self.fn.arg_names):
            if name not in self.signature and (i,) not in self.constants:
                if not self.fn.params[i].is_constexpr:
                    _tegula.raise_("compile_missing_type", self.name, name)
                rows.append(self._row(name, "constexpr", (i,)))
            else:
                rows.append(self._row(name, self.signature.get(name, "constexpr"), (i,)))
        return rows


class Times:
    """Where the time of a compile went."""

    __slots__ = ("lowering_stages",)

    def __init__(self, lowering_stages: list[tuple[str, float]]) -> None:
        self.lowering_stages = lowering_stages
        """(name of the stage, microseconds), in order."""

    @property
    def total_lowering(self) -> float:
        """Microseconds of all stages."""
        return sum(us for _, us in self.lowering_stages)

    def __repr__(self) -> str:
        return f"Times({self.lowering_stages})"


class Metadata:
    """What is known of a compiled kernel: name, target, num_warps, shared, ..."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)
        self.target = GPUTarget(*values["target"])

    def __getattr__(self, name: str) -> Any:  # for type checkers: attributes are set above
        raise AttributeError(f"the metadata of a kernel has no {name!r}; it has {', '.join(vars(self))}")

    def __repr__(self) -> str:
        return f"Metadata({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"

    def _asdict(self) -> dict[str, Any]:
        return dict(vars(self))


class Asm:
    """The stages of a compile by name: text, or bytes for object code. Made when asked for."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._made: dict[str, str | bytes] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            if name not in self._kernel.stage_names:
                raise KeyError(f"{name!r}: the stages of this kernel are {', '.join(self)}")
            self._made[name] = self._kernel.stage(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kernel.stage_names)

    def __len__(self) -> int:
        return len(self._kernel.stage_names)

    def __contains__(self, name: object) -> bool:
        return name in self._kernel.stage_names

    def keys(self) -> list[str]:
        """Names of the stages, in order."""
        return list(self)

    def values(self) -> list[Any]:
        """The stages, in order."""
        return [self[name] for name in self]

    def items(self) -> list[tuple[str, Any]]:
        """Names and stages, in order."""
        return [(name, self[name]) for name in self]

    def get(self, name: str, default: Any = None) -> Any:
        """A stage, or `default` if this kernel has none of that name."""
        return self[name] if name in self else default

    def __repr__(self) -> str:
        return f"Asm({', '.join(self)})"


class CompiledKernel:
    """A compiled specialisation of a kernel."""

    def __init__(self, kernel: Any, fn: JITFunction) -> None:
        self._kernel = kernel
        self.fn = fn
        self.asm = Asm(kernel)
        self._metadata: Metadata | None = None

    @property
    def metadata(self) -> Metadata:
        """What is known of the kernel."""
        if self._metadata is None:
            self._metadata = Metadata(self._kernel.metadata())
        return self._metadata

    @property
    def name(self) -> str:
        """The name of the kernel."""
        return self.metadata.name

    @property
    def hash(self) -> str:
        """Its key in the cache."""
        return self.metadata.hash

    @property
    def kernel(self) -> Any:
        """The last stage."""
        return self.asm.values()[-1]

    def _resource(self, name: str) -> int | None:
        known = self._kernel.metadata()[name]
        if known is None and self.metadata.target.backend == "cuda":
            self._kernel.measure()
            known = self._kernel.metadata()[name]
        return known

    @property
    def n_regs(self) -> int | None:
        """Registers of a thread on a GPU; None on other devices, and where no assembler is to be found."""
        return self._resource("n_regs")

    @property
    def n_spills(self) -> int | None:
        """Spilled 4-byte words of a thread on a GPU; None as for n_regs."""
        return self._resource("n_spills")

    @property
    def n_max_threads(self) -> int | None:
        """Threads that a block of this kernel may have on a GPU, by its registers; None as for n_regs."""
        registers = self.n_regs
        if registers is None:
            return None
        # A GPU hands out its 65,536 registers to warps, 256 at a time.
        per_warp = -(-registers * 32 // 256) * 256
        return min(1024, 65536 // per_warp // 4 * 4 * 32) if per_warp else 1024

    @property
    def times(self) -> Times:
        """Where the time of its compile went; no stages if it came from the cache."""
        return Times(self._kernel.times)

    @property
    def cache_hit(self) -> bool:
        """Whether it came from the cache."""
        return self._kernel.cache_hit

    def __getitem__(self, grid: Any) -> Any:
        """Launches the function again with this kernel's options: `kernel[grid](*args)` with all its arguments."""
        names = ("num_warps", "num_stages", "maxnreg")
        options = {name: getattr(self.metadata, name) for name in names}
        return lambda *args, **kwargs: self.fn[grid](*args, **{**options, **kwargs})

    def _init_handles(self) -> None:
        """Loads the kernel on the device of launches. Scripts written for Triton call it before they read n_regs."""
        from ..runtime.device import get_device

        if self.metadata.target.backend == "cuda":
            self._kernel.prepare(get_device())

    def __repr__(self) -> str:
        return f"<CompiledKernel {self.name} for {self.metadata.target}>"


def _tell(kernel: CompiledKernel, src: Any) -> CompiledKernel:
    listener = knobs.compilation.listener
    if listener is not None:
        metadata = kernel.metadata._asdict()
        group = {name: name for name in kernel.asm}
        listener(
            src=src, metadata=metadata, metadata_group=group, times=kernel.times, cache_hit=kernel.cache_hit
        )
    return kernel


class _LaunchSource:
    """What a listener sees as `src` of a compile that a launch started."""

    def __init__(self, fn: JITFunction) -> None:
        self.fn = fn
        self.name = fn.__name__
        self.ext = "tile"


def _launched(fn: JITFunction, kernel: Any) -> CompiledKernel:
    """Called by the launch for every kernel that it compiles or takes from the cache."""
    return _tell(CompiledKernel(kernel, fn), _LaunchSource(fn))


def compile(
    src: ASTSource, target: GPUTarget | None = None, options: Mapping[str, Any] | None = None
) -> CompiledKernel:
    """Compiles without launching.

    target: that of the device of launches unless given.
    options: num_warps, num_stages, maxnreg, debug, enable_fp_fusion, as of a launch; others are left alone.
    """
    if target is None:
        from ..runtime.driver import active

        target = active.get_current_target()
    if not isinstance(target, GPUTarget):
        _tegula.raise_("compile_bad_target", repr(target))
    given = {
        "enable_fp_fusion": knobs.fp_fusion,
        "pull": knobs.cpu_pull,
        "debug": knobs.debug or bool(src.fn.debug),
    }
    given.update(options or {})
    if target.backend == "cuda" and given.get("num_ctas", 1) not in (1, None):
        _tegula.raise_("gpu_option", "num_ctas", given["num_ctas"])
    kernel = _tegula.compile(src.fn, src._rows(), target.backend, str(target.arch), target.warp_size, given)
    return _tell(CompiledKernel(kernel, src.fn), src)


__all__ = ["ASTSource", "CompilationError", "CompileError", "CompiledKernel", "GPUTarget", "compile"]
