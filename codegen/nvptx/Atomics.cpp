//===- Atomics.cpp - atomic operations on global memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// One instruction where PTX has it (PTX ISA, "atom" and "red"), else a loop around compare-and-swap:
//
//                      i32, i64    f32, f64           f16          bf16               8 bits
//     and, or, xor     atom        -                  -            -                  loop, in the 16 bits around it
//     add              atom        atom               atom         atom from sm_90    loop
//     max, min         atom        two atoms of int   loop         loop               loop
//     exchange         atom        atom               loop         loop               loop
//     cas              atom        atom               atom         atom               loop
//
// `atom.add.f32` on global memory takes numbers below 2^-126 as zeros: the one place where the hardware is not IEEE 754.
//
// Greater and less of floats go by the order of their bits: of numbers without a sign it is the order of signed integers,
// of those with a sign the reverse order of unsigned ones.
//
//     value >= +0:  max.s32      a negative number in memory is below it, as an integer too
//     value <= -0:  min.u32      a positive number in memory is below it as an unsigned integer, and stays
//
// Memory may hold a NaN, which the value has to replace: one of the two signs of it stays, and a loop sees to it.
//

#include "codegen/cpu/Elementwise.h"
#include "codegen/nvptx/Assembly.h"
#include "codegen/nvptx/NvptxTarget.h"

#include "llvm/IR/IRBuilder.h"

using namespace llvm;

namespace tegula::nvptx {

using tile::MemSem;
using tile::RmwKind;

namespace {

bool isFloat(mlir::Type type) { return mlir::isa<mlir::FloatType>(type); }

const char *spelled(MemSem sem) {
  switch (sem) {
  case MemSem::Relaxed: return ".relaxed";
  case MemSem::Acquire: return ".acquire";
  case MemSem::Release: return ".release";
  default: return ".acq_rel";
  }
}

const char *spelled(tile::MemScope scope) {
  switch (scope) {
  case tile::MemScope::Cta: return ".cta";
  case tile::MemScope::Gpu: return ".gpu";
  default: return ".sys";
  }
}

/// The operation as `atom` names it, with the type; empty: there is none.
std::string instructionOf(RmwKind kind, mlir::Type element, unsigned bits, int sm) {
  std::string width = std::to_string(bits);
  if (bits == 16 && kind == RmwKind::FAdd && (element.isF16() || sm >= 90))
    return element.isF16() ? "add.noftz.f16" : "add.noftz.bf16";
  if (bits < 32)
    return "";
  switch (kind) {
  case RmwKind::And: return "and.b" + width;
  case RmwKind::Or: return "or.b" + width;
  case RmwKind::Xor: return "xor.b" + width;
  case RmwKind::Xchg: return "exch.b" + width;
  case RmwKind::FAdd: return "add.f" + width;
  case RmwKind::Add: return "add.u" + width;
  case RmwKind::UMax: return "max.u" + width;
  case RmwKind::UMin: return "min.u" + width;
  case RmwKind::Max: return isFloat(element) ? "" : "max.s" + width;
  case RmwKind::Min: return isFloat(element) ? "" : "min.s" + width;
  }
  return "";
}

/// Writes one atomic operation.
class Writer {
public:
  Writer(IRBuilderBase &b, const simt::AtomicAccess &access, const cpu::Target &elements)
      : b(b), access(access), elements(elements), bits(tile::memoryBits(access.element)) {}

  Value *rmw(RmwKind kind, Value *value, int sm) {
    auto *constant = dyn_cast<Constant>(value);
    bool readsOnly = kind == RmwKind::Or && constant && constant->isNullValue();
    if (readsOnly && (access.sem == MemSem::Relaxed || access.sem == MemSem::Acquire))
      return load();
    if (kind == RmwKind::Xchg && bits < 32 && !access.isUsed &&
        (access.sem == MemSem::Relaxed || access.sem == MemSem::Release))
      return store(value);
    std::string instruction = instructionOf(kind, access.element, bits, sm);
    if (!instruction.empty())
      return atom(instruction, {value});
    if (isFloat(access.element) && bits >= 32)
      return floatExtreme(kind == RmwKind::Max, value);
    return guarded([&] { return loop([&](Value *old) { return combine(kind, old, value); }); });
  }

  Value *cas(Value *compare, Value *value) {
    if (bits >= 16)
      return atom("cas.b" + std::to_string(bits), {compare, value});
    return guarded([&] {
      return loop([&](Value *old) { return b.CreateSelect(b.CreateICmpEQ(old, compare), value, old); });
    });
  }

private:
  /// `instruction` result, [address], operands under the predicate. Null: there is no result.
  Value *assembly(const std::string &instruction, Type *result, ArrayRef<Value *> operands) {
    Assembly a(b);
    std::string text = instruction + " ";
    if (result)
      text += a.results(result) + ", ";
    text += a.address(access.pointer, access.offset);
    for (Value *operand : operands)
      text += ", " + a.operand(operand);
    a.setPredicate(access.predicate);
    if (result && access.predicate && access.isUsed)
      a.setOther(0, Constant::getNullValue(result));
    return a.emit(text);
  }

