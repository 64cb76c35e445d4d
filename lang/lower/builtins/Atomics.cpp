//===- Atomics.cpp - atomic operations ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

using namespace mlir;

namespace tegula::lang {
namespace {

using tile::RmwKind;

tile::MemSem semArg(Lowering &l, BoundArgs &args, std::initializer_list<const char *> allowed,
                    tile::MemSem preset) {
  std::string text = optionArg(l, args, "sem", allowed);
  return text.empty() ? preset : *tile::symbolizeMemSem(text);
}

tile::MemScope scopeArg(Lowering &l, BoundArgs &args) {
  std::string text = optionArg(l, args, "scope", {"gpu", "cta", "sys"});
  return text.empty() ? tile::MemScope::Gpu : *tile::symbolizeMemScope(text);
}

constexpr std::initializer_list<const char *> everyOrder = {"acquire", "release", "acq_rel", "relaxed"};

/// Pointer, value in the pointee's type, and mask, all of the pointer's shape.
struct Access {
  Tensor pointer, value;
  std::optional<Tensor> mask;
};

void fitTo(Lowering &l, BoundArgs &args, const Tensor &pointer, const char *name, Tensor &t, Span span) {
  if (pointer.isScalar() && !t.isScalar())
    l.fail(Diag::scalar_pointer, args.span(name), {publicName(*args.builtin), name, describe(t)});
  Tensor widest = pointer;
  l.broadcast(widest, t, span);
  if (widest.shape() != pointer.shape())
    l.fail(Diag::pointer_too_small, args.span("pointer"),
           {publicName(*args.builtin), shapeText(pointer.shape()), shapeText(widest.shape())});
}

Access access(Lowering &l, BoundArgs &args, Span span) {
  Access a;
  a.pointer = pointerArg(l, args, "pointer");
  if (a.pointer.type.isConst)
    l.fail(Diag::const_pointer, args.span("pointer"), {publicName(*args.builtin), describe(a.pointer)});
  a.value = castArg(l, args, "val", pointee(a.pointer.type));
  fitTo(l, args, a.pointer, "val", a.value, span);
  a.mask = maskArg(l, args, "mask");
  if (a.mask)
    fitTo(l, args, a.pointer, "mask", *a.mask, span);
  return a;
}

Tensor rmw(Lowering &l, RmwKind kind, const Access &a, tile::MemSem sem, tile::MemScope scope, Span span) {
  auto op = tile::AtomicRmwOp::create(l.b(), l.loc(span), a.value.value.getType(), mlir::Type(), kind,
                                      a.pointer.value, a.value.value, a.mask ? a.mask->value : mlir::Value(),
                                      ValueRange(), sem, scope);
  return {op.getResult(), a.value.type};
}

void refuseElement(Lowering &l, BoundArgs &args, std::string_view at, const Tensor &pointer,
                   const char *takes) {
  l.fail(Diag::atomic_element, args.span(at),
         {publicName(*args.builtin), takes, describe(pointee(pointer.type), {}), describe(pointer)});
}

bool isWideInt(DType t) { return isInteger(t) && bitWidth(t) >= 32; }
bool isWideFloat(DType t) { return isFloating(t) && bitWidth(t) >= 32; }
bool isHalf(DType t) { return isFloating(t) && bitWidth(t) == 16; }

/// What the read-modify-write `name` does to the elements of a pointer, if it takes them.
RmwKind rmwKind(Lowering &l, BoundArgs &args, std::string_view name, std::string_view at,
                const Tensor &pointer) {
  DType t = pointee(pointer.type);
  bool isBits = name == "and" || name == "or" || name == "xor";
  if (!(isWideInt(t) || (!isBits && isWideFloat(t)) || (name == "add" && isHalf(t))))
    refuseElement(l, args, at, pointer,
                  isBits          ? "int32, uint32, int64, uint64"
                  : name == "add" ? "int32, uint32, int64, uint64, fp16, bf16, fp32, fp64"
                                  : "int32, uint32, int64, uint64, fp32, fp64");
  if (name == "add")
    return isFloating(t) ? RmwKind::FAdd : RmwKind::Add;
  if (name == "max")
    return isUnsigned(t) ? RmwKind::UMax : RmwKind::Max;
  if (name == "min")
    return isUnsigned(t) ? RmwKind::UMin : RmwKind::Min;
  return *tile::symbolizeRmwKind(name);
}

Value lowerRmw(Lowering &l, BoundArgs &args, Span span) {
  Tensor pointer = pointerArg(l, args, "pointer");
  std::string_view name = args.builtin->name;
  name.remove_prefix(std::string_view("atomic_").size());
  RmwKind kind = rmwKind(l, args, name, "pointer", pointer);
  tile::MemSem sem = semArg(l, args, everyOrder, tile::MemSem::AcqRel);
  tile::MemScope scope = scopeArg(l, args);
  return rmw(l, kind, access(l, args, span), sem, scope, span);
}

Value lowerCas(Lowering &l, BoundArgs &args, Span span) {
  Tensor pointer = pointerArg(l, args, "pointer");
  if (pointer.type.isConst)
    l.fail(Diag::const_pointer, args.span("pointer"), {publicName(*args.builtin), describe(pointer)});
  DType element = pointee(pointer.type);
  if (bitWidth(element) < 16)
    refuseElement(l, args, "pointer", pointer, "elements of 16, 32 or 64 bits");
  Tensor compare = castArg(l, args, "cmp", element), value = castArg(l, args, "val", element);
  fitTo(l, args, pointer, "cmp", compare, span);
  fitTo(l, args, pointer, "val", value, span);
  tile::MemSem sem = semArg(l, args, everyOrder, tile::MemSem::AcqRel);
  tile::MemScope scope = scopeArg(l, args);
  auto op = tile::AtomicCasOp::create(l.b(), l.loc(span), value.value.getType(), mlir::Type(), pointer.value,
                                      compare.value, value.value, ValueRange(), sem, scope);
  return Tensor{op.getResult(), element};
}

//===----------------------------------------------------------------------===//
// A lone atomic read is `or 0`, a lone atomic write is an exchange: one step an element in memory order
//===----------------------------------------------------------------------===//

ScalarKind intOfWidth(int bits) {
  return bits == 64   ? ScalarKind::I64
         : bits == 32 ? ScalarKind::I32
         : bits == 16 ? ScalarKind::I16
                      : ScalarKind::I8;
}

/// The same addresses, read as integers of the element's width.
Tensor asInteger(Lowering &l, Tensor pointer, Span span) {
  DType element = pointee(pointer.type);
  int width = isBool(element) ? 8 : bitWidth(element);
  DType to = pointerTo(intOfWidth(width));
  if (l.type(to) == l.type(pointer.type))
    return {pointer.value, to};
  return {tile::PtrCastOp::create(l.b(), l.loc(span), l.type(to, pointer.shape()), pointer.value), to};
}

Value lowerAtomicLoad(Lowering &l, BoundArgs &args, Span span) {
  Tensor pointer = pointerArg(l, args, "pointer");
  tile::MemSem sem = semArg(l, args, {"acquire", "relaxed"}, tile::MemSem::Acquire);
  tile::MemScope scope = scopeArg(l, args);
  DType element = pointee(pointer.type);
  Access a;
  a.mask = maskArg(l, args, "mask");
  if (a.mask)
    fitTo(l, args, pointer, "mask", *a.mask, span);
  a.pointer = asInteger(l, pointer, span);
  a.value = l.broadcastTo(l.intConstant(0, pointee(a.pointer.type), span), pointer.shape(), span);
  Tensor bits = rmw(l, RmwKind::Or, a, sem, scope, span);
  return isBool(element) ? l.toBool(bits, span) : l.bitcast(bits, element, span);
}

Value lowerAtomicStore(Lowering &l, BoundArgs &args, Span span) {
  tile::MemSem sem = semArg(l, args, {"release", "relaxed"}, tile::MemSem::Release);
  tile::MemScope scope = scopeArg(l, args);
  Access a = access(l, args, span);
  a.pointer = asInteger(l, a.pointer, span);
  DType integer = pointee(a.pointer.type);
  a.value = isBool(a.value.type) ? l.cast(a.value, integer, span) : l.bitcast(a.value, integer, span);
  rmw(l, RmwKind::Xchg, a, sem, scope, span);
  return Value::none();
}

#define TEGULA_RMW "(pointer, val, mask=None, sem=None, scope=None)"
constexpr BuiltinDef table[] = {
    {"atomic_add", TEGULA_RMW, "Add to memory; gives what was there before.", true, lowerRmw},
    {"atomic_max", TEGULA_RMW, "Write the larger of memory and value; gives what was there before.", true,
     lowerRmw},
    {"atomic_min", TEGULA_RMW, "Write the smaller of memory and value; gives what was there before.", true,
     lowerRmw},
    {"atomic_and", TEGULA_RMW, "Bitwise and with memory; gives what was there before.", true, lowerRmw},
    {"atomic_or", TEGULA_RMW, "Bitwise or with memory; gives what was there before.", true, lowerRmw},
    {"atomic_xor", TEGULA_RMW, "Bitwise exclusive or with memory; gives what was there before.", true,
     lowerRmw},
    {"atomic_xchg", TEGULA_RMW, "Write the value; gives what was there before.", true, lowerRmw},
    {"atomic_cas", "(pointer, cmp, val, sem=None, scope=None)",
     "Write `val` where memory holds exactly the bits of `cmp`; gives what was there before.", true,
     lowerCas},
    {"atomic_load", "(pointer, mask=None, sem=None, scope=None)",
     "Read in one step an element; undefined where masked.", true, lowerAtomicLoad},
    {"atomic_store", TEGULA_RMW, "Write in one step an element.", true, lowerAtomicStore},
};
#undef TEGULA_RMW

} // namespace

Tensor atomicTile(Lowering &l, BoundArgs &args, std::string_view name, std::string_view at,
                  const Tensor &pointer, const Tensor &value, const std::optional<Tensor> &mask, Span span) {
  return rmw(l, rmwKind(l, args, name, at, pointer), Access{pointer, value, mask}, tile::MemSem::AcqRel,
             tile::MemScope::Gpu, span);
}

std::span<const BuiltinDef> atomicBuiltins() { return table; }

} // namespace tegula::lang
