//===- Index.cpp - integers and pointers as a base and a constant ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a thread's registers have in common is computed once. A sum that is widened later must not have carried into its
// sign: the constants of a range lie in bits that its base is known to have zero, so base + constant == base | constant.
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace tegula::simt {

/// Bits that are zero in every thread and program.
uint64_t Emitter::knownZero(llvm::Value *value) {
  if (!value)
    return ~uint64_t(0);
  if (auto *constant = llvm::dyn_cast<llvm::ConstantInt>(value))
    return ~constant->getZExtValue();
  auto it = zeros.find(value);
  return it == zeros.end() ? 0 : it->second;
}

/// An integer operation of bases; what is known of zero bits goes along.
llvm::Value *Emitter::arith(llvm::Instruction::BinaryOps opcode, llvm::Value *a, llvm::Value *c) {
  llvm::Value *result = nullptr;
  unsigned width = a->getType()->getIntegerBitWidth();
  // Bits above the width say nothing; they are kept set, so that a wider view sees zeros only where it may.
  uint64_t above = ~llvm::maskTrailingOnes<uint64_t>(width);
  uint64_t za = knownZero(a), zc = knownZero(c), known = 0;
  bool disjoint = (za | zc | above) == ~uint64_t(0);
  switch (opcode) {
  case llvm::Instruction::Add:
    if (disjoint) {
      result = b.CreateOr(a, c);
      if (auto *made = llvm::dyn_cast<llvm::PossiblyDisjointInst>(result))
        made->setIsDisjoint(true);
      known = za & zc;
      break;
    }
    [[fallthrough]];
  case llvm::Instruction::Sub:
    known = llvm::maskTrailingOnes<uint64_t>(std::min(llvm::countr_one(za), llvm::countr_one(zc)));
    break;
  case llvm::Instruction::Mul:
    known = llvm::maskTrailingOnes<uint64_t>(std::min(64, llvm::countr_one(za) + llvm::countr_one(zc)));
    break;
  case llvm::Instruction::And: known = za | zc; break;
  case llvm::Instruction::Or:
  case llvm::Instruction::Xor: known = za & zc; break;
  case llvm::Instruction::Shl:
    if (auto *by = llvm::dyn_cast<llvm::ConstantInt>(c); by && by->getZExtValue() < width)
      known = (za << by->getZExtValue()) | llvm::maskTrailingOnes<uint64_t>(by->getZExtValue()) | above;
    break;
  case llvm::Instruction::LShr:
    if (auto *by = llvm::dyn_cast<llvm::ConstantInt>(c); by && by->getZExtValue() < width)
      known = ((za | above) >> by->getZExtValue()) | ~(~uint64_t(0) >> by->getZExtValue()) | above;
    break;
  default: break;
  }
  if (!result)
    result = b.CreateBinOp(opcode, a, c);
  if (known && !llvm::isa<llvm::Constant>(result))
    zeros[result] |= known;
  return result;
}

/// The exclusive or of a basis for each bit of the thread's number, in the entry block. Runs of bits that go to runs of
/// bits take one shift.
llvm::Value *Emitter::threadBits(llvm::ArrayRef<uint32_t> bases) {
  for (auto &[known, value] : threadParts)
    if (llvm::ArrayRef<uint32_t>(known) == bases)
      return value;
  llvm::IRBuilderBase::InsertPointGuard guard(b);
  b.SetInsertPoint(entryEnd);
  llvm::Value *sum = nullptr;
  for (unsigned from = 0; from < bases.size();) {
    if (!bases[from]) {
      ++from;
      continue;
    }
    unsigned to = from + 1;
    bool single = llvm::isPowerOf2_32(bases[from]);
    while (single && to < bases.size() && bases[to] == bases[to - 1] << 1)
      ++to;
    llvm::Value *bits = arith(llvm::Instruction::And, thread, b.getInt32(((1u << (to - from)) - 1) << from));
    if (single) {
      int shift = llvm::countr_zero(bases[from]) - int(from);
      if (shift > 0)
        bits = arith(llvm::Instruction::Shl, bits, b.getInt32(shift));
      else if (shift < 0)
        bits = arith(llvm::Instruction::LShr, bits, b.getInt32(-shift));
    } else {
      // A bit that flips several.
      llvm::Value *isSet = b.CreateICmpNE(bits, b.getInt32(0));
      bits = b.CreateSelect(isSet, b.getInt32(bases[from]), b.getInt32(0));
      zeros[bits] = ~uint64_t(bases[from]);
    }
    sum = !sum ? bits
               : arith((knownZero(sum) | knownZero(bits)) == ~uint64_t(0) ? llvm::Instruction::Add
                                                                          : llvm::Instruction::Xor,
                       sum, bits);
    from = to;
  }
  threadParts.push_back({{bases.begin(), bases.end()}, sum});
  return sum;
}

/// What lanes and warps contribute to the minor index along a dimension; null: nothing.
llvm::Value *Emitter::threadPart(const layout::Layout &layout, unsigned dim) {
  SmallVector<uint32_t, 12> bases;
  for (auto input : {layout::Input::Lane, layout::Input::Warp})
    for (uint32_t basis : layout.bases(input))
      bases.push_back((basis & layout.mask(dim)) >> layout.shift(dim));
  return threadBits(bases);
}

/// The index along `dim` of the element in a register.
Part Emitter::indexPart(const layout::Layout &layout, unsigned dim, unsigned reg) {
  llvm::Value *base = threadPart(layout, dim);
  int64_t index = layout.index(reg, 0, 0)[dim],
          minor = index & int64_t(layout::lowBits(layout.dims()[dim].bits));
  if (base && minor & int64_t(~knownZero(base))) // a swizzled layout
    return {arith(llvm::Instruction::Xor, base, b.getInt32(uint32_t(minor))), index - minor};
  return {base, index};
}

/// The same as one i32.
llvm::Value *Emitter::indexAlong(const layout::Layout &layout, unsigned dim, unsigned reg) {
  auto [base, offset] = indexPart(layout, dim, reg);
  llvm::Value *constant = b.getInt32(uint32_t(offset));
  return !base ? constant : offset ? arith(llvm::Instruction::Add, base, constant) : base;
}

/// `start` + the index along `dim`.
void Emitter::emitIndex(Value result, unsigned dim, int64_t start) {
  TileValue registers;
  registers.exact = true;
  for (unsigned reg = 0; reg < registersOf(result); ++reg) {
    auto [base, offset] = indexPart(layoutOf(result), dim, reg);
    registers.parts.push_back({base, start + offset});
  }
  set(result, std::move(registers));
}

/// Whether base + offset, widened, is the widened base + offset.
bool Emitter::separate(const Part &part, unsigned bits) {
  if (!part.base || part.offset == 0)
    return true;
  uint64_t offset = uint64_t(part.offset), sign = uint64_t(1) << (bits - 1);
  return part.offset > 0 && !(offset & ~knownZero(part.base)) && offset < sign;
}

void Emitter::emitAddPtr(tile::AddPtrOp op) {
  Type pointee = cast<tile::PtrType>(tile::elementType(op.getPtr().getType())).getPointee();
  int64_t size = std::max(1u, registerBits(pointee) / 8);
  unsigned bits = registerBits(tile::elementType(op.getOffset().getType()));
  TileValue registers;
  llvm::DenseMap<std::pair<llvm::Value *, llvm::Value *>, llvm::Value *> made;
  bool exact = tile(op.getOffset()).exact;
  for (unsigned reg = 0; reg < registersOf(op.getResult()); ++reg) {
    Part pointer = part(op.getPtr(), reg), offset = part(op.getOffset(), reg);
    if (!exact && !separate(offset, bits))
      offset = {materialise(offset, tile::elementType(op.getOffset().getType())), 0};
    llvm::Value *base = pointer.base;
    if (offset.base) {
      llvm::Value *&sum = made[{pointer.base, offset.base}];
      if (!sum) {
        llvm::Value *wide = b.CreateSExtOrTrunc(offset.base, b.getInt64Ty());
        llvm::Value *scaled = size == 1 ? wide : b.CreateMul(wide, b.getInt64(size), "", false, true);
        sum = b.CreateGEP(b.getInt8Ty(), pointer.base, scaled);
      }
      base = sum;
    }
    registers.parts.push_back({base, pointer.offset + offset.offset * size});
  }
  set(op.getResult(), std::move(registers));
}

/// Integers of 32 bits and more are kept as base and offset through sums, constant products, shifts and widening. False:
/// not such an operation.
bool Emitter::emitIndexOp(Operation *op) {
  if (auto range = dyn_cast<tile::MakeRangeOp>(op))
    return emitIndex(range.getResult(), 0, int32_t(range.getStart())), true;
  if (auto index = dyn_cast<tile::IndexOp>(op))
    return emitIndex(index.getResult(), index.getDim(), 0), true;
  if (auto add = dyn_cast<tile::AddPtrOp>(op))
    return emitAddPtr(add), true;
  if (op->getNumOperands() && registerBits(tile::elementType(op->getOperand(0).getType())) < 32)
    return false;
  if (isa<arith::ExtSIOp, arith::ExtUIOp>(op))
    return emitWiden(op), true;
  if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp>(op))
    return emitSum(op), true;
  return false;
}