  std::string ordered(const char *what) const {
    return std::string(what) + spelled(access.sem) + spelled(access.scope) + ".global.";
  }

  /// `operation` with one operand, or two of a compare-and-swap.
  Value *atom(const std::string &operation, ArrayRef<Value *> operands) {
    bool isReduction = !access.isUsed && operands.size() == 1 && !StringRef(operation).starts_with("exch") &&
                       (access.sem == MemSem::Relaxed || access.sem == MemSem::Release);
    if (isReduction)
      return assembly(ordered("red") + operation, nullptr, operands);
    return assembly(ordered("atom") + operation, operands[0]->getType(), operands);
  }

  Value *load() {
    Value *got = assembly(ordered("ld") + "b" + std::to_string(bits), b.getIntNTy(std::max(16u, bits)), {});
    return bits == 8 ? b.CreateTrunc(got, b.getInt8Ty()) : got;
  }

  Value *store(Value *value) {
    if (bits == 8)
      value = b.CreateZExt(value, b.getInt16Ty());
    return assembly(ordered("st") + "b" + std::to_string(bits), nullptr, {value});
  }

  /// What runs several instructions stands behind a branch, not under a predicate. Zero where it does not run.
  Value *guarded(function_ref<Value *()> body) {
    Value *predicate = std::exchange(access.predicate, nullptr);
    if (!predicate)
      return body();
    BasicBlock *before = b.GetInsertBlock();
    auto *run = BasicBlock::Create(b.getContext(), "atomic", before->getParent());
    auto *next = BasicBlock::Create(b.getContext(), "next");
    b.CreateCondBr(predicate, run, next);
    b.SetInsertPoint(run);
    Value *got = body();
    BasicBlock *end = b.GetInsertBlock();
    b.CreateBr(next);
    next->insertInto(before->getParent());
    b.SetInsertPoint(next);
    PHINode *phi = b.CreatePHI(got->getType(), 2);
    phi->addIncoming(ConstantInt::get(got->getType(), 0), before);
    phi->addIncoming(got, end);
    return phi;
  }

  /// Compare and swap until nobody came between. `next`: what is to be written, from what is there. Elements of 8 bits are
  /// a half of 16 bits.
  Value *loop(function_ref<Value *(Value *)> next) {
    simt::AtomicAccess saved = access;
    unsigned width = std::max(16u, bits);
    Value *shift = nullptr;
    if (bits == 8) {
      Value *address = b.CreatePtrToInt(access.pointer, b.getInt64Ty());
      address = b.CreateAdd(address, b.getInt64(access.offset));
      shift = b.CreateShl(b.CreateTrunc(b.CreateAnd(address, 1), b.getInt16Ty()), 3);
      access.pointer = b.CreateIntToPtr(b.CreateAnd(address, ~uint64_t(1)), access.pointer->getType());
      access.offset = 0;
    }
    access.isUsed = true;
    std::string guess =
        "ld.relaxed" + std::string(spelled(access.scope)) + ".global.b" + std::to_string(width);
    Value *start = assembly(guess, b.getIntNTy(width), {});
    BasicBlock *before = b.GetInsertBlock();
    auto *body = BasicBlock::Create(b.getContext(), "swap", before->getParent());
    auto *done = BasicBlock::Create(b.getContext(), "swapped");
    b.CreateBr(body);
    b.SetInsertPoint(body);
    PHINode *seen = b.CreatePHI(start->getType(), 2);
    seen->addIncoming(start, before);
    Value *old = seen, *wanted;
    if (bits == 8) {
      old = b.CreateTrunc(b.CreateLShr(seen, shift), b.getInt8Ty());
      Value *others = b.CreateAnd(seen, b.CreateNot(b.CreateShl(b.getInt16(0xff), shift)));
      wanted = b.CreateOr(others, b.CreateShl(b.CreateZExt(next(old), b.getInt16Ty()), shift));
    } else {
      wanted = next(old);
    }
    Value *got = atom("cas.b" + std::to_string(width), {seen, wanted});
    seen->addIncoming(got, b.GetInsertBlock());
    b.CreateCondBr(b.CreateICmpEQ(got, seen), done, body);
    done->insertInto(before->getParent());
    b.SetInsertPoint(done);
    access = saved;
    return old;
  }

