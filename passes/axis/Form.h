//===- Form.h - indices, masks and conditions as formulas of scalars ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallVector.h"

namespace tegula::passes {

/// factor * scalars[0] * scalars[1] * ..., in integers without bounds.
struct Product {
  int64_t factor = 1;
  llvm::SmallVector<mlir::Value, 2> scalars;

  friend bool operator==(const Product &, const Product &) = default;
};

/// constant + the sum of the products; scalars are SSA values of the kernel, read as signed numbers (pointers: as the
/// address).
struct Polynomial {
  int64_t constant = 0;
  llvm::SmallVector<Product, 2> products;

  bool isConstant() const { return products.empty(); }
  bool isZero() const { return constant == 0 && products.empty(); }
  /// The scalar that this is, if it is one and nothing else.
  mlir::Value scalar() const {
    bool isOne =
        constant == 0 && products.size() == 1 && products[0].factor == 1 && products[0].scalars.size() == 1;
    return isOne ? products[0].scalars[0] : mlir::Value();
  }
  friend bool operator==(const Polynomial &, const Polynomial &) = default;
};

/// A condition on one operand of an operation, of each element, under which the operation's usual facts hold.
struct Obligation {
  enum Kind : uint8_t {
    NotNegative, ///< the operand is >= 0
    NotZero,     ///< the operand is not 0
    NoWrap,      ///< neighbours in the operand's runs differ by the stride exactly, as signed numbers
  };
  mlir::Operation *op;
  unsigned operand;
  Kind kind;

  mlir::Value value() const { return op->getOperand(operand); }
  friend bool operator==(const Obligation &, const Obligation &) = default;
};

/// What must hold at run time: each product is a multiple of the modulus, a power of two, and the obligations hold.
struct Needs {
  uint64_t modulus = 1;
  llvm::SmallVector<Product, 2> products;
  llvm::SmallVector<Obligation, 1> obligations; ///< of the usual tier only
};

/// less < greater. Either side fits into 64 bits, however it is added up.
struct Inequality {
  Polynomial less, greater;
};

/// One comparison of a mask: where all of `noWrap` hold, an element of index i is true if
///
///     base + sum over d of coefficients[d] * i[d] < bound
struct MaskTerm {
  mlir::Value compare; ///< the arith.cmpi
  Polynomial base, bound;
  llvm::SmallVector<int64_t, 3> coefficients; ///< by dimension of the mask
  llvm::SmallVector<Inequality, 1>
      noWrap;           ///< that the comparison's sides do not wrap around, as far as not known
  bool isExact = false; ///< neither side ever wraps around: and false if not

  /// The only dimension that it varies along; -1: none or several.
  int dimension() const;
};

struct MaskFacts {
  llvm::SmallVector<MaskTerm, 2> terms;
  llvm::SmallVector<mlir::Value, 1> scalars; ///< i1: the mask holds nowhere when one of them is false
  /// The mask is true exactly where the comparisons of all terms and the scalars are; else there is more to it.
  bool isComplete = true;
};

/// A condition on scalars; all of it must hold.
struct Condition {
  llvm::SmallVector<Inequality, 2> inequalities;
  llvm::SmallVector<mlir::Value, 1> scalars;

  bool isTrue() const { return inequalities.empty() && scalars.empty(); }
};

/// Where to cut a loop in two so that a mask is true as a whole in every iteration of the first:
///
///     for i in [low, high) step s   ->   for i in [low, cut) step s   without the mask
///                                        for i in [cut, high) step s
///
/// The cut is the first i of the loop for which one of the `bounds` does not hold:  coefficient * i + rest < 0, where
/// the coefficient is positive and `rest` does not change in the loop; or `low` if a condition that does not change in
/// the loop is false. In the iterations after the cut the mask may be true as well.
struct LoopSplit {
  struct Bound {
    int64_t coefficient;
    Polynomial rest;
  };
  llvm::SmallVector<Bound, 2> bounds;
  Condition invariant;
};

//===--- Formulas as operations, at the builder's insertion point, which the scalars must dominate ---===//

/// i64.
mlir::Value materialise(mlir::OpBuilder &builder, mlir::Location loc, const Polynomial &polynomial);
/// i1, true if there is nothing to test.
mlir::Value materialise(mlir::OpBuilder &builder, mlir::Location loc, const Condition &condition);
mlir::Value materialise(mlir::OpBuilder &builder, mlir::Location loc, const Needs &needs);
/// The cut, of the type of the loop's bounds; the insertion point is before the loop.
mlir::Value materialise(mlir::OpBuilder &builder, const LoopSplit &split, mlir::scf::ForOp loop);

} // namespace tegula::passes
