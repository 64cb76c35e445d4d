//===- Forms.cpp - tiles and scalars taken apart ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Forms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numeric>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {

Operation *placeOf(Value value) {
  Operation *op = value.getDefiningOp();
  return op ? op : &cast<BlockArgument>(value).getOwner()->front();
}

//===----------------------------------------------------------------------===//
// Polynomials
//===----------------------------------------------------------------------===//

/// Far from overflow: sums and products of a few such numbers fit into 64 bits.
static bool isSmall(__int128 value) { return value < (__int128(1) << 60) && value > -(__int128(1) << 60); }

bool Forms::add(Polynomial &to, const Product &product) {
  if (product.scalars.empty()) {
    to.constant += product.factor;
    return isSmall(to.constant) && isSmall(product.factor);
  }
  for (auto it = to.products.begin(); it != to.products.end(); ++it)
    if (it->scalars == product.scalars) {
      __int128 sum = (__int128)it->factor + product.factor;
      it->factor = int64_t(sum);
      if (sum == 0)
        to.products.erase(it);
      return isSmall(sum);
    }
  if (product.factor)
    to.products.push_back(product);
  return true;
}

bool Forms::add(Polynomial &to, const Polynomial &other, int64_t factor) {
  auto scaled = [&](int64_t value, int64_t &out) {
    __int128 result = (__int128)value * factor;
    out = int64_t(result);
    return isSmall(result);
  };
  Product constant;
  if (!scaled(other.constant, constant.factor) || !add(to, constant))
    return false;
  for (Product product : other.products)
    if (!scaled(product.factor, product.factor) || !add(to, product))
      return false;
  return true;
}

bool Forms::multiply(Product &product, const Product &other) {
  __int128 factor = (__int128)product.factor * other.factor;
  product.factor = int64_t(factor);
  llvm::append_range(product.scalars, other.scalars);
  // In the order of the program, so that equal products look equal, in every process.
  llvm::sort(product.scalars, [&](Value a, Value b) { return analysis.orderOf(a) < analysis.orderOf(b); });
  return isSmall(factor) && product.scalars.size() <= 4;
}

bool Forms::multiply(const Polynomial &a, const Polynomial &b, Polynomial &out) {
  auto all = [](const Polynomial &p) {
    SmallVector<Product, 4> products(p.products.begin(), p.products.end());
    if (p.constant)
      products.push_back({p.constant, {}});
    return products;
  };
  for (const Product &x : all(a))
    for (const Product &y : all(b)) {
      Product product = x;
      if (!multiply(product, y) || !add(out, product))
        return false;
    }
  return out.products.size() <= 16;
}

Polynomial Forms::ofScalar(Value scalar) {
  Polynomial polynomial;
  auto constant = analysis.of(scalar).constant();
  if (constant && isSmall(*constant))
    polynomial.constant = *constant;
  else
    polynomial.products.push_back({1, {scalar}});
  return polynomial;
}

//===----------------------------------------------------------------------===//
// Operations that move dimensions
//===----------------------------------------------------------------------===//

std::optional<SmallVector<int, 4>> movedDimensions(Operation *op) {
  SmallVector<int, 4> moved;
  if (!isa<ExpandDimsOp, BroadcastOp, TransOp, ReshapeOp>(op))
    return {};
  ArrayRef<int64_t> from = shapeOf(op->getOperand(0).getType()), to = shapeOf(op->getResult(0).getType());
  if (auto expand = dyn_cast<ExpandDimsOp>(op)) {
    for (int d = 0; d < int(to.size()); ++d)
      moved.push_back(d == int(expand.getAxis()) ? -1 : d - (d > int(expand.getAxis())));
  } else if (isa<BroadcastOp>(op)) {
    for (size_t d = 0; d < to.size(); ++d)
      moved.push_back(from[d] == to[d] ? int(d) : -1);
  } else if (auto trans = dyn_cast<TransOp>(op)) {
    llvm::append_range(moved, trans.getOrder());
  } else {
    // A reshape that only adds or drops extents of 1.
    size_t i = 0;
    for (int64_t extent : to) {
      if (extent == 1) {
        moved.push_back(-1);
        continue;
      }
      while (i < from.size() && from[i] == 1)
        ++i;
      if (i == from.size() || from[i] != extent)
        return {};
      moved.push_back(int(i++));
    }
  }
  return moved;
}

