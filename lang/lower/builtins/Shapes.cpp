//===- Shapes.cpp - functions that change shapes and move elements ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

#include <algorithm>
#include <numeric>

using namespace mlir;

namespace tegula::lang {
namespace {

Value lowerBroadcast(Lowering &l, BoundArgs &args, Span span) {
  Tensor a = tensorArg(l, args, "input"), b = tensorArg(l, args, "other");
  l.broadcast(a, b, span);
  return Value::tuple({a, b});
}

Value lowerBroadcastTo(Lowering &l, BoundArgs &args, Span span) {
  Shape shape = l.constexprShape(spread(args, "shape"), "shape", args.span("shape"));
  return l.broadcastTo(tensorArg(l, args, "input"), shape, span);
}

Value lowerExpandDims(Lowering &l, BoundArgs &args, Span span) {
  Tensor value = tensorArg(l, args, "input");
  Values axes = args["axis"].isTuple() ? args["axis"].items() : Values{args["axis"]};
  int rank = value.rank() + static_cast<int>(axes.size());
  std::vector<int> places;
  for (const Value &axis : axes) {
    places.push_back(l.constexprAxis(axis, rank, args.span("axis")));
    if (std::count(places.begin(), places.end(), places.back()) > 1)
      l.fail(Diag::duplicate_dimension, args.span("axis"),
             {publicName(*args.builtin), std::to_string(places.back())});
  }
  std::sort(places.begin(), places.end());
  for (int place : places)
    value = l.expandDims(value, place, span);
  return value;
}

Tensor permuted(Lowering &l, BoundArgs &args, const Tensor &value, const Value &dims, Span span) {
  Shape order = l.constexprInts(dims, "dims", args.span("dims"));
  Shape sorted = order, identity(value.rank());
  std::sort(sorted.begin(), sorted.end());
  std::iota(identity.begin(), identity.end(), 0);
  if (sorted != identity)
    l.fail(Diag::not_a_permutation, args.span("dims"),
           {publicName(*args.builtin), std::to_string(value.rank()), describe(value), shapeText(order)});
  return permuteTo(l, value, llvm::SmallVector<int32_t>(order.begin(), order.end()), span);
}

Value lowerPermute(Lowering &l, BoundArgs &args, Span span) {
  return permuted(l, args, tileArg(l, args, "input"), spread(args, "dims"), span);
}

Value lowerTrans(Lowering &l, BoundArgs &args, Span span) {
  Tensor value = tileArg(l, args, "input");
  Value dims = spread(args, "dims");
  if (!dims.isTuple() || !dims.items().empty())
    return permuted(l, args, value, dims, span);
  if (value.rank() < 2)
    l.fail(Diag::trans_needs_matrix, args.span("input"), {describe(value)});
  llvm::SmallVector<int32_t> order(value.rank());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return permuteTo(l, value, order, span);
}

Value lowerReshape(Lowering &l, BoundArgs &args, Span span) {
  Tensor value = tensorArg(l, args, "input");
  Value given = spread(args, "shape");
  Shape shape;
  if (!given.isTuple() || !given.items().empty())
    shape = l.constexprShape(given, "shape", args.span("shape"));
  int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
  if (count != value.numel())
    l.fail(Diag::reshape_count, span,
           {describe(value), std::to_string(value.numel()), shapeText(shape), std::to_string(count)});
  return reshapeTo(l, value, shape, span);
}

Value lowerItem(Lowering &l, BoundArgs &args, Span span) {
  Tensor value = tensorArg(l, args, "input");
  if (value.numel() != 1)
    l.fail(Diag::item_not_single, args.span("input"), {describe(value)});
  return toScalar(l, value, span);
}

void requireSameType(Lowering &l, BoundArgs &args, const Tensor &a, const Tensor &b, Span span) {
  if (a.type != b.type)
    l.fail(Diag::operands_differ, span, {publicName(*args.builtin), "type", describe(a), describe(b)});
}

Value lowerCat(Lowering &l, BoundArgs &args, Span span) {
  Tensor a = tileArg(l, args, "input"), b = tileArg(l, args, "other");
  requireSameType(l, args, a, b, span);
  if (a.shape() != b.shape())
    l.fail(Diag::operands_differ, span, {publicName(*args.builtin), "shape", describe(a), describe(b)});
  int axis = l.constexprAxis(args["dim"], a.rank(), args.span("dim"));
  // The operation works along dimension 0: swap it with `axis` before and after.
  llvm::SmallVector<int32_t> order(a.rank());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[0], order[axis]);
  a = permuteTo(l, a, order, span);
  b = permuteTo(l, b, order, span);
  Shape shape(a.shape().begin(), a.shape().end());
  shape[0] *= 2;
  Tensor both(tile::CatOp::create(l.b(), l.loc(span), l.type(a.type, shape), a.value, b.value), a.type);
  return permuteTo(l, both, order, span);
}

Tensor joined(Lowering &l, Tensor a, Tensor b, Span span) {
  Shape shape(a.shape().begin(), a.shape().end());
  shape.push_back(2);
  return {tile::JoinOp::create(l.b(), l.loc(span), l.type(a.type, shape), a.value, b.value), a.type};
}

std::pair<Tensor, Tensor> halves(Lowering &l, Tensor value, Span span) {
  auto split = tile::SplitOp::create(l.b(), l.loc(span), value.value);
  return {Tensor{split.getFirst(), value.type}, Tensor{split.getSecond(), value.type}};
}

Value lowerJoin(Lowering &l, BoundArgs &args, Span span) {
  Tensor a = tensorArg(l, args, "a"), b = tensorArg(l, args, "b");
  requireSameType(l, args, a, b, span);
  l.broadcast(a, b, span);
  if (!a.isScalar())
    return joined(l, a, b, span);
  return reshapeTo(l, joined(l, l.splat(a, {1}, span), l.splat(b, {1}, span), span), {2}, span);
}

Value lowerSplit(Lowering &l, BoundArgs &args, Span span) {
  Tensor value = tileArg(l, args, "a");
  if (value.shape().back() != 2)
    l.fail(Diag::split_needs_two, args.span("a"), {describe(value)});
  if (value.rank() > 1) {
    auto [first, second] = halves(l, value, span);
    return Value::tuple({first, second});
  }
  auto [first, second] = halves(l, reshapeTo(l, value, {1, 2}, span), span);
  return Value::tuple({toScalar(l, first, span), toScalar(l, second, span)});
}

//===----------------------------------------------------------------------===//
// flip: the index is written in digits, and every digit is mirrored
//===----------------------------------------------------------------------===//

/// Mirrors the middle dimension of [before, 2, after]: split and join in the other order.
Tensor flipPair(Lowering &l, Tensor value, Span span) {
  Tensor turned = permuteTo(l, value, {0, 2, 1}, span);
  auto [first, second] = halves(l, turned, span);
  return permuteTo(l, joined(l, second, first, span), {0, 2, 1}, span);
}

/// Mirrors the middle dimension of [before, n, after] for an odd n. No operation moves single elements, so each
/// result sums n bit patterns of which one is not zero. `n` is the odd part of a block size: small.
Tensor flipOdd(Lowering &l, Tensor value, Span span) {
  int64_t before = value.shape()[0], n = value.shape()[1], after = value.shape()[2];
  Tensor bits = l.bitcast(value,
                          scalarType(bitWidth(value.type) == 64   ? ScalarKind::U64
                                     : bitWidth(value.type) == 32 ? ScalarKind::U32
                                     : bitWidth(value.type) == 16 ? ScalarKind::U16
                                     : bitWidth(value.type) == 8  ? ScalarKind::U8
                                                                  : ScalarKind::I1),
                          span);
  Location loc = l.loc(span);
  DType i32 = scalarType(ScalarKind::I32);
  auto rangeType = cast<RankedTensorType>(l.type(i32, {n}));
  Tensor places(tile::MakeRangeOp::create(l.b(), loc, rangeType, 0, int32_t(n)), i32);
  Shape full = {before, n, n, after};
  Tensor from = l.broadcastTo(reshapeTo(l, places, {1, n, 1, 1}, span), full, span);
  Tensor to = l.broadcastTo(reshapeTo(l, places, {1, 1, n, 1}, span), full, span);
  Tensor last = l.splat(l.intConstant(n - 1, i32, span), full, span);
  Tensor chosen = l.compareTensors(CompareOp::Eq, l.arith(ArithOp::Add, from, to, span), last, span);
  Tensor wide = l.broadcastTo(reshapeTo(l, bits, {before, n, 1, after}, span), full, span);
  Tensor kept = l.select(chosen, wide, l.splat(l.intConstant(0, bits.type, span), full, span), span);
  Value sum = l.callNamed("reduce_or", {kept, Value::integer(1)}, span);
  return l.bitcast(sum.tensor(), value.type, span);
}

Value lowerFlip(Lowering &l, BoundArgs &args, Span span) {
  Tensor value = tileArg(l, args, "x");
  int axis =
      args["dim"].isNone() ? value.rank() - 1 : l.constexprAxis(args["dim"], value.rank(), args.span("dim"));
  if (value.type.isPointer)
    l.fail(Diag::argument_bad_type, args.span("x"), {publicName(*args.builtin), "numbers", describe(value)});
  Shape shape(value.shape().begin(), value.shape().end());
  int64_t before = 1, after = 1, rest = shape[axis];
  for (int i = 0; i < axis; ++i)
    before *= shape[i];
  for (int i = axis + 1; i < int(shape.size()); ++i)
    after *= shape[i];
  for (; rest % 2 == 0; rest /= 2, before *= 2)
    value = flipPair(l, reshapeTo(l, value, {before, 2, rest / 2 * after}, span), span);
  if (rest > 1)
    value = flipOdd(l, reshapeTo(l, value, {before, rest, after}, span), span);
  return reshapeTo(l, value, shape, span);
}

/// An index as the operation takes it: signed, of 32 or 64 bits.
Tensor gatherIndex(Lowering &l, BoundArgs &args) {
  Tensor index = tileArg(l, args, "index");
  if (!isInteger(index.type) || isBool(index.type))
    l.fail(Diag::argument_bad_type, args.span("index"),
           {publicName(*args.builtin), "a tile of integers as its index", describe(index)});
  bool isWide = bitWidth(index.type) == 64 || index.type.scalar == ScalarKind::U32;
  return l.cast(index, scalarType(isWide ? ScalarKind::I64 : ScalarKind::I32), args.span("index"));
}

Tensor gathered(Lowering &l, const Tensor &src, const Tensor &index, int axis, Span span) {
  return {tile::GatherOp::create(l.b(), l.loc(span), l.type(src.type, index.shape()), src.value, index.value,
                                 axis),
          src.type};
}

Value lowerGather(Lowering &l, BoundArgs &args, Span span) {
  Tensor src = tileArg(l, args, "src"), index = gatherIndex(l, args);
  int axis = l.constexprAxis(args["axis"], src.rank(), args.span("axis"));
  bool fits = src.rank() == index.rank();
  for (int d = 0; fits && d < src.rank(); ++d)
    fits = d == axis || src.shape()[d] == index.shape()[d];
  if (!fits)
    l.fail(Diag::gather_shapes, args.span("index"), {std::to_string(axis), describe(src), describe(index)});
  return gathered(l, src, index, axis, span);
}

/// `dim` as the last one, an operation on lines, and back.
Tensor alongLast(Lowering &l, Tensor value, int dim, Span span, llvm::function_ref<Tensor(Tensor)> apply) {
  llvm::SmallVector<int32_t> order(value.rank());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[dim], order.back());
  return permuteTo(l, apply(permuteTo(l, value, order, span)), order, span);
}

