//===- MathFunctions.cpp - exp, log, sin and their like ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f32 functions are written as straight-line code without tables, so that a chunk of lanes runs at the speed of the
// multipliers and a scalar gives the same bits. The polynomials are minimax (Remez, coefficients rounded to f32 one
// after another and the rest fitted again). Measured errors stand in ir/MathUlp.def; MathTest checks them.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/LaneBuilder.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace tegula::cpu {

namespace {

// 1.5 * 2^23: adding it to |x| < 2^22 rounds x to an integer, which then stands in the low bits.
constexpr double roundingShift = 12582912.0;
constexpr uint32_t roundingShiftBits = 0x4b400000;

constexpr double log2e = 0x1.715476p+0;
// ln 2 and log10 2 in two parts; with fused products the first may use all its bits.
constexpr double ln2High = 0x1.62e43p-1, ln2Low = -0x1.05c61p-29;

struct Reduced {
  Value *n;       ///< an integer, as f32
  Value *shifted; ///< n + roundingShift: the integer in the low bits
  Value *r;
};

} // namespace

/// x = n ln 2 + r.
static Reduced reduceByLn2(const LaneBuilder &l, Value *x) {
  Value *shifted = l.mad(x, l.c32(log2e), l.c32(roundingShift));
  Value *n = l.b.CreateFSub(shifted, l.c32(roundingShift));
  Value *r = l.mad(n, l.c32(-ln2High), x);
  return {n, shifted, l.mad(n, l.c32(-ln2Low), r)};
}

/// p * 2^n, rounded once: also where the result is denormal or infinite. |n| <= 252, p near 1.
static Value *scale(const LaneBuilder &l, Value *p, const Reduced &reduced) {
  IRBuilderBase &b = l.b;
  if (l.isa.avx512 && l.lanes == 16) {
    constexpr int currentRounding = 4;
    return b.CreateIntrinsic(
        Intrinsic::x86_avx512_mask_scalef_ps_512, {},
        {p, reduced.n, Constant::getNullValue(l.f32()), b.getInt16(-1), b.getInt32(currentRounding)});
  }
  // In two steps, of which the first is exact.
  Value *n = b.CreateSub(l.bits(reduced.shifted), l.i32(roundingShiftBits));
  Value *half = b.CreateAShr(n, 1);
  Value *rest = b.CreateSub(n, half);
  Value *first = b.CreateShl(b.CreateAdd(half, l.i32(127)), 23);
  Value *second = b.CreateShl(b.CreateAdd(rest, l.i32(127)), 23);
  return b.CreateFMul(b.CreateFMul(p, l.asF32(first)), l.asF32(second));
}

/// 2^n for an n that makes a normal number.
static Value *powerOfTwo(const LaneBuilder &l, const Reduced &reduced) {
  return l.asF32(l.b.CreateAdd(l.b.CreateShl(l.bits(reduced.shifted), 23), l.i32(0x3f800000)));
}

/// (e^r - 1 - r) / r^2 for |r| <= ln2 / 2.
static Value *expTail(const LaneBuilder &l, Value *r) {
  return l.poly(r, {0x1.fffffcp-2, 0x1.55548ap-3, 0x1.55584ep-5, 0x1.123f32p-7, 0x1.6ad18cp-10});
}

static Value *emitExp(const LaneBuilder &l, Value *x) {
  // Beyond these the result is infinite, or rounds to zero.
  x = l.atLeast(l.atMost(x, l.c32(89)), l.c32(-104));
  Reduced reduced = reduceByLn2(l, x);
  Value *p = l.mad(expTail(l, reduced.r), reduced.r, l.c32(1));
  return scale(l, l.mad(p, reduced.r, l.c32(1)), reduced);
}

static Value *emitExp2(const LaneBuilder &l, Value *x) {
  x = l.atLeast(l.atMost(x, l.c32(129)), l.c32(-151));
  Reduced reduced;
  reduced.shifted = l.b.CreateFAdd(x, l.c32(roundingShift));
  reduced.n = l.b.CreateFSub(reduced.shifted, l.c32(roundingShift));
  reduced.r = l.b.CreateFSub(x, reduced.n);
  Value *p = l.poly(reduced.r, {1, 0x1.62e432p-1, 0x1.ebfbe6p-3, 0x1.c6ada8p-5, 0x1.3b21cap-7, 0x1.5fbb1ap-10,
                                0x1.4b9666p-13});
  return scale(l, p, reduced);
}

