"""What libraries do with the package beside writing kernels."""

import shim
import tegula
import torch

shim.install()
import triton  # noqa: E402
import triton.language as tl  # noqa: E402
from triton.language import core  # noqa: E402
from triton.runtime.autotuner import Autotuner  # noqa: E402


class Cached(Autotuner):
    """As libraries derive theirs: Triton's order of parameters, hooks set afterwards."""

    def __init__(self, fn, arg_names, configs, key, reset_to_zero, restore_value, **kwargs):
        super().__init__(fn, arg_names, configs, key, reset_to_zero, restore_value, **kwargs)
        self.runs = 0
        if not self.user_defined_pre_hook and self.restore_value:

            def before(kwargs, reset_only=False):
                if not reset_only:
                    self.restore_copies = {n: kwargs[n].clone() for n in self.restore_value}

            self.pre_hook = before
        if not self.user_defined_post_hook and self.restore_value:

            def after(kwargs, exception):
                for name, copy in self.restore_copies.items():
                    kwargs[name].copy_(copy)
                self.restore_copies = {}

            self.post_hook = after

    def run(self, *args, **kwargs):
        self.runs += 1
        return super().run(*args, **kwargs)


@triton.jit
def twice(x, n, BLOCK: core.constexpr):
    i = tl.program_id(0) * BLOCK + core.arange(0, BLOCK)
    tl.core.store(x + i, tl.load(x + i, mask=i < n) * 2, mask=i < n)


def test_derived_autotuner():
    configs = [triton.Config({"BLOCK": b}, num_warps=4) for b in (16, 32)]
    kernel = Cached(
        twice,
        twice.arg_names,
        configs,
        ["n"],
        None,
        ["x"],
        pre_hook=None,
        post_hook=None,
        prune_configs_by=None,
        warmup=None,
        rep=None,
        use_cuda_graph=False,
        do_bench=None,
        cache_results=False,
    )
    x = torch.ones(40)
    grid = lambda meta: (triton.cdiv(40, meta["BLOCK"]),)  # noqa: E731
    kernel[grid](x, 40)
    assert (x == 2).all() and kernel.runs == 1 and kernel.best_config in configs
    kernel[grid](x, 40)
    assert (x == 4).all()


def test_names():
    assert triton.__version__ == shim.LIKE
    assert triton.jit is tegula.jit
    assert core.load is tl.load and core.CONSTEXPR_0.value == 0
    assert not hasattr(core, "no_such_function")