void Emitter::emitWiden(Operation *op) {
  Value source = op->getOperand(0), result = op->getResult(0);
  Type from = tile::elementType(source.getType());
  llvm::Type *to = registerType(tile::elementType(result.getType()));
  bool isSigned = isa<arith::ExtSIOp>(op);
  TileValue registers;
  registers.exact = true;
  llvm::DenseMap<llvm::Value *, llvm::Value *> made;
  for (unsigned reg = 0, count = registersOf(result); reg < count; ++reg) {
    Part x = part(source, reg);
    // base + offset as an unsigned number may carry out of 32 bits even where it is exact as a signed one.
    if (!separate(x, registerBits(from)) && !(isSigned && tile(source).exact))
      x = {materialise(x, from), 0};
    if (!x.base && !isSigned)
      x.offset = int64_t(uint32_t(x.offset));
    if (x.base) {
      llvm::Value *&wide = made[x.base];
      if (!wide) {
        wide = isSigned ? b.CreateSExt(x.base, to) : b.CreateZExt(x.base, to);
        uint64_t zero = knownZero(x.base), upper = ~llvm::maskTrailingOnes<uint64_t>(32);
        bool positive = !isSigned || (zero >> 31 & 1);
        zeros[wide] = positive ? zero | upper : zero & ~upper;
      }
      x.base = wide;
    }
    registers.parts.push_back(x);
  }
  set(result, std::move(registers));
}