static Value *emitTanh(const LaneBuilder &l, Value *x) {
  // (e^2a - 1) / (e^2a + 1) with a = |x|; e^2a - 1 = 2^n (e^r - 1) + (2^n - 1) keeps the small part whole.
  IRBuilderBase &b = l.b;
  Value *a = l.atMost(l.abs(x), l.c32(9.1)); // tanh is 1 in f32 from 9.02 on
  Reduced reduced = reduceByLn2(l, b.CreateFAdd(a, a));
  Value *tail = l.mad(expTail(l, reduced.r), b.CreateFMul(reduced.r, reduced.r), reduced.r);
  Value *power = powerOfTwo(l, reduced);
  Value *numerator = l.mad(power, tail, b.CreateFSub(power, l.c32(1)));
  Value *large = b.CreateFDiv(numerator, b.CreateFAdd(numerator, l.c32(2)));
  // Below 0.6 the quotient has up to 2.3 ulp, a polynomial less than one. Unordered stays with the quotient.
  Value *square = b.CreateFMul(a, a);
  Value *p = l.poly(square, {-0x1.55553ep-2, 0x1.1109bcp-3, -0x1.b89a04p-5, 0x1.54bb92p-6, -0x1.8251060p-8});
  Value *small = l.mad(b.CreateFMul(p, square), a, a);
  return l.withSignOf(b.CreateSelect(b.CreateFCmpOLT(a, l.c32(0.6)), small, large), x);
}

static Value *emitErf(const LaneBuilder &l, Value *x) {
  IRBuilderBase &b = l.b;
  Value *a = l.atMost(l.abs(x), l.c32(4)); // erf is 1 in f32 from 3.92 on
  Value *square = b.CreateFMul(a, a);
  Value *small = l.mad(l.poly(square, {0x1.06eba8p-3, -0x1.812740p-2, 0x1.ce2d60p-4, -0x1.b80080p-6,
                                       0x1.544274p-8, -0x1.a5bb2ep-11, 0x1.4e4942p-14}),
                       a, a);
  // 1 - e^p with p = log(erfc(a)): what p and the exponential lack in accuracy, e^p <= 0.2 takes away.
  Value *p = l.poly(a, {-0x1.b24444p-13, -0x1.20ac2ap+0, -0x1.4647d0p-1, -0x1.a96438p-4, 0x1.6b8bf0p-6,
                        -0x1.8d9ac4p-9, 0x1.98c68ep-13});
  Reduced reduced = reduceByLn2(l, p);
  Value *e = l.mad(l.mad(expTail(l, reduced.r), reduced.r, l.c32(1)), reduced.r, l.c32(1));
  Value *negative = l.asF32(b.CreateXor(l.bits(powerOfTwo(l, reduced)), l.i32(0x80000000u)));
  Value *large = l.mad(e, negative, l.c32(1));
  // Unordered takes the small branch: a NaN passes through its polynomial.
  return l.withSignOf(b.CreateSelect(b.CreateFCmpOGT(a, l.c32(0.9209)), large, small), x);
}

//===----------------------------------------------------------------------===//
// Logarithms
//===----------------------------------------------------------------------===//

namespace {
/// log(x) / log(base) = e * log_base(2) + log_base(1 + f); both constants in two parts.
struct LogBase {
  double twoHigh, twoLow, eHigh, eLow;
};
} // namespace

