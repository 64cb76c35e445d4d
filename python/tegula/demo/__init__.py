# __init__.py - the demonstration: python -m tegula.demo
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""The demonstration: `python -m tegula.demo` compiles seven kernels, runs them on this processor and checks them."""
