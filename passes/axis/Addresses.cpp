//===- Addresses.cpp - what a wider access needs at run time ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A block of `width` addresses may be one access if they follow each other and the first is a multiple of the whole.
// The second splits into the summands of the address: each of them a multiple is enough. So for rows of any stride
//
//     a_ptr + i0 * stride * 2 + i1 * 2            8 elements of 2 bytes:  a_ptr % 16 == 0, (stride * 2) % 16 == 0
//
// A block that starts at a multiple of its length also cannot wrap around inside, which the widening of a 32-bit
// offset asks for, and holds no multiple of M but its start if M is a multiple too, which x % M asks for.
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Forms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <bit>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {

struct Forms::Blocks {
  unsigned width;
  int64_t step;  ///< from element to element
  int64_t scale; ///< what a number counts for in the units of the needs
  Tier tier;
  Operation *where;
  Needs &needs;

  uint64_t modulus() const { return uint64_t(step) * width; }
  void rest(const Obligation &obligation) {
    if (!llvm::is_contained(needs.obligations, obligation))
      needs.obligations.push_back(obligation);
  }
};

/// Whether `a` divides `b` as formulas.
static bool divides(const Product &a, const Product &b) {
  if (b.factor % a.factor != 0)
    return false;
  SmallVector<Value, 4> rest(b.scalars.begin(), b.scalars.end());
  for (Value scalar : a.scalars) {
    auto found = llvm::find(rest, scalar);
    if (found == rest.end())
      return false;
    rest.erase(found);
  }
  return true;
}

bool Forms::need(const Product &product, Blocks &blocks) {
  Product scaled = product;
  if (!multiply(scaled, {blocks.scale, {}}))
    return false;
  uint64_t known = divisor(scaled, blocks.where);
  if (known % blocks.needs.modulus == 0)
    return true;
  if (scaled.scalars.empty())
    return false;
  auto &products = blocks.needs.products;
  if (llvm::any_of(products, [&](const Product &other) { return divides(other, scaled); }))
    return true;
  llvm::erase_if(products, [&](const Product &other) { return divides(scaled, other); });
  products.push_back(std::move(scaled));
  return true;
}

bool Forms::need(const Polynomial &polynomial, Blocks &blocks) {
  if (!need(Product{polynomial.constant, {}}, blocks))
    return false;
  return llvm::all_of(polynomial.products, [&](const Product &product) { return need(product, blocks); });
}

/// x % m in blocks: x begins them at multiples of their length, and m is one.
bool Forms::needRemainder(Value remainder, unsigned dim, Blocks &blocks) {
  Operation *op = remainder.getDefiningOp();
  if (!isa_and_nonnull<arith::RemSIOp, arith::RemUIOp>(op) || blocks.step != 1)
    return false;
  Value x = op->getOperand(0), m = op->getOperand(1);
  const Form &divisor = of(m);
  if (!divisor.atoms.empty() || !llvm::all_of(divisor.steps, [](const Polynomial &p) { return p.isZero(); }))
    return false;
  if (analysis.at(x, op).min < 0) {
    if (blocks.tier == Tier::Proved)
      return false;
    blocks.rest({op, 0, Obligation::NotNegative});
  }
  const Facts &facts = analysis.at(m, op);
  if (facts.min <= 0 && facts.max >= 0 && facts.ones == 0) {
    if (blocks.tier == Tier::Proved)
      return false;
    blocks.rest({op, 1, Obligation::NotZero});
  }
  return need(divisor.base, blocks) && needForm(of(x), shapeOf(x.getType()), dim, blocks);
}

/// Adds the atom's step to `step` and its needs to those of the blocks.
bool Forms::needAtom(const Atom &atom, unsigned dim, int64_t &step, Blocks &blocks) {
  const Facts &facts = analysis.of(atom.tile);
  int own = atom.dimension[dim];
  Run run = own < 0 ? Run{0, 0, facts.divisor} : facts.at(blocks.tier)[own];
  bool isWhole = run.length % blocks.width == 0;
  Run piece = !isWhole || (run.length == 0 && run.stride == 0) ? run : cut(facts, run, blocks.width);
  isWhole &= run.stride == 0 || (atom.times.scalars.empty() && exactLength(facts, piece) % blocks.width == 0);
  if (isWhole) {
    Product times = atom.times;
    __int128 factor = (__int128)times.factor * int64_t(piece.divisor);
    if (piece.divisor > uint64_t(INT32_MAX) || factor > INT64_MAX || factor < INT64_MIN)
      factor = (__int128)times.factor * int64_t(std::min<uint64_t>(powerOfTwo(piece.divisor, 64), 4096));
    if (!piece.divisor)
      factor = 0;
    times.factor = int64_t(factor);
    if (need(times, blocks)) {
      if (own >= 0 && blocks.tier == Tier::Usual)
        for (const Obligation &obligation : analysis.obligationsOf(atom.tile))
          blocks.rest(obligation);
      step += run.stride * atom.times.factor;
      return true;
    }
  }
  if (own < 0 || !atom.times.scalars.empty() || atom.times.factor <= 0 ||
      !std::has_single_bit(uint64_t(atom.times.factor)))
    return false;
  Blocks inner{blocks.width, 1, blocks.scale * atom.times.factor, blocks.tier, blocks.where, blocks.needs};
  if (!needRemainder(atom.tile, unsigned(own), inner))
    return false;
  step += atom.times.factor;
  return true;
}

bool Forms::needForm(const Form &form, ArrayRef<int64_t> shape, unsigned dim, Blocks &blocks) {
  if (!need(form.base, blocks))
    return false;
  for (size_t d = 0; d < shape.size(); ++d)
    if (d != dim && shape[d] > 1 && !need(form.steps[d], blocks))
      return false;
  if (!form.steps[dim].isConstant())
    return false;
  int64_t step = form.steps[dim].constant;
  for (const Atom &atom : form.atoms)
    if (!needAtom(atom, dim, step, blocks))
      return false;
  if (step != blocks.step)
    return false;
  for (const Widened &offset : form.widened) {
    int own = offset.dimension[dim];
    if (own < 0)
      continue;
    if (blocks.tier == Tier::Usual) {
      blocks.rest(offset.obligation);
      continue;
    }
    // Its blocks start at multiples of their length as well, so that none holds the border between two signs.
    const Form &inner = of(offset.tile);
    ArrayRef<int64_t> extents = shapeOf(offset.tile.getType());
    bool isConstant = inner.atoms.empty() && inner.steps[own].isZero();
    Blocks aligned{blocks.width, 1,           int64_t(blocks.needs.modulus / blocks.width), blocks.tier,
                   blocks.where, blocks.needs};
    if (!isConstant && !needForm(inner, extents, unsigned(own), aligned))
      return false;
  }
  return true;
}

std::optional<Needs> Forms::vectorNeeds(Value pointers, unsigned dim, unsigned width, Tier tier) {
  ArrayRef<int64_t> shape = shapeOf(pointers.getType());
  int64_t size = pointeeBytes(elementType(pointers.getType()));
  if (dim >= shape.size() || !std::has_single_bit(width) || shape[dim] % width != 0)
    return {};
  Needs needs;
  needs.modulus = uint64_t(size) * width;
  Blocks blocks{width, size, 1, tier, placeOf(pointers), needs};
  if (width > 1 && !needForm(of(pointers), shape, dim, blocks))
    return {};
  return needs;
}

} // namespace tegula::passes
