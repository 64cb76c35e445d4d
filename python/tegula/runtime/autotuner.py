# autotuner.py - the best of several configurations, and parameters computed from arguments
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""`autotune` runs a kernel's configurations and keeps the fastest; `heuristics` computes parameters from arguments."""

from __future__ import annotations

from ..errors import OutOfResources, UnsupportedError
from .jit import JITFunction, KernelInterface

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


class Config:
    """One configuration: values of constexpr parameters, and launch options.

    pre_hook: called with all arguments by name before the kernel.
    """

    def __init__(
        self,
        kwargs: Mapping[str, Any],
        num_warps: int = 4,
        num_stages: int = 3,
        num_ctas: int = 1,
        maxnreg: int | None = None,
        pre_hook: Callable[[dict[str, Any]], Any] | None = None,
        ir_override: str | None = None,
    ) -> None:
        self.kwargs = dict(kwargs)
        self.num_warps = num_warps
        self.num_stages = num_stages
        self.num_ctas = num_ctas
        self.maxnreg = maxnreg
        self.pre_hook = pre_hook
        self.ir_override = ir_override

    def all_kwargs(self) -> dict[str, Any]:
        """Every keyword that the kernel is called with."""
        options: dict[str, Any] = {
            "num_warps": self.num_warps,
            "num_ctas": self.num_ctas,
            "num_stages": self.num_stages,
        }
        options |= {"maxnreg": self.maxnreg, "ir_override": self.ir_override}
        return {**self.kwargs, **{k: v for k, v in options.items() if v is not None}}

    def __str__(self) -> str:
        return ", ".join(f"{k}: {v}" for k, v in {**self.kwargs, **self.all_kwargs()}.items())

    def __repr__(self) -> str:
        return f"Config({self})"

    def __hash__(self) -> int:
        return hash((*self.all_kwargs().items(), self.pre_hook))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Config)
            and self.all_kwargs() == other.all_kwargs()
            and self.pre_hook == other.pre_hook
        )


def _copy(value: Any) -> Any:
    return value.clone() if hasattr(value, "clone") else value.copy()


def _assign(value: Any, old: Any) -> None:
    if hasattr(value, "copy_"):
        value.copy_(old)
    else:
        value[...] = old