Tensor sorted(Lowering &l, const Tensor &value, bool descending, Span span) {
  auto flag = [&](bool set) { return set ? l.b().getUnitAttr() : UnitAttr(); };
  return {tile::SortOp::create(l.b(), l.loc(span), value.value.getType(), value.value, flag(descending),
                               flag(isSignedInt(value.type))),
          value.type};
}

/// sort, topk and bitonic_merge.
Value lowerSort(Lowering &l, BoundArgs &args, Span span) {
  Tensor value = tileArg(l, args, "x");
  if (value.type.isPointer)
    l.fail(Diag::argument_bad_type, args.span("x"), {publicName(*args.builtin), "numbers", describe(value)});
  int dim =
      args["dim"].isNone() ? value.rank() - 1 : l.constexprAxis(args["dim"], value.rank(), args.span("dim"));
  bool descending = l.constexprBool(args["descending"], "descending", args.span("descending"));
  bool some = args.builtin->name == std::string_view("topk");
  int64_t extent = value.shape()[dim];
  int64_t count = some ? l.constexprInt(args["k"], "k", args.span("k")) : extent;
  if (count < 1 || count > extent)
    l.fail(Diag::topk_count, args.span("k"), {std::to_string(count), std::to_string(extent)});
  return alongLast(l, value, dim, span, [&](Tensor lines) {
    Tensor all = sorted(l, lines, descending, span);
    if (count == extent)
      return all;
    Shape shape(all.shape());
    shape.back() = count;
    DType i32 = scalarType(ScalarKind::I32);
    auto line = cast<RankedTensorType>(l.type(i32, {count}));
    Tensor first(tile::MakeRangeOp::create(l.b(), l.loc(span), line, 0, int32_t(count)), i32);
    return gathered(l, all, l.broadcastTo(first, shape, span), all.rank() - 1, span);
  });
}

