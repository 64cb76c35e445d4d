"""Mistakes of newcomers: each gets a typed error that says where, shows the line, and helps.

A case is a kernel body (or a whole text with `def kernel`) and the text of the answer. The line at fault ends in `#!`.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import tegula
import torch
from harness import define
from tegula import errors

HEAD = "@tegula.jit\ndef kernel(x, y, n, BLOCK: tl.constexpr):\n    i = tl.arange(0, BLOCK)\n"


def f32(*shape):
    return torch.zeros(shape or (64,))


# name: (error, text of the answer, body)
KERNELS = {
    "shapes": (
        errors.CompileError,
        "shapes [16] and [8] do not broadcast",
        "    v = i + tl.arange(0, 8)  #!\n",
    ),
    "mask shape": (
        errors.CompileError,
        "shapes [16] and [8] do not broadcast",
        "    v = tl.load(x + i, mask=tl.arange(0, 8) < n)  #!\n",
    ),
    "mask type": (
        errors.CompileError,
        "the mask of tl.load must be a bool (i1), got fp32[16]",
        "    v = tl.load(x + i, mask=tl.load(x + i))  #!\n",
    ),
    "other without mask": (
        errors.CompileError,
        "takes 'other' only with a mask",
        "    v = tl.load(x + i, other=0.0)  #!\n",
    ),
    "load of a number": (errors.CompileError, "must be a pointer", "    v = tl.load(n)  #!\n"),
    "load of a tile of indices": (errors.CompileError, "must be a pointer", "    v = tl.load(i)  #!\n"),
    "float index": (
        errors.CompileError,
        "pointers take only + and - with integers",
        "    v = tl.load(x + i / 2)  #!\n",
    ),
    "index with []": (
        errors.CompileError,
        "a pointer is not indexed, got i32[16] on *fp32",
        "    v = x[i]  #!\n",
    ),
    "store with []": (errors.CompileError, "cannot assign to this", "    x[0] = 1.0  #!\n"),
    "element of a tile": (
        errors.CompileError,
        "a tensor is indexed with ':' and None only",
        "    v = i[3]  #!\n",
    ),
    "dot of vectors": (
        errors.CompileError,
        "got fp32[16] and fp32[16]",
        "    v = tl.dot(tl.load(x + i), tl.load(y + i))  #!\n",
    ),
    "dot of two types": (
        errors.CompileError,
        "tl.dot takes two operands of one type",
        "    a = tl.zeros((16, 16), tl.float32)\n    v = tl.dot(a.to(tl.float16), a)  #!\n",
    ),
    "dot of integers": (
        errors.CompileError,
        "tl.dot takes two operands",
        "    a = tl.zeros((16, 16), tl.int32)\n    v = tl.dot(a, a)  #!\n",
    ),
    "dot inner": (
        errors.CompileError,
        "got fp32[16, 32] and fp32[16, 32]",
        "    v = tl.dot(tl.zeros((16, 32), tl.float32), tl.zeros((16, 32), tl.float32))  #!\n",
    ),
    "undefined": (errors.CompileError, "name 'ofs' is not defined", "    offs = i\n    v = ofs  #!\n"),
    "spelling": (errors.CompileError, "did you mean 'offs'", "    offs = i\n    v = ofs  #!\n"),
    "no such function": (
        errors.UnsupportedError,
        "no 'tl.laod' (did you mean 'load'?)",
        "    v = tl.laod(x)  #!\n",
    ),
    "no such method": (errors.CompileError, "no attribute 'summ'", "    v = i.summ()  #!\n"),
    "no such keyword": (
        errors.CompileError,
        "has no parameter 'maks'",
        "    v = tl.load(x + i, maks=i < n)  #!\n",
    ),
    "too many arguments": (
        errors.CompileError,
        "'exp' takes 1 positional arguments, got 3",
        "    v = tl.exp(tl.load(x), 1, 2)  #!\n",
    ),
    "exp of integers": (
        errors.CompileError,
        "tl.exp takes fp32 or fp64, got i32[16]",
        "    v = tl.exp(i)  #!\n",
    ),
    "arange of a run-time number": (
        errors.CompileError,
        "known when compiling",
        "    v = tl.arange(0, n)  #!\n",
    ),
    "arange backwards": (errors.CompileError, "tl.arange needs start < end", "    v = tl.arange(8, 0)  #!\n"),
    "arange of one bound": (errors.CompileError, "needs a value for 'end'", "    v = tl.arange(BLOCK)  #!\n"),
    "zeros of a run-time shape": (
        errors.CompileError,
        "known when compiling",
        "    v = tl.zeros((n,), tl.float32)  #!\n",
    ),
    "zeros without a type": (
        errors.CompileError,
        "needs a value for 'dtype'",
        "    v = tl.zeros((16,))  #!\n",
    ),
    "unknown type": (
        errors.CompileError,
        "'dtype' must be a dtype such as tl.float32",
        "    v = i.to('float')  #!\n",
    ),
    "torch's type": (
        errors.CompileError,
        "'torch.float32' is an object of class 'torch.dtype'",
        "    v = i.to(torch.float32)  #!\n",
    ),
    "loop changes a type": (
        errors.CompileError,
        "the loop changes 'acc' from i32 to fp32",
        "    acc = 0\n    for k in range(n):\n        acc += tl.load(x + k)  #!~\n    tl.store(y, acc)\n",
    ),
    "loop changes a shape": (
        errors.CompileError,
        "the loop changes 'acc' from fp32 to fp32[16]",
        "    acc = 0.0\n    for k in range(n):\n        acc += tl.load(x + i)  #!~\n    tl.store(y + i, acc)\n",
    ),
    "branches of two types": (
        errors.CompileError,
        "'v' is i32 on one way and fp32 on the other",
        "    if n > 3:  #!~\n        v = 1\n    else:\n        v = 1.0\n    tl.store(y, v)\n",
    ),
    "set in one branch": (
        errors.CompileError,
        "may be undefined",
        "    if n > 3:\n        v = 1\n    tl.store(y, v)  #!\n",
    ),
    "set in a loop": (
        errors.CompileError,
        "set only inside a loop",
        "    for k in range(n):\n        v = k\n    tl.store(y, v)  #!\n",
    ),
    "if on a tile": (
        errors.CompileError,
        "a condition must be a scalar",
        "    if i < n:  #!\n        tl.store(y, 1)\n",
    ),
    "while on a tile": (
        errors.CompileError,
        "a condition must be a scalar",
        "    while i < n:  #!\n        pass\n",
    ),
    "return of a value": (errors.CompileError, "a kernel cannot return a value", "    return i  #!\n"),
    "list": (
        errors.CompileError,
        "there is no attribute 'append'",
        "    parts = []\n    parts.append(i)  #!\n",
    ),
    "dict": (
        errors.TegulaError,
        "dictionaries are not part of the kernel language",
        "    parts = {'a': 1}  #!\n",
    ),
    "set": (errors.TegulaError, "sets are not part of the kernel language", "    parts = {1, 2}  #!\n"),
    "lambda": (errors.TegulaError, "'lambda' is not part of", "    f = lambda a: a + 1  #!\n"),
    "comprehension over a run-time range": (
        errors.CompileError,
        "must be an integer known when compiling",
        "    v = [k for k in range(n)]  #!\n",
    ),
    "nested def": (errors.TegulaError, "a function inside a kernel", "    def f(a):  #!\n        return a\n"),
    "class": (errors.TegulaError, "'class' is not part of", "    class A:  #!\n        pass\n"),
    "import": (errors.TegulaError, "'import' is not part of", "    import math  #!\n"),
    "try": (
        errors.TegulaError,
        "'try' is not part of",
        "    try:  #!\n        v = 1\n    except ValueError:\n        v = 2\n",
    ),
    "raise": (
        errors.CompileError,
        "this 'raise' is reached while compiling: ValueError('n')",
        "    raise ValueError('n')  #!\n",
    ),
    "global": (errors.TegulaError, "'global' is not part of", "    global COUNT  #!\n"),
    "del": (errors.TegulaError, "'del' is not part of", "    del i  #!\n"),
    "yield": (errors.TegulaError, "'yield' is not part of", "    yield i  #!\n"),
    "with": (
        errors.TegulaError,
        "'with' is not supported in a kernel",
        "    with open('a') as f:  #!\n        pass\n",
    ),
    "walrus": (errors.TegulaError, "':=' is not part of", "    if (v := n) > 3:  #!\n        pass\n"),
    "numpy": (errors.CompileError, "'numpy.zeros' is", "    v = np.zeros(16)  #!\n"),
    "a function without jit": (
        errors.CompileError,
        "(without @jit), which a kernel cannot use",
        "    v = plain(i)  #!\n",
    ),
    "math module": (errors.CompileError, "'math.sqrt' is", "    v = math.sqrt(2.0)  #!\n"),
    "global number": (
        errors.CompileError,
        "global 'COUNT' (5) is not a constexpr",
        "    v = COUNT + 1  #!\n",
    ),
    "global list": (errors.CompileError, "'SIZES' is a list", "    v = SIZES[0]  #!\n"),
    "constexpr twice": (
        errors.CompileError,
        "a constexpr cannot be set again",
        "    a: tl.constexpr = 1\n    a: tl.constexpr = 2  #!\n",
    ),
    "store to const": (
        errors.CompileError,
        "cannot write through the const pointer",
        "@tegula.jit\ndef kernel(x: tl.const, y, n):\n    tl.store(x, 1.0)  #!\n",
    ),
    "store of a wrong shape": (
        errors.CompileError,
        "with a scalar pointer needs a scalar 'value'",
        "    tl.store(x, i)  #!\n",
    ),
    "store of nothing": (errors.CompileError, "needs a value for 'value'", "    tl.store(x + i)  #!\n"),
    "sum over a missing axis": (
        errors.CompileError,
        "axis 1 is out of range for a rank of 1",
        "    v = tl.sum(i, axis=1)  #!\n",
    ),
    "sum over a run-time axis": (
        errors.CompileError,
        "known when compiling",
        "    v = tl.sum(i, axis=n)  #!\n",
    ),
    "reshape": (
        errors.CompileError,
        "has 16 elements and cannot take the shape [3, 5] of 15",
        "    v = tl.reshape(i, (3, 5))  #!\n",
    ),
    "transpose of a vector": (errors.CompileError, ".T needs a tensor of rank 2", "    v = i.T  #!\n"),
    "too many dimensions": (
        errors.CompileError,
        "2 index(es) for i32[16], which has 1 dimension(s)",
        "    v = i[:, :]  #!\n",
    ),
    "program_id axis": (errors.CompileError, "takes axis 0, 1 or 2, got 3", "    v = tl.program_id(3)  #!\n"),
    "float modulo shift": (errors.CompileError, "needs integers", "    v = tl.load(x) << 2  #!\n"),
    "power": (errors.CompileError, "operator '**' is not defined on tensors", "    v = i ** 2  #!\n"),
    "matmul of shapes": (
        errors.CompileError,
        "operator '@' is not defined on tensors",
        "    v = i @ i  #!\n",
    ),
    "text": (errors.CompileError, "operator '+' takes no", "    v = i + 'a'  #!\n"),
    "f-string of a tile": (
        errors.TegulaError,
        "a piece of an f-string must be a constant",
        "    tl.static_assert(n == 3, f'{i}')  #!\n",
    ),
    "static_assert of a run-time number": (
        errors.CompileError,
        "the condition of static_assert must be a constant",
        "    tl.static_assert(n > 3)  #!\n",
    ),
    "device_print without text": (
        errors.CompileError,
        "the first argument of tl.device_print must be a string",
        "    tl.device_print(i)  #!\n",
    ),
    "format": (
        errors.TegulaError,
        "operator '%' takes no constexpr 'v %d' and i32",
        "    tl.device_print('v %d' % n)  #!\n",
    ),
    "len": (errors.CompileError, "len() of i32", "    v = len(n)  #!\n"),
    "iterate over a tile": (
        errors.CompileError,
        "cannot iterate over",
        "    for v in i:  #!\n        pass\n",
    ),
    "float range": (
        errors.CompileError,
        "bounds and step of a range must be scalar integers",
        "    for k in range(0.5):  #!\n        pass\n",
    ),
    "zero step": (
        errors.CompileError,
        "the step of a range is 0",
        "    for k in range(0, 4, 0):  #!\n        pass\n",
    ),
    "static_range of a run-time number": (
        errors.CompileError,
        "known when compiling",
        "    for k in tl.static_range(n):  #!\n        pass\n",
    ),
    "huge unrolling": (
        errors.CompileError,
        "cannot be unrolled",
        "    for k in tl.static_range(10**9):  #!\n        tl.store(x, k)\n",
    ),
    "unpacking": (errors.CompileError, "cannot unpack", "    a, b, c = 1, 2  #!\n"),
    "division of pointers": (errors.CompileError, "pointers take only + and -", "    v = x / y  #!\n"),
    "sum of pointers": (errors.CompileError, "pointers take only + and -", "    v = x + y  #!\n"),
    "atomic on a number": (
        errors.CompileError,
        "must be a pointer or a tile of pointers",
        "    tl.atomic_add(n, 1)  #!\n",
    ),
    "atomic semantics": (
        errors.CompileError,
        "must be one of 'acquire', 'release'",
        "    tl.atomic_add(x, 1.0, sem='weak')  #!\n",
    ),
    "bitcast": (errors.CompileError, "cannot bitcast", "    v = i.to(tl.float16, bitcast=True)  #!\n"),
    "number out of range": (errors.CompileError, "does not fit in i8", "    v = i.to(tl.int8) + 300  #!\n"),
    "jit function's arguments": (errors.CompileError, "needs a value for 'b'", "    v = helper(i)  #!\n"),
    "recursion": (errors.CompileError, "calls itself", "    v = endless(n)  #!~\n"),
    "assembly": (
        errors.UnsupportedError,
        "'tl.inline_asm_elementwise' is not supported yet",
        "    v = tl.inline_asm_elementwise('nop', '=r', [i], tl.int32, True, 1)  #!\n",
    ),
    "PyTorch's method": (errors.CompileError, "Write x.to(dtype)", "    v = i.astype(tl.float16)  #!\n"),
    "mean": (errors.CompileError, "Write tl.sum(x, axis) / n", "    v = tl.load(x + i).mean()  #!\n"),
    "misspelt method": (errors.CompileError, "did you mean 'argmax'", "    v = i.argmx(0)  #!\n"),
    "Python's function": (
        errors.UnsupportedError,
        "Python's 'sorted' is not part of the kernel language",
        "    v = sorted(i)  #!\n",
    ),
    "grid in a kernel": (
        errors.CompileError,
        "calls a jit function without a grid",
        "    helper[(1,)](i, i)  #!\n",
    ),
    "compare with None": (errors.CompileError, "with 'is None'", "    v = i == None  #!\n"),
    "inferred extent": (errors.CompileError, "-1 is not worked out", "    v = i.reshape(2, -1)  #!\n"),
    "store of pointers": (errors.CompileError, "read with tl.load", "    tl.store(x + i, y + i)  #!\n"),
    "too much unrolling": (
        errors.CompileError,
        "the kernel is too large: more than 32768 operations",
        "    for k in tl.static_range(60000):\n        tl.store(x + k, k * n)  #!\n",
    ),
    "block pointer with a mask": (
        errors.CompileError,
        "tl.load of a block pointer takes no 'mask'",
        "    v = tl.load(tl.make_block_ptr(x, (n,), (1,), (0,), (16,), (0,)), mask=i < n)  #!\n",
    ),
    "block pointer as a tuple": (
        errors.CompileError,
        "cannot iterate over a block pointer",
        "    a, b = tl.make_block_ptr(x, (n,), (1,), (0,), (16,), (0,))  #!\n",
    ),
    "block pointer plus a number": (
        errors.CompileError,
        "a block pointer and constexpr 1",
        "    v = tl.make_block_ptr(x, (n,), (1,), (0,), (16,), (0,)) + 1  #!\n",
    ),
    "descriptor's member": (
        errors.CompileError,
        "Its fields are base, shape, strides, block_shape, padding",
        "    v = tl.make_tensor_descriptor(x, [n, n], [n, 1], [4, 4]).size  #!\n",
    ),
}

NAMES = {
    "np": np,
    "torch": torch,
    "math": __import__("math"),
    "COUNT": 5,
    "SIZES": [1, 2],
    "plain": lambda a: a,
}
HELPERS = """
@tegula.jit
def helper(a, b):
    return a + b

