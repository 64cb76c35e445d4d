# shape-errors.py - wrong calls: shapes
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel reshape_count --signature "" --expect-error | FileCheck %s --check-prefix=RESHAPE-COUNT
# RUN: tegula-translate %s --kernel duplicate_dimension --signature "" --expect-error | FileCheck %s --check-prefix=DUPLICATE-DIMENSION
# RUN: tegula-translate %s --kernel not_a_permutation --signature "" --expect-error | FileCheck %s --check-prefix=NOT-A-PERMUTATION
# RUN: tegula-translate %s --kernel trans_needs_matrix --signature "" --expect-error | FileCheck %s --check-prefix=TRANS-NEEDS-MATRIX
# RUN: tegula-translate %s --kernel item_not_single --signature "" --expect-error | FileCheck %s --check-prefix=ITEM-NOT-SINGLE
# RUN: tegula-translate %s --kernel split_needs_two --signature "" --expect-error | FileCheck %s --check-prefix=SPLIT-NEEDS-TWO
# RUN: tegula-translate %s --kernel squeeze_not_one --signature "" --expect-error | FileCheck %s --check-prefix=SQUEEZE-NOT-ONE
# RUN: tegula-translate %s --kernel operands_differ --signature "" --expect-error | FileCheck %s --check-prefix=OPERANDS-DIFFER
# RUN: tegula-translate %s --kernel argument_not_tile --signature "n=i32" --expect-error | FileCheck %s --check-prefix=ARGUMENT-NOT-TILE

import tegula
import tegula.language as tl


@tegula.jit
def reshape_count():
    # RESHAPE-COUNT: error: i32[8] has 8 elements and cannot take the shape [3, 3] of 9
    y = tl.arange(0, 8).reshape(3, 3)


@tegula.jit
def duplicate_dimension():
    # DUPLICATE-DIMENSION: error: tl.expand_dims got dimension 0 twice
    y = tl.arange(0, 8).expand_dims((0, 0))


@tegula.jit
def not_a_permutation():
    # NOT-A-PERMUTATION: error: tl.permute needs each of the 2 dimensions of i32[2, 4] once, got [0, 0]
    y = tl.zeros((2, 4), tl.int32).permute(0, 0)


@tegula.jit
def trans_needs_matrix():
    # TRANS-NEEDS-MATRIX: error: tl.trans without dimensions needs at least 2 of them, got i32[8]
    y = tl.trans(tl.arange(0, 8))


@tegula.jit
def item_not_single():
    # ITEM-NOT-SINGLE: error: item() needs a tile of one element, got i32[8]
    y = tl.arange(0, 8).item()


@tegula.jit
def split_needs_two():
    # SPLIT-NEEDS-TWO: error: tl.split needs a last dimension of extent 2, got i32[8]
    a, b = tl.arange(0, 8).split()


@tegula.jit
def squeeze_not_one():
    # SQUEEZE-NOT-ONE: error: dimension 0 of i32[8] does not have extent 1
    a = tl.squeeze(tl.arange(0, 8), 0)


@tegula.jit
def operands_differ():
    # OPERANDS-DIFFER: error: tl.cat needs operands of the same shape, got i32[8] and i32[4]
    a = tl.cat(tl.arange(0, 8), tl.arange(0, 4))


@tegula.jit
def argument_not_tile(n):
    # ARGUMENT-NOT-TILE: error: argument 'input' of tl.trans must have at least one dimension, got the scalar i32
    a = tl.trans(n)