bool reshapeSteps(ArrayRef<int64_t> from, ArrayRef<int64_t> to, ArrayRef<Polynomial> steps,
                  SmallVectorImpl<Polynomial> &out) {
  auto isMultiple = [](const Polynomial &outer, const Polynomial &inner, int64_t by) {
    if (outer.constant != inner.constant * by || outer.products.size() != inner.products.size())
      return false;
    for (auto [a, b] : llvm::zip(outer.products, inner.products))
      if (a.scalars != b.scalars || a.factor != b.factor * by)
        return false;
    return true;
  };
  auto scaled = [](Polynomial step, int64_t by) {
    step.constant *= by;
    for (Product &product : step.products)
      product.factor *= by;
    return step;
  };
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    size_t i0 = i, j0 = j;
    int64_t left = i < from.size() ? from[i++] : 1, right = j < to.size() ? to[j++] : 1;
    while (left != right)
      left < right ? left *= from[i++] : right *= to[j++];
    // The group as one dimension: the step of the innermost, which every outer one must be a multiple of.
    Polynomial step;
    int64_t extent = 1;
    for (size_t k = i; k-- > i0;) {
      if (from[k] == 1)
        continue;
      if (extent == 1)
        step = steps[k];
      else if (!isMultiple(steps[k], step, extent))
        return false;
      extent *= from[k];
    }
    for (size_t k = j0; k < j; ++k) {
      extent /= to[k];
      out.push_back(to[k] == 1 ? Polynomial() : scaled(step, extent));
    }
  }
  return true;
}

