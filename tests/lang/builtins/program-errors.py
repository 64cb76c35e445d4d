# program-errors.py - wrong calls: the grid, hints and messages
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel grid_axis --signature "" --expect-error | FileCheck %s --check-prefix=GRID-AXIS
# RUN: tegula-translate %s --kernel hint_length --signature "" --expect-error | FileCheck %s --check-prefix=HINT-LENGTH
# RUN: tegula-translate %s --kernel hint_not_positive --signature "" --expect-error | FileCheck %s --check-prefix=HINT-NOT-POSITIVE
# RUN: tegula-translate %s --kernel assume_false --signature "" --expect-error | FileCheck %s --check-prefix=ASSUME-FALSE
# RUN: tegula-translate %s --kernel assume_not_scalar --signature "" --expect-error | FileCheck %s --check-prefix=ASSUME-NOT-SCALAR
# RUN: tegula-translate %s --kernel print_prefix --signature "n=i32" --expect-error | FileCheck %s --check-prefix=PRINT-PREFIX
# RUN: tegula-translate %s --kernel print_value --signature "n=i32" --expect-error | FileCheck %s --check-prefix=PRINT-VALUE

import tegula
import tegula.language as tl


@tegula.jit
def grid_axis():
    # GRID-AXIS: error: tl.program_id takes axis 0, 1 or 2, got 3
    a = tl.program_id(3)


@tegula.jit
def hint_length():
    # HINT-LENGTH: error: tl.multiple_of needs 1 value(s) for i32[8], got 2
    a = tl.multiple_of(tl.arange(0, 8), [8, 8])


@tegula.jit
def hint_not_positive():
    # HINT-NOT-POSITIVE: error: tl.max_contiguous needs positive values, got 0
    a = tl.max_contiguous(tl.arange(0, 8), 0)


@tegula.jit
def assume_false():
    # ASSUME-FALSE: error: tl.assume of a condition that is known to be false
    tl.assume(1 > 2)


@tegula.jit
def assume_not_scalar():
    # ASSUME-NOT-SCALAR: error: tl.assume takes a scalar condition, got i1[4]
    tl.assume(tl.arange(0, 4) > 2)


@tegula.jit
def print_prefix(n):
    # PRINT-PREFIX: error: the first argument of tl.device_print must be a string, got i32
    tl.device_print(n)


@tegula.jit
def print_value(n):
    # PRINT-VALUE: error: tl.device_print prints tensors and numbers, got
    tl.device_print("n", n, "m")
