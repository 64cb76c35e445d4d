//===- Memory.cpp - loads and stores ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

using namespace mlir;

namespace tegula::lang {
namespace {

/// Load and store take the modifier with or without its dot; an attribute without it stands in the IR.
StringAttr cacheArg(Lowering &l, BoundArgs &args) {
  std::string text =
      optionArg(l, args, "cache_modifier",
                {".ca", ".cg", ".cs", ".cv", ".wb", ".wt", "ca", "cg", "cs", "cv", "wb", "wt", "none"});
  if (text.starts_with("."))
    text.erase(0, 1);
  return text.empty() || text == "none" ? StringAttr() : l.b().getStringAttr(text);
}

StringAttr evictArg(Lowering &l, BoundArgs &args) {
  std::string text = optionArg(l, args, "eviction_policy", {"evict_normal", "evict_first", "evict_last"});
  return text.empty() || text == "evict_normal" ? StringAttr() : l.b().getStringAttr(text);
}

void refuseBlockOptions(Lowering &l, BoundArgs &args) {
  for (const char *name : {"boundary_check", "padding_option"}) {
    const Value &value = args[name];
    bool empty = value.isNone() || (value.isTuple() && value.items().empty()) ||
                 (value.asString() && value.asString()->empty());
    if (!empty)
      l.fail(Diag::block_pointer_option, args.span(name), {name, describe(args["pointer"])});
  }
}

void requireScalar(Lowering &l, BoundArgs &args, std::string_view name, const Tensor &t) {
  if (!t.isScalar())
    l.fail(Diag::scalar_pointer, args.span(name),
           {publicName(*args.builtin), std::string(name), describe(t)});
}

Value lowerLoad(Lowering &l, BoundArgs &args, Span span) {
  bool isVolatile = l.constexprBool(args["volatile"], "volatile", args.span("volatile"));
  AccessHints hints{cacheArg(l, args), evictArg(l, args), isVolatile};
  if (args["pointer"].isObject(blockPointerKind))
    return loadBlock(l, args, hints, span);
  Tensor pointer = pointerArg(l, args, "pointer");
  refuseBlockOptions(l, args);
  std::optional<Tensor> mask = maskArg(l, args, "mask");
  bool hasOther = !args["other"].isNone();
  if (hasOther && args["mask"].isNone())
    l.fail(Diag::other_without_mask, args.span("other"));

  bool scalar = pointer.isScalar();
  if (mask && scalar)
    requireScalar(l, args, "mask", *mask);
  if (mask && !scalar)
    l.broadcast(pointer, *mask, span);

  std::optional<Tensor> other;
  if (hasOther) {
    other = castArg(l, args, "other", memoryType(pointer));
    if (scalar)
      requireScalar(l, args, "other", *other);
    if (!scalar)
      l.broadcast(pointer, *other, span);
    if (mask && !scalar)
      mask = l.broadcastTo(*mask, pointer.shape(), span);
  }

  return loadTile(l, pointer, mask, other, hints, span);
}

Value lowerStore(Lowering &l, BoundArgs &args, Span span) {
  AccessHints hints{cacheArg(l, args), evictArg(l, args)};
  if (args["pointer"].isObject(blockPointerKind)) {
    storeBlock(l, args, hints, span);
    return Value::none();
  }
  Tensor pointer = pointerArg(l, args, "pointer");
  refuseBlockOptions(l, args);
  if (pointer.type.isConst)
    l.fail(Diag::const_pointer, args.span("pointer"), {publicName(*args.builtin), describe(pointer)});
  std::optional<Tensor> mask = maskArg(l, args, "mask");

  Tensor value = castArg(l, args, "value", pointee(pointer.type));
  if (pointer.isScalar()) {
    requireScalar(l, args, "value", value);
    if (mask)
      requireScalar(l, args, "mask", *mask);
  } else {
    Tensor widest = pointer;
    l.broadcast(widest, value, span);
    if (mask)
      l.broadcast(widest, *mask, span);
    if (widest.shape() != pointer.shape())
      l.fail(Diag::pointer_too_small, args.span("pointer"),
             {publicName(*args.builtin), shapeText(pointer.shape()), shapeText(widest.shape())});
    value = l.broadcastTo(value, pointer.shape(), span);
    if (mask)
      mask = l.broadcastTo(*mask, pointer.shape(), span);
  }
  storeTile(l, pointer, value, mask, hints, span);
  return Value::none();
}

constexpr BuiltinDef table[] = {
    {"load",
     "(pointer, mask=None, other=None, *, boundary_check=None, padding_option=None, cache_modifier='', "
     "eviction_policy='', volatile=False)",
     "Read what the pointers point to; where the mask is false the element is `other`, or undefined without "
     "it.",
     false, lowerLoad},
    {"store",
     "(pointer, value, mask=None, *, boundary_check=None, padding_option=None, cache_modifier='', "
     "eviction_policy='')",
     "Write the value, converted to the pointers' element type, where the mask is true.", true, lowerStore},
};

} // namespace

DType memoryType(const Tensor &pointer) {
  DType element = pointee(pointer.type);
  return isBool(element) ? scalarType(ScalarKind::I8) : element;
}

Tensor loadTile(Lowering &l, const Tensor &pointer, const std::optional<Tensor> &mask,
                const std::optional<Tensor> &other, const AccessHints &hints, Span span) {
  DType inMemory = memoryType(pointer), element = pointee(pointer.type);
  mlir::Value result =
      tile::LoadOp::create(l.b(), l.loc(span), l.type(inMemory, pointer.shape()), mlir::Type(), pointer.value,
                           mask ? mask->value : mlir::Value(), mask && other ? other->value : mlir::Value(),
                           ValueRange(), hints.isVolatile ? l.b().getUnitAttr() : UnitAttr(), hints.cache,
                           hints.evict)
          .getResult();
  Tensor loaded{result, inMemory};
  return isBool(element) ? l.cast(loaded, element, span) : loaded;
}

void storeTile(Lowering &l, const Tensor &pointer, Tensor value, const std::optional<Tensor> &mask,
               const AccessHints &hints, Span span) {
  if (isBool(value.type))
    value = l.cast(value, scalarType(ScalarKind::I8), span);
  tile::StoreOp::create(l.b(), l.loc(span), mlir::Type(), pointer.value, value.value,
                        mask ? mask->value : mlir::Value(), ValueRange(), hints.cache, hints.evict);
}

std::span<const BuiltinDef> memoryBuiltins() {
  static const std::vector<BuiltinDef> all = [] {
    std::vector<BuiltinDef> rows(std::begin(table), std::end(table));
    std::span<const BuiltinDef> atomics = atomicBuiltins();
    rows.insert(rows.end(), atomics.begin(), atomics.end());
    return rows;
  }();
  return all;
}

} // namespace tegula::lang
