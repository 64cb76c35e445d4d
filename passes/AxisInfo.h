//===- AxisInfo.h - what is known of every index, mask and address of a kernel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// An example: addresses and masks of the matrix product (tests/bench/kernels.py), f16, BK = 64, with the pointers and
// the stride `sam` known to be multiples of 16, and M, N, K as well.
//
//     %rk = tile.make_range 0 to 64                range 0..63, one run of stride 1 from a multiple of 0
//     %rm = arith.addi splat(pm * 128), range      one run of 128, stride 1, from a multiple of 128
//     %rw = arith.remsi %rm, splat(M)              runs of 16, *usually*: M is a multiple of 16, so no run straddles a
//                                                  multiple of M, if rm is not negative and M is not 0
//     %row = arith.muli expand(%rw), splat(sam)    rows: unknown stride, every element a multiple of 16
//     %a = tile.addptr (a_ptr + %row), %rk         dimension 1: one run of 64, stride 2 bytes, from a multiple of 16
//                                                  bytes; dimension 0: nothing but multiples of 2 bytes
//     %more = K - k * 64                           no wrap, as k < cdiv(K, 64) bounds both: a multiple of 16
//     %m = arith.cmpi slt, %rk, splat(%more)       runs of 16 equal elements; the term  0 + 1 * i1 < K - 64 * k
//     tile.load %a mask %m
//
// so that of this load a pass can ask:
//
//     vectorWidth(%a, 1) = 8                       16 bytes, proved at compile time
//     vectorUniform(%m, 1, 8) = true               one predicate a vector
//     interiorCondition(%m)                        { 64 * k + 63 - K < 0 }: where it holds no mask is needed
//     split(%m, loop)                              the first 64 * (K / 64) of K are such iterations: the loop in two
//     vectorNeeds(%a, 1, 8)                        {} here; with an unknown `sam`: { sam * 2 } must be 0 modulo 16
//
// Two tiers. *Proved* facts hold in every execution, with integers that wrap around. *Usual* facts are what programs
// mean: they hold where the value's obligations hold, a list of conditions that can be tested at run time
// (`obligations`). Division by zero is one of them, since x % 0 has a value.
//
// The facts of a value hold wherever it is defined. Inside an `if`, a loop or after an `assume` more is known: `at`.
// All of this is valid until the IR changes.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "passes/axis/Facts.h"
#include "passes/axis/Form.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <array>
#include <memory>

namespace tegula::passes {

class AxisInfo {
public:
  struct Options {
    /// Programs along each axis of the grid, at most.
    std::array<int64_t, 3> maxPrograms = {INT32_MAX, INT32_MAX, INT32_MAX};
  };

  explicit AxisInfo(mlir::func::FuncOp kernel) : AxisInfo(kernel, Options()) {}
  AxisInfo(mlir::func::FuncOp kernel, Options options);
  ~AxisInfo();

  //===--- Facts ---===//

  /// What holds of the value wherever it is defined. Of a value made after the analysis: what its type tells.
  const Facts &of(mlir::Value value) const;
  /// The same at a place of the program, where conditions that guard it add to it.
  const Facts &at(mlir::Value value, mlir::Operation *where) const;

  /// Length of the runs of stride 1 (of pointers: of neighbouring elements) along `dim`; 1 at least.
  int64_t contiguity(mlir::Value value, unsigned dim, Tier tier = Tier::Proved) const;
  /// Length of the runs of equal elements along `dim`; 1 at least.
  int64_t constancy(mlir::Value value, unsigned dim, Tier tier = Tier::Proved) const;
  /// Divides the first element of each run along `dim` (bytes, of pointers); 0 if each is 0.
  uint64_t divisibility(mlir::Value value, unsigned dim, Tier tier = Tier::Proved) const;
  /// False: every element equals its neighbours along `dim`, so that one value does for all.
  bool varies(mlir::Value value, unsigned dim) const;

  /// Whether an add, sub, mul, shl or trunc may give another number than arithmetic without bounds.
  bool mayWrap(mlir::Operation *op, bool isSigned) const;
  /// Whether `value + addend` has the bits of `value | addend` in every element.
  bool addIsOr(mlir::Value value, uint64_t addend) const;

  //===--- Addresses ---===//

  /// Elements that one access along `dim` can take, at most 16 bytes: a power of two that divides the extent.
  unsigned vectorWidth(mlir::Value pointers, unsigned dim, Tier tier = Tier::Proved) const;
  /// The products that must all be multiples of `width` elements' bytes, as far as that is not known, for accesses of
  /// `width` elements along `dim` to be right. Nothing: no run-time condition makes them right.
  std::optional<Needs> vectorNeeds(mlir::Value pointers, unsigned dim, unsigned width,
                                   Tier tier = Tier::Proved) const;
  /// What the usual facts of a value rest on, innermost operand first. Empty when they are all proved.
  llvm::SmallVector<Obligation> obligations(mlir::Value value) const;
  /// A condition on scalars under which an obligation holds. Nothing: its operand is no sum of scalars and ranges.
  std::optional<Condition> condition(const Obligation &obligation) const;

  //===--- Masks ---===//

  MaskFacts maskFacts(mlir::Value mask) const;
  /// Every element is true (false) in every execution.
  bool alwaysTrue(mlir::Value mask) const;
  bool alwaysFalse(mlir::Value mask) const;
  /// All elements of a vector of `width` along `dim` have one truth.
  bool vectorUniform(mlir::Value mask, unsigned dim, unsigned width) const;
  /// The products that must all be multiples of `modulus` for that to hold; see vectorNeeds.
  std::optional<Needs> uniformNeeds(mlir::Value mask, unsigned dim, unsigned width) const;
  /// A condition on scalars under which every element is true. Nothing: the mask is not of a known form.
  std::optional<Condition> interiorCondition(mlir::Value mask) const;
  /// Where to cut the loop so that the mask holds in every iteration before: see LoopSplit.
  std::optional<LoopSplit> split(mlir::Value mask, mlir::scf::ForOp loop) const;

  /// One line for each value, and what it means for each load and store. For tests and for reading.
  void print(llvm::raw_ostream &os) const;

private:
  friend class Forms;
  std::unique_ptr<class Analysis> analysis;
  std::unique_ptr<class Forms> forms;
};

} // namespace tegula::passes
