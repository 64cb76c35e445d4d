"""Faults planted into PTX that nvcc has made: missing barriers, arrays that are too short, damaged texts."""

import random
import re

import numpy as np
import pytest
import tegula
from tegula import emulator

from .nvcc import compiler, program, ptx_of, rng  # noqa: F401

ARCH = "sm_80"


@pytest.fixture(autouse=True)
def needs_nvcc():
    if compiler() is None:
        pytest.skip("no nvcc: neither a CUDA toolkit nor PyPI's nvidia-cuda-nvcc is installed")


def floats(*shape):
    return rng().random(shape, np.float32)


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


# Program, kernel, grid, block, arguments (anew for each launch), dynamic shared memory.
KERNELS = [
    ("reduce", "block_sum", 2, 256, lambda: [floats(3000), zeros(2), 3000], 0),
    (
        "scan",
        "scan_block",
        2,
        256,
        lambda: [rng().integers(0, 9, 512).astype(np.int32), zeros(512, dtype=np.int32)],
        0,
    ),
    ("transpose", "transpose_padded", (2, 2), (32, 8), lambda: [floats(64, 50), zeros(50, 64), 64, 50], 0),
    (
        "histogram",
        "histogram_shared",
        2,
        128,
        lambda: [rng().integers(0, 256, 999).astype(np.uint8), zeros(256, dtype=np.uint32), 999],
        0,
    ),
    ("sorting", "bitonic", 1, 64, lambda: [floats(256), zeros(256), 256], 1024),
    (
        "sorting",
        "radix",
        1,
        256,
        lambda: [rng().integers(0, 1 << 32, 256).astype(np.uint32), zeros(256, dtype=np.uint32)],
        0,
    ),
    ("filters", "convolve", (2, 2), (32, 8), lambda: [floats(16, 64), zeros(16, 64), 64, 16], 0),
    ("physics", "bodies", 2, 64, lambda: [floats(128, 4), zeros(128, 4), 128, 0.5], 0),
    (
        "algorithms",
        "tiled_product",
        (2, 2),
        (16, 16),
        lambda: [floats(32, 40), floats(40, 32), zeros(32, 32), 32, 32, 40],
        0,
    ),
    (
        "algorithms",
        "edit_distance",
        1,
        64,
        lambda: [np.full(40, 97, np.int8), np.full(33, 98, np.int8), 40, 33, zeros(1, dtype=np.int32)],
        0,
    ),
    ("doubles", "cholesky", 1, 32, lambda: [np.eye(16) * 20 + rng().random((16, 16)), 16], 0),
    (
        "mma_ptx",
        "pipelined",
        (1, 2),
        128,
        lambda: [
            rng().random((64, 96)).astype(np.float16),
            rng().random((96, 32)).astype(np.float16),
            zeros(64, 32),
            64,
            32,
            96,
        ],
        0,
    ),
    ("memory", "several", 1, 64, lambda: [rng().random(64), np.zeros(64), 64], 64 * 13),
]
# How many barriers of a kernel nothing needs.
REDUNDANT = {"edit_distance": 1}  # the one after the last round of an unrolled loop: the exit follows
ALLOWED = {
    "shared-race",
    "global-race",
    "shared-uninitialised",
    "async-copy-before-wait",
    "shared-out-of-bounds",
}


def body_of(text: str, kernel: str) -> tuple[int, int]:
    start = text.index(f".entry {kernel}(")
    return start, text.index("\n}\n", start)


def launch(text, kernel, grid, block, arguments, shared, checks="on", **options):
    args = arguments()
    module = emulator.load(text, ARCH)
    report = module.launch(
        kernel, grid, block, args, shared, checks=checks, instruction_limit=20_000_000, **options
    )
    return args, report