class Autotuner(KernelInterface):
    """A kernel with several configurations. Made by `autotune`."""

    # The order of the parameters is Triton's: libraries derive classes of their own from this one.
    def __init__(
        self,
        fn: Any,
        arg_names: Sequence[str],
        configs: Sequence[Config],
        key: Sequence[str],
        reset_to_zero: Sequence[str] | None = None,
        restore_value: Sequence[str] | None = None,
        pre_hook: Callable[..., Any] | None = None,
        post_hook: Callable[..., Any] | None = None,
        prune_configs_by: Mapping[str, Any] | None = None,
        warmup: int | None = None,
        rep: int | None = None,
        use_cuda_graph: bool = False,
        do_bench: Callable[..., Any] | None = None,
        cache_results: bool = False,
    ) -> None:
        self.fn = fn
        self.base_fn = fn
        while isinstance(self.base_fn, (KernelInterface,)):
            self.base_fn = self.base_fn.fn
        self.__name__ = self.base_fn.__name__
        self.__doc__ = self.base_fn.__doc__
        self.arg_names = list(arg_names)
        self.configs = list(configs) or [Config({})]
        self.keys = list(key)
        self.cache: dict[tuple[Any, ...], Config] = {}
        self.configs_timings: dict[Config, Any] = {}
        self.best_config: Config | None = None
        self.bench_time: float | None = None
        prune = prune_configs_by or {}
        self.perf_model = prune.get("perf_model")
        self.configs_top_k = prune.get("top_k", 1.0)
        self.early_config_prune = prune.get("early_config_prune")
        self.reset_to_zero = list(reset_to_zero or ())
        self.restore_value = list(restore_value or ())
        self.restore_copies: dict[str, Any] = {}  # for hooks of derived classes
        self.pre_hook, self.post_hook = pre_hook, post_hook
        self.user_defined_pre_hook, self.user_defined_post_hook = pre_hook is not None, post_hook is not None
        self._do_bench = do_bench
        self._warmup_ms, self._rep_ms = warmup, rep
        for what, names in (
            ("key", self.keys),
            ("reset_to_zero", self.reset_to_zero),
            ("restore_value", self.restore_value),
        ):
            unknown = [n for n in names if n not in self.arg_names]
            if unknown:
                valid = ", ".join(self.arg_names)
                raise ValueError(
                    f"{what} names what is no argument of the kernel: {', '.join(unknown)}; there are {valid}"
                )

    def _before(self, named: dict[str, Any]) -> dict[str, Any]:
        """Runs what must happen before each trial; returns what is to be restored after it."""
        if self.pre_hook is not None:
            self.pre_hook(named)
            return {}
        for name in self.reset_to_zero:
            if named.get(name) is not None:
                value = named[name]
                value.zero_() if hasattr(value, "zero_") else value.fill(0)
        return {name: _copy(named[name]) for name in self.restore_value if named.get(name) is not None}

    def _after(self, named: dict[str, Any], saved: dict[str, Any], error: Exception | None) -> None:
        if self.post_hook is not None:
            self.post_hook(named, exception=error)
        for name, old in saved.items():
            _assign(named[name], old)

    def _measure(self, config: Config, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        conflicts = kwargs.keys() & config.kwargs.keys()
        if conflicts:
            raise ValueError(
                f"the call gives {', '.join(sorted(conflicts))}, which the configurations give too"
            )
        current = {**kwargs, **config.all_kwargs()}
        named = {**dict(zip(self.arg_names, args)), **current}

        def trial() -> None:
            if config.pre_hook is not None:
                config.pre_hook(named)
            saved = self._before(named)
            try:
                self.fn.run(*args, **current)
            except Exception as error:
                self._after(named, saved, error)
                raise
            self._after(named, saved, None)

        try:
            if self._do_bench is not None:
                return self._do_bench(trial, quantiles=(0.5, 0.2, 0.8))
            from .driver import active

            warmup = 5 if self._warmup_ms is None else self._warmup_ms
            rep = 20 if self._rep_ms is None else self._rep_ms
            return active.get_benchmarker()(trial, warmup=warmup, rep=rep, quantiles=(0.5, 0.2, 0.8))
        except (OutOfResources, UnsupportedError):
            return [float("inf")] * 3

    def prune_configs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Config]:
        """The configurations worth a trial."""
        named = dict(zip(self.arg_names, args))
        configs = self.configs
        if self.early_config_prune is not None:
            configs = self.early_config_prune(configs, named, **kwargs)
            if not configs:
                raise ValueError("early_config_prune left no configuration")
        if self.perf_model is not None:
            top = self.configs_top_k
            count = int(len(self.configs) * top) if isinstance(top, float) and top <= 1.0 else int(top)
            if len(configs) > count:
                model = self.perf_model
                estimates = {c: model(**named, **kwargs, **c.all_kwargs()) for c in configs}
                configs = sorted(estimates, key=lambda c: estimates[c])[:count]
        return list(configs)

    def _key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        named = {
            k: v for k, v in {**dict(zip(self.arg_names, args)), **kwargs}.items() if k in self.arg_names
        }
        values = [(type(named[k]).__name__, named[k]) for k in self.keys if k in named]
        return (*values, *(str(v.dtype) for v in named.values() if hasattr(v, "dtype")))

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Launches with the best configuration for these arguments, found at the first call for their key."""
        config = self.configs[0]
        if len(self.configs) > 1:
            key = self._key(args, kwargs)
            if key not in self.cache:
                self._tune(key, args, kwargs)
            config = self.cache[key]
        self.best_config = config
        current = {**kwargs, **config.all_kwargs()}
        if config.pre_hook is not None:
            config.pre_hook({**dict(zip(self.arg_names, args)), **current})
        return self.fn.run(*args, **current)

    def _tune(self, key: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        import time

        from .. import knobs

        configs = self.prune_configs(args, kwargs)
        begin = time.perf_counter()
        timings = {} if len(configs) == 1 else {c: self._measure(c, args, kwargs) for c in configs}
        best = min(timings, key=lambda c: timings[c]) if timings else configs[0]
        self.bench_time = time.perf_counter() - begin
        self.configs_timings = timings
        self.cache[key] = best
        if self.reset_to_zero and timings:
            self._before({**dict(zip(self.arg_names, args)), **kwargs, **best.all_kwargs()})
        if knobs.autotuning.print:
            print(f"autotuning of {self.__name__} for {key}: {best} after {self.bench_time:.2f} s")
        if knobs.autotuning.listener is not None:
            report = {"fn": self.fn, "key": key, "best_config": best, "configs_timings": timings}
            knobs.autotuning.listener(**report, duration=self.bench_time, cache_hit=False)

    def warmup(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Compiles every configuration without launching."""
        return [
            self.fn.warmup(*args, **{**kwargs, **c.all_kwargs()}) for c in self.prune_configs(args, kwargs)
        ]


