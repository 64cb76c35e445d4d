"""Rules of the source tree that a compiler does not check."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Layer -> layers it may include. The longest matching prefix is a file's layer.
MAY_INCLUDE = {
    "ir": {"ir"},
    "lang": {"ir", "lang"},
    "passes": {"ir", "passes"},
    "codegen": {"ir", "passes", "codegen"},
    "driver/reference": {"ir", "driver/reference"},
    "driver/cpu": {"ir", "driver/cpu"},
    "driver/cuda": {"ir", "driver/cuda"},
    "driver/emulator": {"ir", "driver/emulator"},
    "driver/api": {
        "ir",
        "lang",
        "passes",
        "codegen",
        "driver/reference",
        "driver/cpu",
        "driver/cuda",
        "driver/emulator",
        "driver/api",
    },
    "python/bindings": {"ir", "lang", "driver/api", "driver/reference", "python/bindings"},
}
# Edges that are known and explained: file -> layer.
EXCEPTIONS = {
    # The loader resolves the symbols that compiled code may call; the code generator owns that list.
    "driver/cpu/Loader.cpp": "codegen",
}


def layer(path: str) -> str | None:
    return max((name for name in MAY_INCLUDE if path.startswith(name + "/")), key=len, default=None)


def sources():
    for name in MAY_INCLUDE:
        for path in sorted((ROOT / name).rglob("*")):
            if path.suffix in (".h", ".cpp", ".def"):
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_includes_go_one_way():
    wrong = []
    for path, text in sources():
        for target in re.findall(r'^#include "([^"]+)"', text, re.M):
            to = layer(target)
            if to and to not in MAY_INCLUDE[layer(path)] and EXCEPTIONS.get(path) != to:
                wrong.append(f"{path} includes {target}")
    assert not wrong, "\n".join(wrong)


def diagnostics():
    for table in sorted((ROOT / "ir/diag").glob("*.def")):
        yield from re.findall(r"^DIAG\((\w+),", table.read_text(), re.M)


def test_every_diagnostic_is_tested():
    """Negative tests name the diagnostic that they trigger: its id stands in the tests."""
    tests = "\n".join(
        path.read_text(errors="replace")
        for path in (ROOT / "tests").rglob("*")
        if path.suffix in (".py", ".cpp", ".mlir", ".h") and path.is_file() and path != pathlib.Path(__file__)
    )
    words = set(re.findall(r"\w+", tests))
    missing = [name for name in diagnostics() if name not in words]
    assert not missing, "no test triggers: " + ", ".join(missing)


def test_every_diagnostic_is_used():
    code = "\n".join(text for path, text in sources() if not path.startswith("ir/diag/"))
    code += "\n".join(
        path.read_text() for path in (ROOT / "python/tegula").rglob("*.py")
    )  # raise_("name", ...)
    unused = [name for name in diagnostics() if not re.search(rf"Diag::{name}\b|\"{name}\"", code)]
    assert not unused, "nothing gives: " + ", ".join(unused)


def test_every_pass_names_its_test():
    for path in sorted((ROOT / "passes").glob("*.cpp")):
        named = re.search(r"^// Test: (\S+)", path.read_text(), re.M)
        if "PassWrapper" in path.read_text():
            assert named and (ROOT / named[1]).exists(), f"{path.name} names no test"
