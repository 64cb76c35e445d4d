# math-errors.py - wrong calls: element-wise functions and missing names
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel argument_bad_type --signature "n=i32" --expect-error | FileCheck %s --check-prefix=ARGUMENT-BAD-TYPE
# RUN: tegula-translate %s --kernel fdiv_two_roundings --signature "x=fp32" --expect-error | FileCheck %s --check-prefix=FDIV-TWO-ROUNDINGS
# RUN: tegula-translate %s --kernel libdevice --signature "x=fp32" --expect-error | FileCheck %s --check-prefix=LIBDEVICE
# RUN: tegula-translate %s --kernel missing --signature "x=fp32" --expect-error | FileCheck %s --check-prefix=MISSING

import tegula
import tegula.language as tl


@tegula.jit
def argument_bad_type(n):
    # ARGUMENT-BAD-TYPE: error: tl.exp takes fp32 or fp64, got i32
    a = tl.exp(n)


@tegula.jit
def fdiv_two_roundings(x):
    # FDIV-TWO-ROUNDINGS: error: tl.fdiv takes 'ieee_rounding' or 'approx', not both
    a = tl.fdiv(x, x, ieee_rounding=True, approx=True)


@tegula.jit
def libdevice(x):
    # LIBDEVICE: error: 'tl.extra.libdevice.erfinv' is not supported yet
    a = tl.extra.libdevice.erfinv(x)


@tegula.jit
def missing(x):
    # MISSING: error: 'tl.dot_scaled' is not supported yet
    a = tl.dot_scaled(x, x, 'e5m2', x, x, 'e5m2')
