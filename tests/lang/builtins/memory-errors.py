# memory-errors.py - wrong calls: memory
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel argument_not_pointer --signature "n=i32" --expect-error | FileCheck %s --check-prefix=ARGUMENT-NOT-POINTER
# RUN: tegula-translate %s --kernel block_pointer_option --signature "p=*fp32" --expect-error | FileCheck %s --check-prefix=BLOCK-POINTER-OPTION
# RUN: tegula-translate %s --kernel other_without_mask --signature "p=*fp32" --expect-error | FileCheck %s --check-prefix=OTHER-WITHOUT-MASK
# RUN: tegula-translate %s --kernel mask_not_bool --signature "p=*fp32" --expect-error | FileCheck %s --check-prefix=MASK-NOT-BOOL
# RUN: tegula-translate %s --kernel scalar_pointer --signature "p=*fp32" --expect-error | FileCheck %s --check-prefix=SCALAR-POINTER
# RUN: tegula-translate %s --kernel pointer_too_small --signature "p=*fp32" --expect-error | FileCheck %s --check-prefix=POINTER-TOO-SMALL
# RUN: tegula-translate %s --kernel const_pointer --signature "p=*kfp32" --expect-error | FileCheck %s --check-prefix=CONST-POINTER
# RUN: tegula-translate %s --kernel atomic_element --signature "p=*fp16" --expect-error | FileCheck %s --check-prefix=ATOMIC-ELEMENT
# RUN: tegula-translate %s --kernel sem --signature "p=*i32" --expect-error | FileCheck %s --check-prefix=SEM

import tegula
import tegula.language as tl


@tegula.jit
def argument_not_pointer(n):
    # ARGUMENT-NOT-POINTER: error: argument 'pointer' of tl.load must be a pointer or a tile of pointers, got i32
    a = tl.load(n)


@tegula.jit
def block_pointer_option(p):
    # BLOCK-POINTER-OPTION: error: 'boundary_check' belongs to block pointers, but the pointer is *fp32
    a = tl.load(p, boundary_check=(0,))


@tegula.jit
def other_without_mask(p):
    # OTHER-WITHOUT-MASK: error: tl.load takes 'other' only with a mask
    a = tl.load(p, other=0.0)


@tegula.jit
def mask_not_bool(p):
    # MASK-NOT-BOOL: error: the mask of tl.load must be a bool (i1), got i32[4]
    a = tl.load(p + tl.arange(0, 4), mask=tl.arange(0, 4))


@tegula.jit
def scalar_pointer(p):
    # SCALAR-POINTER: error: tl.store with a scalar pointer needs a scalar 'value', got
    tl.store(p, tl.arange(0, 4))


@tegula.jit
def pointer_too_small(p):
    # POINTER-TOO-SMALL: error: the pointers of tl.store have shape [4] but the other arguments have shape [2, 4]
    tl.store(p + tl.arange(0, 4), tl.zeros((2, 4), tl.float32))


@tegula.jit
def const_pointer(p):
    # CONST-POINTER: error: tl.store cannot write through the const pointer *kfp32
    tl.store(p, 1.0)


@tegula.jit
def atomic_element(p):
    # ATOMIC-ELEMENT: error: tl.atomic_max takes int32, uint32, int64, uint64, fp32, fp64, but the pointer's elements are fp16 (*fp16)
    tl.atomic_max(p, 1.0)


@tegula.jit
def sem(p):
    # SEM: error: 'sem' of tl.atomic_add must be one of 'acquire', 'release', 'acq_rel', 'relaxed', got 'seq'
    tl.atomic_add(p, 1, sem="seq")