  Value *combine(RmwKind kind, Value *old, Value *value) {
    if (isFloat(access.element) && kind != RmwKind::Xchg) {
      Type *type = cpu::elementLLVMType(b.getContext(), access.element);
      cpu::FloatOp op = kind == RmwKind::Max   ? cpu::FloatOp::MaxNum
                        : kind == RmwKind::Min ? cpu::FloatOp::MinNum
                                               : cpu::FloatOp::Add;
      Value *result = cpu::emitFloatBinary(b, op, b.CreateBitCast(old, type), b.CreateBitCast(value, type),
                                           access.element, elements);
      return b.CreateBitCast(result, old->getType());
    }
    switch (kind) {
    case RmwKind::And: return b.CreateAnd(old, value);
    case RmwKind::Or: return b.CreateOr(old, value);
    case RmwKind::Xor: return b.CreateXor(old, value);
    case RmwKind::Add:
    case RmwKind::FAdd: return b.CreateAdd(old, value);
    case RmwKind::Max: return b.CreateBinaryIntrinsic(Intrinsic::smax, old, value);
    case RmwKind::Min: return b.CreateBinaryIntrinsic(Intrinsic::smin, old, value);
    case RmwKind::UMax: return b.CreateBinaryIntrinsic(Intrinsic::umax, old, value);
    case RmwKind::UMin: return b.CreateBinaryIntrinsic(Intrinsic::umin, old, value);
    case RmwKind::Xchg: return value;
    }
    return value;
  }

  Value *floatExtreme(bool isMax, Value *value) {
    return guarded([&] {
      simt::AtomicAccess saved = access;
      access.isUsed = true;
      std::string width = std::to_string(bits);
      APInt infinity =
          (bits == 32 ? APFloat::getInf(APFloat::IEEEsingle()) : APFloat::getInf(APFloat::IEEEdouble()))
              .bitcastToAPInt();
      Type *type = value->getType();
      Value *magnitude = b.CreateAnd(value, ConstantInt::get(b.getContext(), APInt::getSignedMaxValue(bits)));
      Value *isNan = b.CreateICmpUGT(magnitude, ConstantInt::get(b.getContext(), infinity));
      Value *hasSign = b.CreateAnd(b.CreateICmpSLT(value, ConstantInt::get(type, 0)), b.CreateNot(isNan));
      // A NaN changes nothing: the lowest integer is never greater, the highest never less.
      APInt nothing = isMax ? APInt::getSignedMinValue(bits) : APInt::getSignedMaxValue(bits);
      Value *operand = b.CreateSelect(isNan, ConstantInt::get(b.getContext(), nothing), value);
      Value *plain = b.CreateNot(hasSign);
      access.predicate = plain;
      Value *first = atom((isMax ? "max.s" : "min.s") + width, {operand});
      access.predicate = hasSign;
      Value *second = atom((isMax ? "min.u" : "max.u") + width, {operand});
      access.predicate = nullptr;
      Value *old = b.CreateOr(first, second); // the one that did not run gives 0
      // The NaN that is the greatest of all to a maximum, and the least of all to a minimum, was not replaced.
      Value *stays =
          isMax ? b.CreateICmpSGT(old, ConstantInt::get(b.getContext(), infinity))
                : b.CreateICmpUGT(old, ConstantInt::get(b.getContext(), infinity | APInt::getSignMask(bits)));
      stays = b.CreateAnd(stays, b.CreateNot(isNan));
      BasicBlock *before = b.GetInsertBlock();
      auto *again = BasicBlock::Create(b.getContext(), "nan", before->getParent());
      auto *next = BasicBlock::Create(b.getContext(), "next");
      b.CreateCondBr(stays, again, next);
      b.SetInsertPoint(again);
      Value *slow =
          loop([&](Value *there) { return combine(isMax ? RmwKind::Max : RmwKind::Min, there, value); });
      BasicBlock *end = b.GetInsertBlock();
      b.CreateBr(next);
      next->insertInto(before->getParent());
      b.SetInsertPoint(next);
      PHINode *phi = b.CreatePHI(type, 2);
      phi->addIncoming(old, before);
      phi->addIncoming(slow, end);
      access = saved;
      return static_cast<Value *>(phi);
    });
  }

  IRBuilderBase &b;
  simt::AtomicAccess access;
  const cpu::Target &elements;
  unsigned bits;
};

} // namespace

Value *NvptxTarget::atomicRmw(IRBuilderBase &b, const simt::AtomicAccess &access, RmwKind kind,
                              Value *value) const {
  return Writer(b, access, scalarTarget).rmw(kind, value, target.sm);
}

Value *NvptxTarget::atomicCas(IRBuilderBase &b, const simt::AtomicAccess &access, Value *compare,
                              Value *value) const {
  return Writer(b, access, scalarTarget).cas(compare, value);
}

} // namespace tegula::nvptx