static Value *emitLogBase(const LaneBuilder &l, Value *x, bool natural, const LogBase &base) {
  IRBuilderBase &b = l.b;
  Value *denormal = b.CreateFCmpOLT(x, l.c32(0x1p-126));
  Value *u = l.bits(b.CreateSelect(denormal, b.CreateFMul(x, l.c32(0x1p23)), x));
  // x = 2^k m with m in [sqrt(1/2), sqrt(2)).
  Value *k = b.CreateAShr(b.CreateSub(u, l.i32(0x3f3504f3)), 23);
  Value *f = b.CreateFSub(l.asF32(b.CreateSub(u, b.CreateShl(k, 23))), l.c32(1));
  Value *e = b.CreateSIToFP(b.CreateSub(k, b.CreateSelect(denormal, l.i32(23), l.i32(0))), l.f32());

  // log(1 + f) = f + f^2 (f P(f) - 1/2)
  Value *p = l.poly(f, {0x1.555548p-2, -0x1.000072p-2, 0x1.99a544p-3, -0x1.552e42p-3, 0x1.230276p-3,
                        -0x1.0111a6p-3, 0x1.ef96d0p-4, -0x1.bf98acp-4, 0x1.bef52ep-5});
  Value *square = b.CreateFMul(f, f);
  Value *factor = l.mad(p, f, l.c32(-0.5));
  Value *result;
  if (natural) {
    Value *tail = l.mad(square, factor, b.CreateFMul(e, l.c32(base.twoLow)));
    result = l.mad(e, l.c32(base.twoHigh), b.CreateFAdd(f, tail));
  } else {
    Value *tail = l.mad(b.CreateFMul(square, factor), l.c32(base.eHigh), b.CreateFMul(f, l.c32(base.eLow)));
    if (base.twoLow != 0)
      tail = l.mad(e, l.c32(base.twoLow), tail);
    result = l.mad(e, l.c32(base.twoHigh), l.mad(f, l.c32(base.eHigh), tail));
  }
  Constant *infinity = ConstantFP::getInfinity(l.f32());
  result = b.CreateSelect(b.CreateFCmpUEQ(x, infinity), x, result); // and NaN
  result = b.CreateSelect(b.CreateFCmpOLT(x, l.c32(0)), ConstantFP::getQNaN(l.f32()), result);
  return b.CreateSelect(b.CreateFCmpOEQ(x, l.c32(0)), ConstantFP::getInfinity(l.f32(), true), result);
}

static Value *emitLog(const LaneBuilder &l, Value *x) {
  return emitLogBase(l, x, true, {ln2High, ln2Low, 1, 0});
}
static Value *emitLog2(const LaneBuilder &l, Value *x) {
  return emitLogBase(l, x, false, {1, 0, 0x1.715476p+0, 0x1.4ae0c0p-26});
}
static Value *emitLog10(const LaneBuilder &l, Value *x) {
  return emitLogBase(l, x, false, {0x1.344136p-2, -0x1.ec10c0p-27, 0x1.bcb7b2p-2, -0x1.5b235ep-27});
}

//===----------------------------------------------------------------------===//
// Sine and cosine
//===----------------------------------------------------------------------===//

namespace {
struct Quadrant {
  Value *n; ///< i32: multiples of pi / 2; the low two bits count
  Value *r; ///< f32: |r| <= pi / 4, a little more where n was rounded
};
} // namespace

/// a = n pi/2 + r for 0 <= a < sineLimit. The first difference is exact: a multiple of 2^-23 below 1.
static Quadrant reduceByHalfPi(const LaneBuilder &l, Value *a) {
  Value *shifted = l.mad(a, l.c32(0x1.45f306p-1), l.c32(roundingShift));
  Value *n = l.b.CreateFSub(shifted, l.c32(roundingShift));
  Value *r = l.mad(n, l.c32(-0x1.921fb6p+0), a);
  r = l.mad(n, l.c32(0x1.777a5cp-25), r);
  return {l.bits(shifted), l.mad(n, l.c32(0x1.ee59dap-50), r)};
}

/// The same for every a, in f64. 2/pi is cut into pieces of 29 bits, so that each product with the 24 bits of `a` is
/// exact; its integer part is dropped modulo 4 before the next is added, and nothing is lost by cancellation.
/// (Payne, Hanek: Radian reduction for trigonometric functions, SIGNUM 1983.)
static Quadrant reduceHuge(const LaneBuilder &l, Value *a) {
  static constexpr double pieces[] = {0x1.45f306dp-1,   0x1.9391054p-30, 0x1.4fe13abp-59, 0x1.d1f534dp-88,
                                      0x1.b81b6c5p-117, 0x1.5993c4p-148, 0x1.c820ff2p-175};
  IRBuilderBase &b = l.b;
  Value *wide = b.CreateFPExt(a, l.f64());
  Value *n = l.c64(0), *fraction = l.c64(0);
  auto nearest = [&](Value *v) { return l.unary(Intrinsic::rint, v); };
  for (double piece : pieces) {
    Value *p = b.CreateFMul(wide, l.c64(piece));
    Value *whole = nearest(p);
    fraction = b.CreateFAdd(fraction, b.CreateFSub(p, whole));
    Value *carry = nearest(fraction);
    fraction = b.CreateFSub(fraction, carry);
    // whole mod 4 in [-2, 2]
    Value *quarter = b.CreateFMul(nearest(b.CreateFMul(whole, l.c64(0.25))), l.c64(4));
    n = b.CreateFAdd(n, b.CreateFAdd(b.CreateFSub(whole, quarter), carry));
  }
  Value *shifted = l.bits(b.CreateFAdd(n, l.c64(0x1.8p52)));
  Value *r = b.CreateFMul(fraction, l.c64(0x1.921fb54442d18p+0));
  return {b.CreateTrunc(shifted, l.ints(32)), b.CreateFPTrunc(r, l.f32())};
}