@tegula.jit
def endless(a):
    return endless(a - 1)

"""


def from_file(source, folder):
    """As a user has it: a module in a file."""
    path = folder / "case.py"
    path.write_text("import tegula\nimport tegula.language as tl\n" + source)
    scope = {**NAMES, "__name__": "case", "__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    return scope["kernel"], path


@pytest.mark.parametrize("name", KERNELS)
def test_kernel(name, tmp_path):
    kind, text, body = KERNELS[name]
    source = HELPERS + (body if "def kernel" in body else HEAD + body)
    at = next(k for k, line in enumerate(source.splitlines()) if "#!" in line)
    line = 3 + at
    near = "#!~" in source.splitlines()[at]  # another line of the construct may be blamed
    source = re.sub(r"  #!~?", "", source)
    kernel, path = from_file(source, tmp_path)
    has_block = "BLOCK" in source.split("def kernel")[1].split("\n")[0]
    with pytest.raises(kind) as info:
        kernel[(1,)](f32(), f32(), 64, **({"BLOCK": 16} if has_block else {}))
    message = str(info.value)
    assert not isinstance(info.value, errors.InternalError), message
    assert text in message, message
    place = re.search(rf"{re.escape(str(path))}:(\d+):(\d+): error: ", message)
    assert place, f"no place:\n{message}"
    if not near:
        assert int(place[1]) == line, message
    assert re.search(r"^ +\d+ \| ", message, re.M) and "^" in message, f"the line is not shown:\n{message}"


PLAIN = HEAD + "    tl.store(x + i, tl.load(y + i) * n)\n"

# name: (error, text, call)
CALLS = {
    "missing argument": (
        errors.LaunchError,
        "is missing the argument 'BLOCK'",
        lambda k: k[(1,)](f32(), f32(), 64),
    ),
    "too many": (
        errors.LaunchError,
        "takes 4 positional arguments, got 5",
        lambda k: k[(1,)](f32(), f32(), 64, 16, 3),
    ),
    "unknown keyword": (errors.LaunchError, "BLOK", lambda k: k[(1,)](f32(), f32(), 64, BLOK=16)),
    "twice": (errors.LaunchError, "BLOCK", lambda k: k[(1,)](f32(), f32(), 64, 16, BLOCK=16)),
    "a list": (
        errors.LaunchError,
        "is a list, which a kernel cannot take",
        lambda k: k[(1,)]([1.0], f32(), 64, BLOCK=16),
    ),
    "a text": (
        errors.CompileError,
        "takes no fp32[16] and constexpr '64'",
        lambda k: k[(1,)](f32(), f32(), "64", BLOCK=16),
    ),
    "a dict": (errors.LaunchError, "dict", lambda k: k[(1,)](f32(), f32(), {}, BLOCK=16)),
    "complex": (
        errors.LaunchError,
        "complex",
        lambda k: k[(1,)](torch.zeros(4, dtype=torch.complex64), f32(), 64, BLOCK=16),
    ),
    "no grid": (errors.LaunchError, "was called without a grid", lambda k: k(f32(), f32(), 64, BLOCK=16)),
    "float grid": (errors.LaunchError, "got 1.5 (a float)", lambda k: k[(1.5,)](f32(), f32(), 64, BLOCK=16)),
    "negative grid": (errors.LaunchError, "got -1 programs", lambda k: k[(-1,)](f32(), f32(), 64, BLOCK=16)),
    "grid of four": (
        errors.LaunchError,
        "got 4 dimensions",
        lambda k: k[(1, 1, 1, 1)](f32(), f32(), 64, BLOCK=16),
    ),
    "grid of text": (errors.LaunchError, "got a string", lambda k: k["a"](f32(), f32(), 64, BLOCK=16)),
    "a grid function that fails": (
        ZeroDivisionError,
        "",
        lambda k: k[lambda meta: (1 // 0,)](f32(), f32(), 64, BLOCK=16),
    ),
    "tensor for a constexpr": (errors.LaunchError, "BLOCK", lambda k: k[(1,)](f32(), f32(), 64, BLOCK=f32())),
    "float for a constexpr": (
        errors.TegulaError,
        "'end' must be an integer known when compiling, got constexpr 16.0",
        lambda k: k[(1,)](f32(), f32(), 64, BLOCK=16.0),
    ),
    "huge number": (
        errors.LaunchError,
        "does not fit 64 bits",
        lambda k: k[(1,)](f32(), f32(), 2**70, BLOCK=16),
    ),
    "number for a pointer": (
        errors.CompileError,
        "must be a pointer",
        lambda k: k[(1,)](f32(), 3, 64, BLOCK=16),
    ),
    "None for a pointer": (
        errors.CompileError,
        "takes no None",
        lambda k: k[(1,)](f32(), None, 64, BLOCK=16),
    ),
    "sparse tensor": (
        errors.LaunchError,
        "has no data in memory",
        lambda k: k[(1,)](f32().to_sparse(), f32(), 64, BLOCK=16),
    ),
    "meta tensor": (
        errors.LaunchError,
        "it is on the device 'meta'",
        lambda k: k[(1,)](torch.zeros(4, device="meta"), f32(), 64, BLOCK=16),
    ),
    "object array": (
        errors.LaunchError,
        "a tensor of object",
        lambda k: k[(1,)](np.array([None, 1]), f32(), 64, BLOCK=16),
    ),
    "read-only array": (
        errors.LaunchError,
        "is read-only, but the kernel writes to it",
        lambda k: k[(1,)](frozen(), f32(), 64, BLOCK=16),
    ),
    "unknown option": (
        errors.LaunchError,
        "num_warp",
        lambda k: k[(1,)](f32(), f32(), 64, BLOCK=16, num_warp=4),
    ),
}


def frozen():
    x = np.zeros(64, np.float32)
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("name", CALLS)
def test_call(name):
    kind, text, call = CALLS[name]
    kernel = define(PLAIN)
    with pytest.raises(kind) as info:
        call(kernel)
    assert not isinstance(info.value, errors.InternalError), str(info.value)
    assert text in str(info.value), str(info.value)


def test_the_process_lives_on():
    """After all of that, the same process compiles and runs."""
    x, y = f32(), torch.ones(64)
    define(PLAIN)[(1,)](x, y, 3, BLOCK=64)
    assert (x == 3).all()


def test_jit_of_no_function():
    with pytest.raises((TypeError, errors.TegulaError)):
        tegula.jit(3)
