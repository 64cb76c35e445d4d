# creation-errors.py - wrong calls: creation and conversion
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel arange_empty --signature "" --expect-error | FileCheck %s --check-prefix=ARANGE-EMPTY
# RUN: tegula-translate %s --kernel arange_too_wide --signature "" --expect-error | FileCheck %s --check-prefix=ARANGE-TOO-WIDE
# RUN: tegula-translate %s --kernel full_not_scalar --signature "" --expect-error | FileCheck %s --check-prefix=FULL-NOT-SCALAR
# RUN: tegula-translate %s --kernel unknown_dtype --signature "" --expect-error | FileCheck %s --check-prefix=UNKNOWN-DTYPE
# RUN: tegula-translate %s --kernel pointer_to_pointer --signature "" --expect-error | FileCheck %s --check-prefix=POINTER-TO-POINTER
# RUN: tegula-translate %s --kernel bad_option --signature "x=fp32" --expect-error | FileCheck %s --check-prefix=BAD-OPTION
# RUN: tegula-translate %s --kernel argument_not_tensor --signature "" --expect-error | FileCheck %s --check-prefix=ARGUMENT-NOT-TENSOR

import tegula
import tegula.language as tl


@tegula.jit
def arange_empty():
    # ARANGE-EMPTY: error: tl.arange needs start < end, got start 4 and end 4
    x = tl.arange(4, 4)


@tegula.jit
def arange_too_wide():
    # ARANGE-TOO-WIDE: error: the bounds of tl.arange must fit in 32 bits, got 0 and 5000000000
    x = tl.arange(0, 5000000000)


@tegula.jit
def full_not_scalar():
    # FULL-NOT-SCALAR: error: the value of tl.full must be a number or a scalar, got i32[2]
    x = tl.full((4,), tl.arange(0, 2), tl.int32)


@tegula.jit
def unknown_dtype():
    # UNKNOWN-DTYPE: error: unknown type 'float33'
    x = tl.zeros((4,), tl.dtype("float33"))


@tegula.jit
def pointer_to_pointer():
    # POINTER-TO-POINTER: error: a pointer to *i32 does not exist
    t = tl.pointer_type(tl.pointer_type(tl.int32))


@tegula.jit
def bad_option(x):
    # BAD-OPTION: error: 'fp_downcast_rounding' of tl.to must be one of 'rtne', 'rtz', got 'up'
    y = x.to(tl.float16, fp_downcast_rounding="up")


@tegula.jit
def argument_not_tensor():
    # ARGUMENT-NOT-TENSOR: error: argument 'input' of tl.cast must be a tensor or a number, got tuple
    y = tl.cast((1, 2), tl.int32)
