//===- Elementwise.h - one element-wise operation in LLVM IR ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same function writes the scalar and the vector form of an operation, from the same steps, so an element has
// the same bits whether its value was computed alone, in a chunk, once or twice.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/cpu/Isa.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace llvm {
class Constant;
class IRBuilderBase;
class LLVMContext;
class Type;
class Value;
} // namespace llvm

namespace mlir {
class Attribute;
class Operation;
class Type;
} // namespace mlir

namespace tegula::cpu {

/// LLVM type of an element in registers: i1, iN (index: i64), float, double; 16- and 8-bit floats are i16 and
/// i8, pointers are `ptr`. In memory the type is the same except that i1 takes a byte.
llvm::Type *elementLLVMType(llvm::LLVMContext &context, mlir::Type element);

/// A number, or null of anything else, as a value of that type.
llvm::Constant *constantOf(mlir::Attribute attribute, llvm::Type *type);

/// Whether `emitElementwise` takes this operation: arith and math on scalars or tiles (no constants), tile.mulhi_u,
/// tile.fp_to_fp, tile.ptr_cast, tile.int_to_ptr, tile.ptr_to_int, tile.addptr (the general form: one GEP).
bool isElementwise(mlir::Operation *op);

/// Cost in units of one cheap vector operation; 100 and more for transcendental functions.
int elementwiseWeight(mlir::Operation *op);

/// Writes one operation on scalars (`lanes` == 1) or on vectors of `lanes` elements (a power of two). An operand may
/// be a scalar where `lanes` > 1: it is splat. Only the element types of `op`'s operands and result are looked at, so
/// `op` may be an operation on tiles or one in the combine region of a reduction. Never makes a block in the
/// builder's function (what needs branches or a loop over lanes becomes an internal function of the module, called).
/// Null if the operation is not element-wise.
llvm::Value *emitElementwise(llvm::IRBuilderBase &builder, mlir::Operation *op,
                             llvm::ArrayRef<llvm::Value *> operands, unsigned lanes, const Target &target);

/// Float conversion between any two float types, correctly rounded from the source value (never twice).
/// 8-bit results saturate; `towardZero` else nearest even. Scalars or vectors, as `value` is.
llvm::Value *emitConvertFloat(llvm::IRBuilderBase &builder, llvm::Value *value, mlir::Type from,
                              mlir::Type to, bool towardZero, const Target &target);

enum class FloatOp : uint8_t { Add, Sub, Mul, Div, MinNum, MaxNum, Minimum, Maximum };
/// One IEEE operation on f16, bf16, f32 or f64 values (`element` says which), for atomics and reductions.
/// f16 and bf16 go through f32, which gives what one rounding would, but for bf16 products and quotients below 2^-126.
/// MinNum/MaxNum ignore one NaN operand, Minimum/Maximum give NaN; -0 is below +0 in all four.
llvm::Value *emitFloatBinary(llvm::IRBuilderBase &builder, FloatOp op, llvm::Value *a, llvm::Value *b,
                             mlir::Type element, const Target &target);

} // namespace tegula::cpu
