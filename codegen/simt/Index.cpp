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
  uint64_t za = knownZero(a), zc = knownZero(c), known = 0;
  bool disjoint = (za | zc) == ~uint64_t(0) || ((za | zc) | ~llvm::maskTrailingOnes<uint64_t>(a->getType()->getIntegerBitWidth())) == ~uint64_t(0);
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
  case llvm::Instruction::Sub: known = llvm::maskTrailingOnes<uint64_t>(std::min(llvm::countr_one(za), llvm::countr_one(zc))); break;
  case llvm::Instruction::Mul: known = llvm::maskTrailingOnes<uint64_t>(std::min(64, llvm::countr_one(za) + llvm::countr_one(zc))); break;
  case llvm::Instruction::And: known = za | zc; break;
  case llvm::Instruction::Or:
  case llvm::Instruction::Xor: known = za & zc; break;
  case llvm::Instruction::Shl:
    if (auto *by = llvm::dyn_cast<llvm::ConstantInt>(c); by && by->getZExtValue() < 64)
      known = (za << by->getZExtValue()) | llvm::maskTrailingOnes<uint64_t>(by->getZExtValue());
    break;
  default: break;
  }
  if (!result)
    result = b.CreateBinOp(opcode, a, c);
  if (known && !llvm::isa<llvm::Constant>(result))
    zeros[result] |= known;
  return result;
}

/// What lanes and warps contribute to the index along a dimension.
llvm::Value *Emitter::threadPart(const layout::Layout &layout, unsigned dim) {
  auto &slot = threadParts[{layout.hash(), dim}];
  for (auto &[known, value] : slot)
    if (known == layout)
      return value;
  llvm::IRBuilderBase::InsertPointGuard guard(b);
  b.SetInsertPoint(entryEnd);
  // Runs of thread bits that go to a run of index bits by one shift.
  llvm::Value *sum = nullptr;
  auto bases = threadBases(layout, dim);
  for (unsigned from = 0; from < bases.size();) {
    if (!bases[from]) {
      ++from;
      continue;
    }
    unsigned to = from + 1;
    bool single = llvm::isPowerOf2_32(bases[from]);
    while (single && to < bases.size() && bases[to] == bases[to - 1] << 1)
      ++to;
    uint32_t mask = llvm::maskTrailingOnes<uint32_t>(to - from) << from;
    llvm::Value *bits = arith(llvm::Instruction::And, thread, b.getInt32(mask));
    if (single) {
      int shift = llvm::countr_zero(bases[from]) - int(from);
      if (shift > 0)
        bits = arith(llvm::Instruction::Shl, bits, b.getInt32(shift));
      else if (shift < 0) {
        uint64_t zero = knownZero(bits);
        bits = b.CreateLShr(bits, -shift);
        zeros[bits] = (zero >> -shift) | ~llvm::maskTrailingOnes<uint64_t>(32 + shift);
      }
    } else {
      // A bit that flips several: all of them where it is set.
      llvm::Value *isSet = b.CreateICmpNE(bits, b.getInt32(0));
      bits = b.CreateSelect(isSet, b.getInt32(bases[from]), b.getInt32(0));
      zeros[bits] = ~uint64_t(bases[from]);
    }
    sum = sum ? ((knownZero(sum) | knownZero(bits)) == ~uint64_t(0) ? arith(llvm::Instruction::Add, sum, bits)
                                                                    : arith(llvm::Instruction::Xor, sum, bits))
              : bits;
    from = to;
  }
  slot.push_back({layout, sum});
  return sum;
}

/// Basis of each bit of the thread's number (lanes, then warps) along one dimension, in index bits of the dimension.
SmallVector<uint32_t, 12> Emitter::threadBases(const layout::Layout &layout, unsigned dim) {
  SmallVector<uint32_t, 12> result;
  for (auto input : {layout::Input::Lane, layout::Input::Warp})
    for (uint32_t basis : layout.bases(input))
      result.push_back(layout.along(basis, dim));
  return result;
}

