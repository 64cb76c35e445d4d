//===- Forms.h - tiles of indices as sums over their dimensions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A tile of indices or addresses is taken apart into
//
//     base + sum over d of steps[d] * i[d] + sum of the atoms         modulo 2^width
//
// where base and steps are polynomials of scalars, and an atom is a tile that is no such sum (a remainder, a loaded
// index, a choice), times a product of scalars. The row addresses of a matrix with wrapped rows, as an example:
//
//     a_ptr + ((pm * 128 + i0) % M) * stride + i1
//         base a_ptr, steps {0, 1} * 2 bytes, atom  (remsi ...) along dimension 0, times 2 * stride
//
// Modulo 2^width is how the machine adds; what needs the sum itself (a comparison, a widening) asks whether the sum's
// range fits.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "passes/axis/Analysis.h"

namespace tegula::passes {

/// A tile, seen along the dimensions of a form: dimension d of the form is dimension[d] of the tile, or -1 where the
/// form repeats it.
struct View {
  mlir::Value tile;
  llvm::SmallVector<int, 3> dimension;
};

struct Atom : View {
  Product times;
};

/// The offset of a pointer that was widened and may wrap around inside the tile.
struct Widened : View {
  Obligation obligation; ///< that it does not
};

struct Form {
  unsigned width = 0;
  Polynomial base;
  llvm::SmallVector<Polynomial, 3> steps;
  llvm::SmallVector<Atom, 1> atoms;
  llvm::SmallVector<Widened, 1> widened;
};

/// Numbers from `low` to `high`, kept within 2^120 of 0.
struct Interval {
  __int128 low, high;
};

class Forms {
public:
  explicit Forms(Analysis &analysis) : analysis(analysis) {}

  const Form &of(mlir::Value tile);
  /// The form's values lie in this interval as integers without bounds, at a place of the program.
  Interval interval(const Form &form, llvm::ArrayRef<int64_t> shape, mlir::Operation *where);
  Interval interval(const Polynomial &polynomial, mlir::Operation *where);
  Interval interval(const Product &product, mlir::Operation *where);
  /// Scalars replaced by what they were computed from, as far as nothing wraps. Values that are defined outside `loop`
  /// stay (null: all are replaced).
  Polynomial expanded(const Polynomial &polynomial, mlir::scf::ForOp loop = {});
  /// Whether the polynomial is negative at a place of the program, whatever its scalars are.
  bool isNegative(const Polynomial &polynomial, mlir::Operation *where);
  /// Divides the product.
  uint64_t divisor(const Product &product, mlir::Operation *where);

  // Addresses (Addresses.cpp)
  std::optional<Needs> vectorNeeds(mlir::Value pointers, unsigned dim, unsigned width, Tier tier);
  // Masks (Masks.cpp)
  MaskFacts maskFacts(mlir::Value mask);
  std::optional<Needs> uniformNeeds(mlir::Value mask, unsigned dim, unsigned width);
  std::optional<Condition> interiorCondition(mlir::Value mask);
  bool alwaysTrue(mlir::Value mask);
  std::optional<LoopSplit> split(mlir::Value mask, mlir::scf::ForOp loop);
  std::optional<Condition> conditionOf(const Obligation &obligation);

  // Arithmetic of polynomials; false: a constant is too large.
  bool add(Polynomial &to, const Polynomial &other, int64_t factor = 1);
  bool add(Polynomial &to, const Product &product);
  bool multiply(const Polynomial &a, const Polynomial &b, Polynomial &out);
  bool multiply(Product &product, const Product &other);
  Polynomial ofScalar(mlir::Value scalar);

private:
  bool compute(mlir::Value tile, Form &form);
  bool computeSum(mlir::Value a, mlir::Value b, int64_t factor, Form &form);
  bool computeProduct(const Form &a, const Form &b, Form &form);
  bool computeCarried(mlir::BlockArgument argument, Form &form);
  bool computeMoved(mlir::Operation *op, Form &form);
  bool substitute(const Polynomial &polynomial, unsigned i, mlir::Operation *where,
                  llvm::SmallVectorImpl<Polynomial> &out);
  __int128 upperBound(const Polynomial &polynomial, mlir::Operation *where, unsigned depth);

  // Blocks of `width` elements along a dimension that go on by `step` and begin at multiples of width * step. False: no
  // condition on scalars makes them so.
  struct Blocks;
  bool needForm(const Form &form, llvm::ArrayRef<int64_t> shape, unsigned dim, Blocks &blocks);
  bool needAtom(const Atom &atom, unsigned dim, int64_t &step, Blocks &blocks);
  bool needRemainder(mlir::Value remainder, unsigned dim, Blocks &blocks);
  bool need(const Product &product, Blocks &blocks);
  bool need(const Polynomial &polynomial, Blocks &blocks);

  std::optional<MaskTerm> termOf(mlir::Value compare);
  bool fitsIn64(const Polynomial &polynomial, mlir::Operation *where);
  std::optional<Inequality> wholeTile(const MaskTerm &term, llvm::ArrayRef<int64_t> shape,
                                      mlir::Operation *where);
  /// Adds what is not known to hold; false if the difference is too large for it.
  bool require(Inequality inequality, mlir::Operation *where, Condition &condition);
  /// All that must hold for a whole mask to be true, less what is known to.
  std::optional<Condition> wholeMask(mlir::Value mask, mlir::Operation *where);

  Analysis &analysis;
  llvm::DenseMap<mlir::Value, std::unique_ptr<Form>> known;
};

/// For each dimension of the result of an operation that moves whole dimensions the operand's, or -1 where elements
/// are repeated. Nothing for another operation, and for a reshape that cuts or merges dimensions.
std::optional<llvm::SmallVector<int, 4>> movedDimensions(mlir::Operation *op);
/// Steps along dimensions after a reshape; false if they are no longer steps.
bool reshapeSteps(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to, llvm::ArrayRef<Polynomial> steps,
                  llvm::SmallVectorImpl<Polynomial> &out);
/// AxisInfo::mayWrap.
bool mayWrapAt(Analysis &analysis, mlir::Operation *op, bool isSigned);
/// Where a value is: its operation, or the first of the block it is an argument of.
mlir::Operation *placeOf(mlir::Value value);

} // namespace tegula::passes
