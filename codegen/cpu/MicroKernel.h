//===- MicroKernel.h - the register-blocked inner part of a product ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstdint>

namespace llvm {
class IRBuilderBase;
class Value;
} // namespace llvm

namespace tegula::cpu {

struct Target;

/// What a product is computed in. 8- and 16-bit floats are widened to f32 and 8-bit integers to i32 while packing.
enum class ElementKind : uint8_t { F32, F64, I32 };

/// Rows and columns of C that stay in registers: mr rows of nr elements, nr a multiple of the vector length.
struct MicroShape {
  int mr, nr;
};
MicroShape microShape(const Target &target, ElementKind kind);

/// C[mr x nr] += A[mr x k] x B[k x nr].
/// `a`: row-major, `lda` elements from row to row, k contiguous. `b`: one packed panel, k rows of nr elements.
/// `c`: row-major, `ldc` elements from row to row. All three `ptr`s; `b` and `c` rows are best 64-byte aligned (`b`
/// must be aligned to the element only). Products are summed from zero by one fma each where
/// the target has it, in the order of k; the sum is added to C once.
///
/// The builder must stand at the end of a block that has no terminator yet; it is left at the end of a new block,
/// likewise open. `k` >= 1.
void emitMicroKernel(llvm::IRBuilderBase &builder, const Target &target, ElementKind kind, MicroShape shape,
                     llvm::Value *a, int64_t lda, llvm::Value *b, llvm::Value *c, int64_t ldc, int64_t k);

} // namespace tegula::cpu