void Emitter::emitRange(tile::MakeRangeOp op) {
  const layout::Layout &layout = layoutOf(op.getResult());
  llvm::Value *base = threadPart(layout, 0);
  TileValue registers;
  registers.exact = true;
  int64_t start = int32_t(op.getStart());
  uint64_t threads = ~knownZero(base);
  for (unsigned reg = 0; reg < layout.registers(); ++reg) {
    auto [major, minor] = layout.registerPart(reg, 0);
    if (!base || !(minor & threads)) {
      registers.parts.push_back({base, start + major + int64_t(minor)});
      continue;
    }
    llvm::Value *mixed = arith(llvm::Instruction::Xor, base, b.getInt32(minor));
    registers.parts.push_back({mixed, start + major});
  }
  set(op.getResult(), std::move(registers));
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

/// Sums, products with constants and the like, kept as base and offset. False: not such an operation.
bool Emitter::emitIndexOp(Operation *op) {
  if (auto range = dyn_cast<tile::MakeRangeOp>(op))
    return emitRange(range), true;
  if (auto add = dyn_cast<tile::AddPtrOp>(op))
    return emitAddPtr(add), true;
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp, arith::ExtSIOp, arith::ExtUIOp>(op))
    return false;
  Value result = op->getResult(0);
  Type element = tile::elementType(result.getType());
  if (registerBits(element) < 32)
    return false;
  TileValue registers;
  bool unary = op->getNumOperands() == 1;
  for (Value operand : op->getOperands())
    registers.exact |= false;
  struct Key {
    llvm::Value *a, *c;
  };
  llvm::DenseMap<std::pair<llvm::Value *, llvm::Value *>, llvm::Value *> made;
  Type from = tile::elementType(op->getOperand(0).getType());
  unsigned bits = registerBits(element);
  auto fit = [&](int64_t value) { return bits == 32 ? int64_t(int32_t(value)) : value; };
  bool exact = llvm::all_of(op->getOperands(), [&](Value v) { return tile(v).exact; });
  for (unsigned reg = 0; reg < registersOf(result); ++reg) {
    Part x = part(op->getOperand(0), reg), y = unary ? Part() : part(op->getOperand(1), reg), z;
    if (unary) {
      bool isSigned = isa<arith::ExtSIOp>(op);
      bool kept = isSigned ? exact || separate(x, registerBits(from)) : separate(x, registerBits(from));
      if (registerBits(from) < 32 || !kept)
        x = {materialise(x, from), 0};
      if (x.base) {
        llvm::Value *&wide = made[{x.base, nullptr}];
        if (!wide) {
          wide = isSigned ? b.CreateSExt(x.base, registerType(element)) : b.CreateZExt(x.base, registerType(element));
          zeros[wide] = isSigned ? knownZero(x.base) & llvm::maskTrailingOnes<uint64_t>(31) : knownZero(x.base) | ~llvm::maskTrailingOnes<uint64_t>(32);
        }
        x.base = wide;
      }
      registers.parts.push_back(x);
      continue;
    }
    auto combine = [&](llvm::Instruction::BinaryOps opcode, llvm::Value *a, llvm::Value *c) {
      llvm::Value *&value = made[{a, c}];
      if (!value)
        value = arith(opcode, a, c);
      return value;
    };
    if (isa<arith::AddIOp>(op)) {
      z.base = !x.base ? y.base : !y.base ? x.base : combine(llvm::Instruction::Add, x.base, y.base);
      z.offset = fit(x.offset + y.offset);
    } else if (isa<arith::SubIOp>(op)) {
      llvm::Value *zero = llvm::Constant::getNullValue(registerType(element));
      z.base = !y.base ? x.base : combine(llvm::Instruction::Sub, x.base ? x.base : zero, y.base);
      z.offset = fit(x.offset - y.offset);
    } else if (isa<arith::MulIOp>(op)) {
      if (x.base && y.base) {
        x = {materialise(x, element), 0};
        y = {materialise(y, element), 0};
        z.base = combine(llvm::Instruction::Mul, x.base, y.base);
      } else {
        if (x.base)
          std::swap(x, y);
        z.offset = fit(x.offset * y.offset);
        if (y.base && x.offset)
          z.base = combine(llvm::Instruction::Mul, y.base, llvm::ConstantInt::get(registerType(element), uint64_t(x.offset), true));
      }
    } else { // a shift
      if (y.base || y.offset < 0 || y.offset >= int64_t(bits)) {
        z.base = elementOp(op, {materialise(x, element), materialise(y, element)});
      } else {
        z.offset = fit(int64_t(uint64_t(x.offset) << y.offset));
        if (x.base)
          z.base = combine(llvm::Instruction::Shl, x.base, llvm::ConstantInt::get(registerType(element), uint64_t(y.offset)));
      }
    }
    registers.parts.push_back(z);
  }
  set(result, std::move(registers));
  return true;
}

} // namespace tegula::simt