@pytest.mark.parametrize("case", KERNELS, ids=[f"{k[0]}-{k[1]}" for k in KERNELS])
def test_missing_barriers_are_found(case):
    name, kernel, *rest = case
    text = ptx_of(name, ARCH)
    start, end = body_of(text, kernel)
    barriers = [
        m.span() for m in re.finditer(r"\n[^\n]*\b(bar\.sync|barrier\.sync)\b[^\n]*;", text[start:end])
    ]
    assert barriers
    assert launch(text, kernel, *rest)[1].findings == []
    missed = []
    for k, (a, b) in enumerate(barriers):
        without = text[: start + a] + "\n" + text[start + b :]
        found = [f for seed in (0, 1, 2) for f in launch(without, kernel, *rest, seed=seed)[1].findings]
        if not found:
            missed.append(k)
        assert {f.kind for f in found} <= ALLOWED
    assert len(missed) == REDUNDANT.get(kernel, 0), f"{len(missed)} of {len(barriers)}: {missed}"


@pytest.mark.parametrize("case", KERNELS, ids=[f"{k[0]}-{k[1]}" for k in KERNELS])
def test_short_arrays_are_found(case):
    name, kernel, grid, block, arguments, shared = case
    text = ptx_of(name, ARCH)
    for position, value in enumerate(arguments()):
        if not isinstance(value, np.ndarray):
            continue

        def shorter(position=position):
            args = arguments()
            whole = args[position].ravel()
            args[position] = whole[: whole.size - max(1, 16 // whole.itemsize)]
            return args

        if value.size * value.itemsize <= 16:
            continue
        if kernel == "cholesky":
            continue  # it reads and writes the lower half; the last row is long enough
        _, report = launch(text, kernel, grid, block, shorter, shared)
        assert {f.kind for f in report.findings} == {"global-out-of-bounds"}, position
        with pytest.raises(tegula.errors.DeviceError, match="global-out-of-bounds"):
            launch(text, kernel, grid, block, shorter, shared, checks="off")


WORDS = [".u32", ".s64", ".f32", ".b128", ".v4", ".pred", ".rn", "%r1", "%rd1", "%p1", "0", "-1", "4294967295", "[", "]", "{", "}",
         ";", ",", "bar.sync", "ld.shared.u32", "call", ".reg", ".param", ".align", "<9>", "@%p1", "0f7f800000", "$L__BB0_1"]  # fmt: skip


def damaged(text: str, random_: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(random_.randint(1, 3)):
        k = random_.randrange(len(lines))
        how = random_.randrange(6)
        if how == 0:
            del lines[k]
        elif how == 1:
            lines[k] = lines[random_.randrange(len(lines))]
        elif how == 2:
            parts = re.split(r"(\s+|[,;\[\]{}.])", lines[k])
            parts[random_.randrange(len(parts))] = random_.choice(WORDS)
            lines[k] = "".join(parts)
        elif how == 3:
            lines.insert(k, lines[random_.randrange(len(lines))])
        elif how == 4:
            at = random_.randint(0, len(lines[k]))
            lines[k] = lines[k][:at] + chr(random_.randrange(1, 256)) + lines[k][at + 1 :]
        else:
            lines = lines[: k + 1]
        if not lines:
            lines = [""]
    return "\n".join(lines)


@pytest.mark.parametrize("case", KERNELS[::2], ids=[f"{k[0]}-{k[1]}" for k in KERNELS[::2]])
def test_damaged_text_is_an_error_with_a_line(case):
    name, kernel, grid, block, arguments, shared = case
    text = ptx_of(name, ARCH)
    random_, outcomes = random.Random(name + kernel), {"ran": 0, "refused": 0, "stopped": 0}
    for _ in range(60):
        changed = damaged(text, random_)
        try:
            module = emulator.load(changed, ARCH, "damaged")
        except tegula.errors.TegulaError as error:
            assert re.search(r"damaged:\d+", str(error)), error
            outcomes["refused"] += 1
            continue
        try:
            module.launch(kernel, grid, block, arguments(), shared, checks="on", instruction_limit=100_000)
            outcomes["ran"] += 1
        except (tegula.errors.TegulaError, TypeError, ValueError, OverflowError):
            outcomes["stopped"] += 1
    assert outcomes["refused"] and outcomes["ran"]
