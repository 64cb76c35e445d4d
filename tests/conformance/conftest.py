"""Puts the helpers of this folder and of tests/run on the path."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
for folder in (HERE.parent / "run", HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
