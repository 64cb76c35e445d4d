"""lit: the tests of lang, passes and codegen that are IR or source text beside FileCheck lines."""

import os
import sys

import lit.formats

config.name = "tegula"
config.test_format = lit.formats.ShTest(execute_external=False)
config.test_source_root = os.path.dirname(__file__)
root = os.path.dirname(config.test_source_root)
build = os.environ.get("TEGULA_BUILD_DIR", os.path.join(root, "build"))
config.test_exec_root = os.path.join(build, "lit")

config.suffixes = [".mlir", ".tile", ".py", ".test"]
config.excludes = [
    "bench",
    "conformance",
    "fuzz",
    "python",
    "run",
    "project",
    "tools",
    "unit",
    "conftest.py",
    "lit.cfg.py",
    "CMakeLists.txt",
    "Inputs",
]

# tegula-opt and tegula-translate; FileCheck, not, count, split-file.
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(build, "tests"), "/usr/lib/llvm-22/bin", os.environ.get("PATH", "")]
)
config.environment["PYTHONPATH"] = os.path.join(root, "python")
for name in ("HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
config.environment["TEGULA_CACHE_DIR"] = os.path.join(config.test_exec_root, "cache")
config.substitutions.append(("%python", sys.executable))
