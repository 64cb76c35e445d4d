//===- Elementwise.h - element-wise operations that PTX has its own way for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/cpu/Cpu.h"
#include "codegen/nvptx/Nvptx.h"

#include "llvm/ADT/ArrayRef.h"

namespace llvm {
class IRBuilderBase;
class Value;
} // namespace llvm

namespace tegula::nvptx {

// Each gives the result of one operation on scalars, or null where the common code is as good.

/// Math functions, by instructions of this architecture or the math library. How far a result may be from the exact one
/// says ir/MathUlp.def, in its part on GPUs. (Math.cpp)
llvm::Value *emitMath(llvm::IRBuilderBase &b, const cpu::Target &elementTarget, mlir::Operation *op,
                      llvm::ArrayRef<llvm::Value *> operands);

/// What is rounded once or not at all: arithmetic of 16-bit floats, extrema, conversions. (Floats.cpp)
llvm::Value *emitFloat(llvm::IRBuilderBase &b, const Target &target, const cpu::Target &elementTarget,
                       mlir::Operation *op, llvm::ArrayRef<llvm::Value *> operands);

/// Two values of type `from` rounded to nearest even as two of the narrower `to`: an i32 of 16-bit or an i16 of 8-bit
/// floats, `low` in the low half; null where no instruction does it.
llvm::Value *narrowPair(llvm::IRBuilderBase &b, const Target &target, llvm::Value *low, llvm::Value *high,
                        mlir::Type from, mlir::Type to);
/// An i16 of two 8-bit floats as an i32 of two f16; null where no instruction does it.
llvm::Value *widenPair(llvm::IRBuilderBase &b, const Target &target, llvm::Value *pair, mlir::Type from);

} // namespace tegula::nvptx
