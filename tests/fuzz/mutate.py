"""Changes a kernel's text by one to four tokens or lines, so that it is nearly right: what people's mistakes look like."""

from __future__ import annotations

import io
import random
import tokenize

NUMBERS = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "16",
    "17",
    "255",
    "65536",
    "2147483647",
    "2147483648",
    "9223372036854775808",
    "1e400",
    "0.5",
    "-0.0",
    "True",
    "None",
    "'text'",
    "()",
    "(1, 2)",
    "[]",
    "(16,)",
    "[:, None]",
    "...",
    "10**30",
    "1 << 70",
    "0x1F",
    "1_000",
    "b'1'",
    "f'{BLOCK}'",
    "float('nan')",
    "tl.float16",
    "tl.float8e5",
    "tl",
    "triton",
    "abs",
    "print",
]
OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "<<",
    ">>",
    "&",
    "|",
    "^",
    "@",
    "<",
    "==",
    "!=",
    ">=",
    "and",
    "or",
    "is",
    "in",
    "not in",
    "=",
    "+=",
    "//=",
    ":=",
    ",",
    ".",
    ":",
    "if 1 else",
    "(",
    ")",
    "[",
    "]",
    "->",
    "~",
    "not",
    ";",
    "\n",
    "#",
    "\\",
    "\t",
]
MEMBERS = [
    "load",
    "store",
    "arange",
    "zeros",
    "full",
    "dot",
    "sum",
    "max",
    "argmax",
    "cumsum",
    "reduce",
    "associative_scan",
    "where",
    "exp",
    "atomic_add",
    "atomic_cas",
    "reshape",
    "trans",
    "permute",
    "join",
    "split",
    "cat",
    "interleave",
    "expand_dims",
    "broadcast_to",
    "broadcast",
    "cdiv",
    "program_id",
    "num_programs",
    "rand",
    "randint4x",
    "static_print",
    "static_assert",
    "device_print",
    "device_assert",
    "debug_barrier",
    "multiple_of",
    "max_contiguous",
    "assume",
    "constexpr",
    "range",
    "static_range",
    "clamp",
    "minimum",
    "fma",
    "cast",
    "sort",
    "gather",
    "histogram",
    "view",
    "ravel",
    "flip",
    "float32",
    "int1",
    "int64",
    "bfloat16",
    "softmax",
    "sigmoid",
    "umulhi",
    "swizzle2d",
    "xor_sum",
    "to_tensor",
    "math",
    "extra",
    "tensor",
    "core",
]
STATEMENTS = [
    "return",
    "break",
    "continue",
    "pass",
    "x = x",
    "if i:",
    "for i in i:",
    "while True:",
    "raise ValueError('x')",
    "assert n > 3",
    "assert False, 'no'",
    "return 1",
    "return tl.zeros((4,), tl.float32)",
    "tl.debug_barrier()",
    "import os",
    "a, b = 1, 2",
    "if n > 3: return",
    "for k in range(n): break",
    "x: tl.constexpr = 3",
    "n = n + 1",
    "n = 1.5",
    "del n",
    "else:",
    "'''",
    "@",
]


def tokens(line: str) -> list[str]:
    """The tokens of a line and the blanks between them."""
    try:
        found = [
            t
            for t in tokenize.generate_tokens(io.StringIO(line).readline)
            if t.string and t.type != tokenize.NEWLINE
        ]
    except (tokenize.TokenError, SyntaxError):
        return [line]
    out, at = [], 0
    for t in found:
        if t.start[0] != 1 or t.start[1] < at:
            continue
        out += [line[at : t.start[1]], t.string]
        at = t.start[1] + len(t.string)
    return [*out, line[at:]]


class Mutator:
    def __init__(self, seed: int):
        self.r = random.Random(seed)

    def mutate(self, text: str, first: int) -> str:
        """`first`: the lines before it are left alone."""
        lines = text.splitlines()
        for _ in range(self.r.choice([1, 1, 1, 2, 2, 3, 4])):
            self.once(lines, first)
        return "\n".join(lines) + "\n"

    def once(self, lines: list[str], first: int) -> None:
        r = self.r
        at = r.randrange(first, len(lines))
        line = lines[at]
        indent = line[: len(line) - len(line.lstrip())]
        kind = r.random()
        if kind < 0.05:
            del lines[at]
            if len(lines) <= first:
                lines.append(line)
        elif kind < 0.09:
            lines.insert(at, line)
        elif kind < 0.13:
            other = r.randrange(first, len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind < 0.16:
            lines[at] = (
                r.choice(["    ", "", "  ", "\t"]) + line.lstrip() if r.random() < 0.5 else "    " + line
            )
        elif kind < 0.22:
            lines.insert(at, indent + r.choice(STATEMENTS))
        else:
            lines[at] = self.token(line, lines[first:])

    def token(self, line: str, body: list[str]) -> str:
        r = self.r
        parts = tokens(line)
        real = [k for k in range(1, len(parts), 2)]
        if not real:
            return line
        k = r.choice(real)
        kind = r.random()
        if kind < 0.15:
            parts[k] = ""
        elif kind < 0.25:
            parts[k] = parts[k] + " " + parts[k]
        elif kind < 0.33:
            other = r.choice(real)
            parts[k], parts[other] = parts[other], parts[k]
        elif kind < 0.5:
            parts[k] = r.choice(NUMBERS)
        elif kind < 0.65 and not (parts[k][0].isalnum() or parts[k][0] == "_"):
            parts[k] = r.choice(OPERATORS)
        elif parts[k][0].isalpha() and k > 1 and parts[k - 2] == ".":
            parts[k] = r.choice(MEMBERS)
        elif kind < 0.9:
            names = [t for row in r.sample(body, min(len(body), 6)) for t in tokens(row)[1::2]]
            parts[k] = r.choice(names or NUMBERS)
        elif kind < 0.97:
            parts[k] = r.choice(OPERATORS + NUMBERS)
        else:
            parts[k] = r.choice(["é", "\x00", "\ufeff", "\u2028", "🙂", "\x7f", "'", '"""', "\\"])
        return "".join(parts)