Value lowerSqueeze(Lowering &l, BoundArgs &args, Span span) {
  Tensor value = tileArg(l, args, "x");
  int axis = l.constexprAxis(args["dim"], value.rank(), args.span("dim"));
  Shape shape(value.shape().begin(), value.shape().end());
  if (shape[axis] != 1)
    l.fail(Diag::squeeze_not_one, args.span("dim"), {std::to_string(axis), describe(value)});
  shape.erase(shape.begin() + axis);
  return reshapeTo(l, value, shape, span);
}

Value lowerUnsqueeze(Lowering &l, BoundArgs &args, Span span) {
  Tensor value = tensorArg(l, args, "x");
  return l.expandDims(value, l.constexprAxis(args["dim"], value.rank() + 1, args.span("dim")), span);
}

constexpr BuiltinDef table[] = {
    {"broadcast", "(input, other)", "Both operands in their common shape, as a pair.", false, lowerBroadcast},
    {"broadcast_to", "(input, *shape)", "The tile repeated along its dimensions of extent 1 to get `shape`.",
     true, lowerBroadcastTo},
    {"expand_dims", "(input, axis)",
     "New dimensions of extent 1 at the places `axis` (one or a tuple) of the result.", true,
     lowerExpandDims},
    {"permute", "(input, *dims)", "Dimension i of the result is dimension dims[i] of the tile.", true,
     lowerPermute},
    {"trans", "(input, *dims)",
     "The same as `permute`; without `dims` the last two dimensions change places.", true, lowerTrans},
    {"reshape", "(input, *shape, can_reorder=False)",
     "The same elements in row-major order under another shape.", true, lowerReshape},
    {"view", "(input, *shape)", "The same as `reshape`.", true, lowerReshape},
    {"item", "(input)", "The one element of a tile as a scalar.", true, lowerItem},
    {"cat", "(input, other, can_reorder=False, dim=0)", "One tile after the other along `dim`.", false,
     lowerCat},
    {"join", "(a, b)", "Two tiles side by side in a new last dimension of extent 2.", false, lowerJoin},
    {"split", "(a)", "The two halves of the last dimension, whose extent is 2.", true, lowerSplit},
    {"flip", "(x, dim=None)", "The elements in reverse order along `dim` (the last if not given).", true,
     lowerFlip},
    {"gather", "(src, index, axis)",
     "The elements of `src` at `index` along `axis`; in the other dimensions the two have the same shape.",
     true, lowerGather},
    {"sort", "(x, dim=None, descending=False)",
     "The elements in order along `dim` (the last if not given); NaN is above every number.", true,
     lowerSort},
    {"topk", "(x, k, dim=None, descending=True)",
     "The first `k` elements of `sort` along `dim`: with `descending` the largest ones.", true, lowerSort},
    {"bitonic_merge", "(x, dim=None, descending=False)", "The same as `sort`.", false, lowerSort},
    {"squeeze", "(x, dim)", "The tile without its dimension `dim`, whose extent is 1.", false, lowerSqueeze},
    {"unsqueeze", "(x, dim)", "A new dimension of extent 1 at `dim`.", false, lowerUnsqueeze},
};

} // namespace

std::span<const BuiltinDef> shapeBuiltins() { return table; }

} // namespace tegula::lang
