# __main__.py - what the package tells at the command line
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""python -m tegula settings

settings: every setting with its environment variable, its value in this environment and what it does. The same
settings are attributes of tegula.knobs. `python -m tegula.demo` runs kernels.
"""

from __future__ import annotations

import sys

from . import knobs
from .errors import LaunchError


def _value(name: str) -> str:
    value = getattr(knobs, name)
    return str(int(value)) if isinstance(value, bool) else str(value) or "-"


def settings() -> None:
    """Prints the table. A star marks what differs from the default."""
    head = ("", "knobs.", "environment variable", "value", "what it does")
    rows = []
    for name, type_, env, default, text in knobs.rows():
        value = _value(name)
        usual = {"true": "1", "false": "0"}.get(default, default.strip('"') or "-")
        rows.append(("" if value == usual else "*", name, env, value, f"{text} ({type_})"))
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(4)]
    for row in [head, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[4]]).rstrip())


def main(arguments: list[str]) -> int:
    """The exit status."""
    if arguments == ["settings"]:
        try:
            settings()
        except LaunchError as error:  # a variable with a value that cannot be
            print(error, end="", file=sys.stderr)
            return 1
        return 0
    asked = arguments in (["-h"], ["--help"])
    print(__doc__.strip(), file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
