# conftest.py - a compile cache of its own for the tests of the Python package
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import os
import sys
import tempfile

_cache = tempfile.TemporaryDirectory(prefix="tegula-test-")
os.environ.setdefault("TEGULA_CACHE_DIR", _cache.name)
sys.path.insert(0, os.path.dirname(__file__))  # for small_kernels