void Emitter::emitSum(Operation *op) {
  Value left = op->getOperand(0), right = op->getOperand(1), result = op->getResult(0);
  Type element = tile::elementType(result.getType());
  llvm::Type *type = registerType(element);
  unsigned bits = registerBits(element);
  auto fit = [&](uint64_t value) { return bits == 32 ? int64_t(int32_t(value)) : int64_t(value); };
  auto constant = [&](int64_t value) {
    return llvm::ConstantInt::get(type, uint64_t(value), /*IsSigned=*/true);
  };
  llvm::DenseMap<std::pair<llvm::Value *, llvm::Value *>, llvm::Value *> made;
  auto combine = [&](llvm::Instruction::BinaryOps opcode, llvm::Value *a, llvm::Value *c) {
    llvm::Value *&value = made[{a, c}];
    return value ? value : value = arith(opcode, a, c);
  };
  using I = llvm::Instruction;
  TileValue registers;
  for (unsigned reg = 0, count = registersOf(result); reg < count; ++reg) {
    Part x = part(left, reg), y = part(right, reg), z;
    if (isa<arith::AddIOp>(op)) {
      z.base = !x.base ? y.base : !y.base ? x.base : combine(I::Add, x.base, y.base);
      z.offset = fit(uint64_t(x.offset) + uint64_t(y.offset));
    } else if (isa<arith::SubIOp>(op)) {
      z.base = !y.base ? x.base : combine(I::Sub, x.base ? x.base : constant(0), y.base);
      z.offset = fit(uint64_t(x.offset) - uint64_t(y.offset));
    } else if (isa<arith::MulIOp>(op)) {
      if (!x.base)
        std::swap(x, y);
      if (!y.base) { // by a constant
        z.base = x.base && y.offset ? combine(I::Mul, x.base, constant(y.offset)) : nullptr;
        z.offset = fit(uint64_t(x.offset) * uint64_t(y.offset));
      } else {
        z.base = combine(I::Mul, materialise(x, element), materialise(y, element));
      }
    } else if (y.base || y.offset < 0 || y.offset >= int64_t(bits)) {
      z.base = elementOp(op, {materialise(x, element), materialise(y, element)});
    } else {
      z.base = x.base ? combine(I::Shl, x.base, constant(y.offset)) : nullptr;
      z.offset = fit(uint64_t(x.offset) << y.offset);
    }
    registers.parts.push_back(z);
  }
  set(result, std::move(registers));
}

} // namespace tegula::simt
