"""Kernels that torch.compile writes (its Triton output for the CPU), compiled and run by tegula.

PyTorch's own launcher of them wants much of another compiler's inside. Here the text of each kernel is taken as it is;
the decorator around it is replaced by a launch with block sizes that cut every extent.
"""

from __future__ import annotations

import importlib.machinery
import linecache
import types

import pytest

torch = pytest.importorskip("torch")
if torch.__version__.split("+")[0] != "2.13.0":
    pytest.skip("written for the code that PyTorch 2.13.0 generates", allow_module_level=True)

import shim  # noqa: E402

shim.install()
import tegula  # noqa: E402
import torch._inductor.async_compile as async_compile  # noqa: E402
import torch._inductor.config as config  # noqa: E402
import torch._inductor.runtime.triton_heuristics as heuristics  # noqa: E402
import torch.utils._triton as availability  # noqa: E402

F = torch.nn.functional
BLOCKS = {"XBLOCK": 32, "YBLOCK": 16, "RSPLIT": 1}


class Launcher:
    def __init__(self, fn, meta):
        self.fn, self.grid_type = fn, meta.get("grid_type", "Grid1D")

    def run(self, *args, stream=None):
        values = dict(zip(self.fn.arg_names, args))
        blocks = {
            n: BLOCKS.get(n, 64)
            for n in self.fn.arg_names
            if n not in values and n.endswith(("BLOCK", "RSPLIT"))
        }
        assert self.grid_type in ("Grid1D", "Grid2D"), self.grid_type
        x = tegula.cdiv(values.get("xnumel", 1), blocks.get("XBLOCK", 1))
        y = tegula.cdiv(values.get("ynumel", 1), blocks.get("YBLOCK", 1)) if self.grid_type == "Grid2D" else 1
        self.fn[(x, y)](**values, **blocks)


@pytest.fixture
def kernels(monkeypatch):
    """The texts of the kernels that were made."""
    texts = []

    def decorator(*_, inductor_meta=None, **__):
        return lambda fn: Launcher(fn, inductor_meta or {})

    def load(self, name, source, device_str="cpu"):
        texts.append(source)
        file = f"<inductor {len(texts)} {name}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        scope = {"__name__": "inductor", "__file__": file}
        with pytest.MonkeyPatch.context() as patch:
            for kind in ("pointwise", "reduction", "persistent_reduction"):
                patch.setattr(heuristics, kind, decorator)
            exec(compile(source, file, "exec"), scope)
        return scope[name if name in scope else "triton_"]

    import sys

    import tegula.compiler.compiler as compiler
    import tegula.runtime.driver as driver

    backend = types.SimpleNamespace(driver=type(driver.active), compiler=None)
    options = types.SimpleNamespace(
        binary_ext="obj", parse_options=lambda o: types.SimpleNamespace(**o), hash=str
    )
    monkeypatch.setattr(tegula.backends, "backends", {"cpu": backend}, raising=False)
    monkeypatch.setattr(driver, "driver", driver, raising=False)
    monkeypatch.setattr(driver, "set_active", lambda new: None, raising=False)
    monkeypatch.setattr(compiler, "make_backend", lambda target: options, raising=False)
    monkeypatch.setattr(sys.modules["triton"], "__spec__", importlib.machinery.ModuleSpec("triton", None))
    monkeypatch.setattr(availability, "has_triton", lambda: True)
    monkeypatch.setattr(availability, "has_triton_package", lambda: True)
    monkeypatch.setattr(async_compile.AsyncCompile, "triton", load)
    torch._dynamo.reset()
    with config.patch(
        cpu_backend="triton", compile_threads=1, force_disable_caches=True, emulate_precision_casts=True
    ):
        yield texts
    torch._dynamo.reset()


FUNCTIONS = {
    "softmax of gelu": lambda x, y: torch.softmax(F.gelu(x * 2 + y), -1).sum(0),
    "layer norm": lambda x, y: F.layer_norm(x, x.shape[1:]) * y,
    "variance": lambda x, y: torch.var_mean(x + y, dim=1),
    "argmax and the like": lambda x, y: (x.argmax(1), y.amin(0), (x * y).sum(1)),
    "scans": lambda x, y: (x.cumsum(1), torch.logcumsumexp(y, 1)),
    "sort": lambda x, y: (x[:, :64].sort(1)[0], y[:, :64].sort(stable=True, dim=1)[1]),
    "indices": lambda x, y: x[torch.arange(32, 0, -1)] + y[1:33].flip(1),
    "math": lambda x, y: torch.where(
        x > y, torch.sin(x) + torch.erf(y), torch.tanh(x) * torch.exp2(y).round()
    ),
    "integers": lambda x, y: (
        (x * 100).int() // 7 % 5,
        (x * 10).long() ^ 3,
        x.floor_divide(y),
        x.remainder(y),
    ),
    "bfloat16": lambda x, y: x.bfloat16().float() * y.bfloat16().float(),
    "transpose": lambda x, y: (x.t() + y.reshape(x.t().shape)).contiguous(),
    "concatenation": lambda x, y: torch.cat([x, y], 1).relu(),
    "cross entropy": lambda x, y: F.cross_entropy(x, y.abs().sum(1).long() % 10),
    "scatter": lambda x, y: torch.zeros_like(x).scatter_add(1, (y.abs() * 10).long() % 70, x),
    "neighbours": lambda x, y: torch.nextafter(x, y),
    "all and any": lambda x, y: ((x > 0).any(1), (y > -9).all(0), torch.count_nonzero(y > 1)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(kernels, name):
    g = torch.Generator().manual_seed(1)
    x, y = torch.randn(33, 70, generator=g), torch.randn(33, 70, generator=g)
    got, want = torch.compile(FUNCTIONS[name])(x, y), FUNCTIONS[name](x, y)
    assert kernels, "no kernel was made"
    for a, b in zip(*((v if isinstance(v, tuple) else (v,)) for v in (got, want))):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