/// sin(r + (n + quarterTurns) pi/2); `sign` is the argument for sine, whose sign the result takes; null for cosine.
static Value *sineOf(const LaneBuilder &l, Quadrant q, uint32_t quarterTurns, Value *sign) {
  IRBuilderBase &b = l.b;
  Value *n = quarterTurns ? b.CreateAdd(q.n, l.i32(quarterTurns)) : q.n;
  Value *s = b.CreateFMul(q.r, q.r);
  Value *sine = l.mad(b.CreateFMul(s, q.r), l.poly(s, {-0x1.555546p-3, 0x1.11077ap-7, -0x1.9954a4p-13}), q.r);
  Value *cosine = l.mad(b.CreateFMul(s, s), l.poly(s, {0x1.55554ap-5, -0x1.6c0c1ap-10, 0x1.99e0fep-16}),
                        l.mad(s, l.c32(-0.5), l.c32(1)));
  Value *odd = b.CreateICmpNE(b.CreateAnd(n, l.i32(1)), l.i32(0));
  Value *flip = b.CreateAnd(b.CreateShl(n, 30), l.i32(0x80000000u));
  if (sign)
    flip = b.CreateXor(flip, b.CreateAnd(l.bits(sign), l.i32(0x80000000u)));
  return l.asF32(b.CreateXor(l.bits(b.CreateSelect(odd, cosine, sine)), flip));
}

static Function *internalFunction(const LaneBuilder &l, const Twine &name, Type *result,
                                  ArrayRef<Type *> parameters) {
  Module *module = l.b.GetInsertBlock()->getModule();
  auto *type = FunctionType::get(result, parameters, false);
  auto *f = Function::Create(type, GlobalValue::InternalLinkage, name, module);
  f->setDoesNotThrow();
  f->setDoesNotAccessMemory();
  f->setWillReturn();
  return f;
}

static std::string laneName(StringRef what, unsigned lanes) {
  return ("tegula." + what + ".x" + Twine(lanes)).str();
}

Value *emitQuickSine(const LaneBuilder &l, Value *x, bool cosine) {
  return sineOf(l, reduceByHalfPi(l, l.abs(x)), cosine, cosine ? nullptr : x);
}

/// One function of the module with both reductions: arguments below the limit, nearly all there are, take a short branch.
static Value *emitSinCos(const LaneBuilder &outer, Value *x, bool cosine) {
  std::string name = laneName(cosine ? "cos" : "sin", outer.lanes);
  Module *module = outer.b.GetInsertBlock()->getModule();
  Function *f = module->getFunction(name);
  if (!f) {
    LLVMContext &context = module->getContext();
    f = internalFunction(outer, name, outer.f32(), {outer.f32()});
    IRBuilder<> b(BasicBlock::Create(context, "entry", f));
    LaneBuilder l(b, outer.lanes, outer.isa);
    Value *arg = f->getArg(0);
    Value *a = l.abs(arg);
    Value *sign = cosine ? nullptr : arg;
    Value *huge = b.CreateFCmpUGE(a, l.c32(sineLimit));
    if (l.lanes > 1)
      huge = b.CreateOrReduce(huge);
    Value *quick = emitQuickSine(l, arg, cosine);
    auto *slow = BasicBlock::Create(context, "huge", f), *done = BasicBlock::Create(context, "done", f);
    b.CreateCondBr(huge, slow, done, MDBuilder(context).createUnlikelyBranchWeights());
    BasicBlock *entry = b.GetInsertBlock();
    b.SetInsertPoint(slow);
    // A lane below the limit keeps its quick value, so that its bits do not depend on its neighbours.
    Value *exact = sineOf(l, reduceHuge(l, a), cosine, sign);
    Value *mixed = b.CreateSelect(b.CreateFCmpUGE(a, l.c32(sineLimit)), exact, quick);
    b.CreateBr(done);
    b.SetInsertPoint(done);
    PHINode *result = b.CreatePHI(l.f32(), 2);
    result->addIncoming(quick, entry);
    result->addIncoming(mixed, slow);
    b.CreateRet(result);
  }
  return outer.b.CreateCall(f, {x});
}