def autotune(
    configs: Sequence[Config],
    key: Sequence[str],
    prune_configs_by: Mapping[str, Any] | None = None,
    reset_to_zero: Sequence[str] | None = None,
    restore_value: Sequence[str] | None = None,
    pre_hook: Callable[..., Any] | None = None,
    post_hook: Callable[..., Any] | None = None,
    warmup: int | None = None,
    rep: int | None = None,
    use_cuda_graph: bool = False,
    do_bench: Callable[..., Any] | None = None,
    cache_results: bool = False,
) -> Callable[[Any], Autotuner]:
    """A decorator above `@jit`: tries `configs` whenever an argument named in `key` (or a dtype) is new.

    reset_to_zero: arguments set to zero before each trial. restore_value: arguments put back after each trial.
    prune_configs_by: {"early_config_prune": f(configs, named_args, **kwargs), "perf_model": f, "top_k": n}.
    do_bench: f(call, quantiles=...) that measures; `testing.do_bench` otherwise.
    """

    def wrap(fn: Any) -> Autotuner:
        return Autotuner(
            fn,
            fn.arg_names,
            configs,
            key,
            prune_configs_by=prune_configs_by,
            reset_to_zero=reset_to_zero,
            restore_value=restore_value,
            pre_hook=pre_hook,
            post_hook=post_hook,
            warmup=warmup,
            rep=rep,
            do_bench=do_bench,
        )

    return wrap


class Heuristics(KernelInterface):
    """A kernel with parameters computed from its arguments. Made by `heuristics`."""

    def __init__(
        self, fn: Any, arg_names: Sequence[str], values: Mapping[str, Callable[[dict[str, Any]], Any]]
    ) -> None:
        self.fn = fn
        self.arg_names = list(arg_names)
        self.values = dict(values)
        self.__name__ = getattr(fn, "__name__", "")
        self.__doc__ = getattr(fn, "__doc__", None)

    def _with_values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        kwargs = dict(kwargs)
        for name, compute in self.values.items():
            kwargs[name] = compute({**dict(zip(self.arg_names, args)), **kwargs})
        return kwargs

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Launches with the computed parameters."""
        return self.fn.run(*args, **self._with_values(args, kwargs))

    def warmup(self, *args: Any, **kwargs: Any) -> Any:
        """Compiles with the computed parameters."""
        return self.fn.warmup(*args, **self._with_values(args, kwargs))


def heuristics(values: Mapping[str, Callable[[dict[str, Any]], Any]]) -> Callable[[Any], Heuristics]:
    """A decorator above `@jit`: {"BLOCK": lambda args: next_power_of_2(args["n"])} computes BLOCK at each call."""

    def wrap(fn: Any) -> Heuristics:
        return Heuristics(fn, fn.arg_names, values)

    return wrap


__all__ = ["Autotuner", "Config", "Heuristics", "JITFunction", "autotune", "heuristics"]