bool Forms::computeMoved(Operation *op, Form &form) {
  const Form &source = of(op->getOperand(0));
  form.base = source.base;
  if (auto moved = movedDimensions(op)) {
    for (auto [d, from] : llvm::enumerate(*moved))
      form.steps[d] = from < 0 ? Polynomial() : source.steps[from];
    auto move = [&](auto view) {
      SmallVector<int, 3> dimension;
      for (int from : *moved)
        dimension.push_back(from < 0 ? -1 : view.dimension[from]);
      view.dimension = std::move(dimension);
      return view;
    };
    for (const Atom &atom : source.atoms)
      form.atoms.push_back(move(atom));
    for (const Widened &offset : source.widened)
      form.widened.push_back(move(offset));
    return true;
  }
  form.steps.clear();
  return source.atoms.empty() && source.widened.empty() &&
         reshapeSteps(shapeOf(op->getOperand(0).getType()), shapeOf(op->getResult(0).getType()), source.steps,
                      form.steps);
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

static Form opaque(Value tile, unsigned width) {
  Form form;
  form.width = width;
  size_t rank = shapeOf(tile.getType()).size();
  form.steps.resize(rank);
  Atom atom;
  atom.tile = tile;
  for (size_t d = 0; d < rank; ++d)
    atom.dimension.push_back(int(d));
  form.atoms.push_back(std::move(atom));
  return form;
}

const Form &Forms::of(Value tile) {
  if (auto found = known.find(tile); found != known.end())
    return *found->second;
  unsigned width = widthOf(elementType(tile.getType()));
  Form form;
  form.width = width;
  form.steps.resize(shapeOf(tile.getType()).size());
  if (!compute(tile, form))
    form = opaque(tile, width);
  return *(known[tile] = std::make_unique<Form>(std::move(form)));
}

bool Forms::computeSum(Value a, Value b, int64_t factor, Form &form) {
  const Form x = of(a);
  const Form &y = of(b);
  form.base = x.base;
  form.steps = x.steps;
  form.atoms = x.atoms;
  form.widened = x.widened;
  if (!add(form.base, y.base, factor))
    return false;
  for (auto [to, step] : llvm::zip(form.steps, y.steps))
    if (!add(to, step, factor))
      return false;
  for (Atom atom : y.atoms) {
    if (!multiply(atom.times, {factor, {}}))
      return false;
    form.atoms.push_back(std::move(atom));
  }
  return true;
}

bool Forms::computeProduct(const Form &a, const Form &b, Form &form) {
  bool bIsUniform =
      b.atoms.empty() && llvm::all_of(b.steps, [](const Polynomial &step) { return step.isZero(); });
  if (!bIsUniform)
    return false;
  if (!multiply(a.base, b.base, form.base))
    return false;
  for (auto [to, step] : llvm::zip(form.steps, a.steps))
    if (!multiply(step, b.base, to))
      return false;
  for (const Atom &atom : a.atoms) {
    SmallVector<Product, 4> products(b.base.products.begin(), b.base.products.end());
    if (b.base.constant)
      products.push_back({b.base.constant, {}});
    for (const Product &product : products) {
      Atom scaled = atom;
      if (!multiply(scaled.times, product))
        return false;
      form.atoms.push_back(std::move(scaled));
    }
  }
  return form.atoms.size() <= 4;
}

/// A tile that a loop advances by the same amount every time: its start, and the amount times the iterations so far.
bool Forms::computeCarried(BlockArgument argument, Form &form) {
  auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
  if (!loop || argument.getArgNumber() == 0 || !isTile(argument.getType()))
    return false;
  unsigned i = argument.getArgNumber() - 1;
  auto step = analysis.of(loop.getStep()).constant();
  if (!step || *step <= 0 || loop.getUnsignedCmp())
    return false;
  Polynomial advance;
  for (Value value = loop.getYieldedValues()[i]; value != argument;) {
    Operation *op = value.getDefiningOp();
    if (!isa_and_nonnull<AddPtrOp, arith::AddIOp>(op))
      return false;
    unsigned offset = isa<AddPtrOp>(op) || of(op->getOperand(1)).atoms.empty() ? 1 : 0;
    const Form &by = of(op->getOperand(offset));
    int64_t size = isa<AddPtrOp>(op) ? pointeeBytes(elementType(value.getType())) : 1;
    bool isUniform =
        by.atoms.empty() && llvm::all_of(by.steps, [](const Polynomial &p) { return p.isZero(); });
    Interval all = interval(by.base, op);
    if (!isUniform || (isa<AddPtrOp>(op) && !fits(all.low, all.high, by.width)) ||
        !add(advance, by.base, size))
      return false;
    value = op->getOperand(1 - offset);
  }
  // By one iteration's worth of the induction variable.
  if (advance.constant % *step)
    return false;
  advance.constant /= *step;
  for (Product &product : advance.products) {
    if (product.factor % *step ||
        !llvm::all_of(product.scalars, [&](Value v) { return loop.isDefinedOutsideOfLoop(v); }))
      return false;
    product.factor /= *step;
  }
  Polynomial distance = ofScalar(loop.getInductionVar());
  const Form &init = of(loop.getInitArgs()[i]);
  form = init;
  return add(distance, ofScalar(loop.getLowerBound()), -1) && multiply(advance, distance, form.base);
}

bool Forms::compute(Value tile, Form &form) {
  if (auto constant = analysis.of(tile).constant(); constant && isSmall(*constant)) {
    form.base.constant = *constant;
    return true;
  }
  if (!isTile(tile.getType())) {
    form.base = ofScalar(tile);
    return true;
  }
  if (auto argument = dyn_cast<BlockArgument>(tile)) {
    // Stands while the loop's body is looked at.
    known[tile] = std::make_unique<Form>(opaque(tile, form.width));
    return computeCarried(argument, form);
  }
  Operation *op = tile.getDefiningOp();
  if (isa<SplatOp>(op)) {
    form.base = ofScalar(op->getOperand(0));
    return true;
  }
  if (auto range = dyn_cast<MakeRangeOp>(op)) {
    form.base.constant = int32_t(range.getStart());
    form.steps[0].constant = 1;
    return true;
  }
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return computeSum(op->getOperand(0), op->getOperand(1), isa<arith::AddIOp>(op) ? 1 : -1, form);
  if (isa<arith::MulIOp>(op)) {
    const Form a = of(op->getOperand(0)), b = of(op->getOperand(1));
    if (computeProduct(a, b, form))
      return true;
    form = Form();
    form.width = a.width;
    form.steps.resize(a.steps.size());
    return computeProduct(b, a, form);
  }
  if (isa<arith::ShLIOp>(op)) {
    auto amount = analysis.of(op->getOperand(1)).constant();
    Form factor;
    factor.base.constant = amount && *amount >= 0 && *amount < 32 ? int64_t(1) << *amount : 0;
    const Form source = of(op->getOperand(0));
    return factor.base.constant && uint64_t(*amount) < form.width && computeProduct(source, factor, form);
  }
  if (isa<arith::ExtSIOp, arith::ExtUIOp, arith::IndexCastOp>(op)) {
    const Form &source = of(op->getOperand(0));
    Interval all = interval(source, shapeOf(tile.getType()), op);
    bool isExact = source.width > 1 && fits(all.low, all.high, source.width) && form.width >= source.width &&
                   (!isa<arith::ExtUIOp>(op) || analysis.at(op->getOperand(0), op).min >= 0);
    unsigned width = form.width;
    form = source;
    form.width = width;
    return isExact;
  }
  if (isa<AddPtrOp>(op)) {
    Value offset = op->getOperand(1);
    if (!computeSum(op->getOperand(0), offset, pointeeBytes(elementType(tile.getType())), form))
      return false;
    const Form &by = of(offset);
    Interval all = interval(by, shapeOf(tile.getType()), op);
    if (by.width < 64 && !fits(all.low, all.high, by.width)) {
      Widened widened;
      widened.tile = offset;
      for (size_t d = 0; d < form.steps.size(); ++d)
        widened.dimension.push_back(int(d));
      widened.obligation = {op, 1, Obligation::NoWrap};
      form.widened.push_back(std::move(widened));
    }
    return true;
  }
  if (isa<PtrCastOp>(op)) {
    form = of(op->getOperand(0));
    return true;
  }
  return isa<ExpandDimsOp, BroadcastOp, TransOp, ReshapeOp>(op) && computeMoved(op, form);
}

} // namespace tegula::passes