static Value *emitSin(const LaneBuilder &l, Value *x) { return emitSinCos(l, x, false); }
static Value *emitCos(const LaneBuilder &l, Value *x) { return emitSinCos(l, x, true); }

//===----------------------------------------------------------------------===//
// By name, and by the C library
//===----------------------------------------------------------------------===//

using Expansion = Value *(*)(const LaneBuilder &, Value *);

static Expansion expansionOf(StringRef name) {
  return StringSwitch<Expansion>(name)
      .Case("exp", emitExp)
      .Case("exp2", emitExp2)
      .Case("log", emitLog)
      .Case("log2", emitLog2)
      .Case("log10", emitLog10)
      .Case("sin", emitSin)
      .Case("cos", emitCos)
      .Case("tanh", emitTanh)
      .Case("erf", emitErf)
      .Default(nullptr);
}

bool hasMathF32(StringRef name) { return expansionOf(name) != nullptr; }

Value *emitMathF32(const LaneBuilder &l, StringRef name, Value *x) {
  Expansion expansion = expansionOf(name);
  return expansion ? expansion(l, x) : nullptr;
}

Value *emitLibm(const LaneBuilder &outer, StringRef name, ArrayRef<Value *> args) {
  Module *module = outer.b.GetInsertBlock()->getModule();
  LLVMContext &context = module->getContext();
  Type *element = args[0]->getType()->getScalarType();
  SmallVector<Type *> scalars(args.size(), element), vectors(args.size(), outer.vec(element));
  // A name of our own: LLVM knows nothing about it that could differ from one lane to another.
  std::string symbol = ("tegula_" + name + (element->isFloatTy() ? "f" : "")).str();
  FunctionCallee scalar = module->getOrInsertFunction(symbol, FunctionType::get(element, scalars, false));
  auto *callee = cast<Function>(scalar.getCallee());
  callee->setDoesNotThrow();
  callee->setDoesNotAccessMemory();
  callee->setWillReturn();
  if (outer.lanes == 1)
    return outer.b.CreateCall(scalar, args);

  std::string loopName = laneName(symbol, outer.lanes);
  Function *f = module->getFunction(loopName);
  if (!f) {
    f = internalFunction(outer, loopName, outer.vec(element), vectors);
    auto *entry = BasicBlock::Create(context, "entry", f), *loop = BasicBlock::Create(context, "loop", f),
         *done = BasicBlock::Create(context, "done", f);
    IRBuilder<> b(entry);
    // Through memory: an insertion at a lane that is not constant would write and read the whole vector each time.
    SmallVector<Value *> slots;
    for (Argument &arg : f->args()) {
      slots.push_back(b.CreateAlloca(arg.getType()));
      b.CreateStore(&arg, slots.back());
    }
    Value *resultSlot = b.CreateAlloca(outer.vec(element));
    b.CreateBr(loop);
    b.SetInsertPoint(loop);
    PHINode *lane = b.CreatePHI(b.getInt64Ty(), 2);
    SmallVector<Value *> laneArgs;
    for (Value *slot : slots)
      laneArgs.push_back(b.CreateLoad(element, b.CreateGEP(element, slot, lane)));
    b.CreateStore(b.CreateCall(scalar, laneArgs), b.CreateGEP(element, resultSlot, lane));
    Value *next = b.CreateAdd(lane, b.getInt64(1));
    lane->addIncoming(b.getInt64(0), entry);
    lane->addIncoming(next, loop);
    b.CreateCondBr(b.CreateICmpULT(next, b.getInt64(outer.lanes)), loop, done);
    b.SetInsertPoint(done);
    b.CreateRet(b.CreateLoad(outer.vec(element), resultSlot));
  }
  return outer.b.CreateCall(f, args);
}

} // namespace tegula::cpu
