//===- Reduce.cpp - reductions and scans with a combine function ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

using namespace mlir;

namespace tegula::lang {
namespace {

/// The tiles that a reduction or a scan runs over: one, or a tuple of one shape.
std::vector<Tensor> tiles(Lowering &l, BoundArgs &args) {
  const Value &input = args["input"];
  std::vector<Tensor> out;
  if (!input.isTuple()) {
    out.push_back(tensorArg(l, args, "input"));
    return out;
  }
  for (const Value &item : input.items()) {
    const Tensor *t = item.asTensor();
    if (!t)
      l.fail(Diag::argument_not_tensor, args.span("input"),
             {"input", publicName(*args.builtin), describe(item)});
    out.push_back(*t);
    if (t->shape() != out[0].shape())
      l.fail(Diag::operands_differ, args.span("input"),
             {publicName(*args.builtin), "shape", describe(out[0]), describe(*t)});
  }
  if (out.empty())
    l.fail(Diag::argument_not_tensor, args.span("input"),
           {"input", publicName(*args.builtin), describe(input)});
  return out;
}

/// Fills the combine region of `op`: the function is inlined on scalars, the left part's first.
void fillCombine(Lowering &l, BoundArgs &args, Region &region, const std::vector<Tensor> &inputs, Span span) {
  const Value &combine = args["combine_fn"];
  Span at = args.span("combine_fn");
  if (!combine.isCallable())
    l.fail(Diag::combine_not_function, at, {publicName(*args.builtin), describe(combine)});
  OpBuilder::InsertionGuard guard(l.b());
  llvm::SmallVector<Type> types;
  for (int part = 0; part < 2; ++part)
    for (const Tensor &t : inputs)
      types.push_back(l.type(t.type));
  Location loc = l.loc(span);
  mlir::Block *block = l.b().createBlock(&region, {}, types, llvm::SmallVector<Location>(types.size(), loc));
  Values scalars;
  for (size_t i = 0; i < types.size(); ++i)
    scalars.push_back(Tensor{block->getArgument(i), inputs[i % inputs.size()].type});

  Value result = l.call(combine, scalars, at);
  Values results = result.isTuple() ? result.items() : Values{result};
  auto mismatch = [&] {
    std::string want;
    for (const Tensor &t : inputs)
      want += (want.empty() ? "" : ", ") + describe(t.type, {});
    l.fail(Diag::combine_result, at,
           {publicName(*args.builtin), inputs.size() == 1 ? want : "a tuple of (" + want + ")",
            describe(result)});
  };
  if (results.size() != inputs.size())
    mismatch();
  llvm::SmallVector<mlir::Value> returned;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].isNumber())
      results[i] = l.cast(results[i], inputs[i].type, at);
    const Tensor *t = results[i].asTensor();
    if (!t || !t->isScalar() || t->type != inputs[i].type)
      mismatch();
    returned.push_back(t->value);
  }
  tile::CombineReturnOp::create(l.b(), loc, returned);
}

Value gather(llvm::ArrayRef<Tensor> results, bool asTuple) {
  if (!asTuple)
    return results[0];
  return Value::tuple(Values(results.begin(), results.end()));
}

Value reduceTiles(Lowering &l, BoundArgs &args, std::vector<Tensor> inputs, bool asTuple, Span span) {
  const Value &axisArg = args["axis"];
  bool keepDims = l.constexprBool(args["keep_dims"], "keep_dims", args.span("keep_dims"));
  int rank = inputs[0].rank(), axis = 0;
  if (axisArg.isNone()) {
    for (Tensor &t : inputs)
      t = reshapeTo(l, t, {t.numel()}, span);
  } else {
    axis = l.constexprAxis(axisArg, rank, args.span("axis"));
  }
  llvm::SmallVector<mlir::Value> sources;
  for (const Tensor &t : inputs)
    sources.push_back(t.value);
  auto op = tile::ReduceOp::create(l.b(), l.loc(span), sources, axis);
  fillCombine(l, args, op.getCombine(), inputs, span);

  llvm::SmallVector<Tensor> results;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor t{op.getResult(i), inputs[i].type};
    if (keepDims && axisArg.isNone())
      t = reshapeTo(l, t, Shape(rank, 1), span);
    else if (keepDims)
      t = l.expandDims(t, axis, span);
    results.push_back(t);
  }
  return gather(results, asTuple);
}

Value lowerReduce(Lowering &l, BoundArgs &args, Span span) {
  return reduceTiles(l, args, tiles(l, args), args["input"].isTuple(), span);
}

/// Reduces pairs of (element, its place along `axis`, or in row-major order without an axis).
Value lowerReduceWithPlaces(Lowering &l, BoundArgs &args, Span span) {
  Tensor input = tileArg(l, args, "input");
  DType i32 = scalarType(ScalarKind::I32);
  bool whole = args["axis"].isNone();
  Shape shape(input.shape().begin(), input.shape().end());
  int axis = whole ? 0 : l.constexprAxis(args["axis"], input.rank(), args.span("axis"));
  int64_t extent = whole ? input.numel() : shape[axis];
  auto type = cast<RankedTensorType>(l.type(i32, {extent}));
  Tensor places(tile::MakeRangeOp::create(l.b(), l.loc(span), type, 0, int32_t(extent)), i32);
  if (whole) {
    places = reshapeTo(l, places, shape, span);
  } else {
    Shape line(shape.size(), 1);
    line[axis] = extent;
    places = l.broadcastTo(reshapeTo(l, places, line, span), shape, span);
  }
  return reduceTiles(l, args, {input, places}, true, span);
}

Value lowerScan(Lowering &l, BoundArgs &args, Span span) {
  std::vector<Tensor> inputs = tiles(l, args);
  int axis = l.constexprAxis(args["axis"], inputs[0].rank(), args.span("axis"));
  bool reverse = l.constexprBool(args["reverse"], "reverse", args.span("reverse"));
  llvm::SmallVector<mlir::Value> sources;
  for (const Tensor &t : inputs)
    sources.push_back(t.value);
  auto op = tile::ScanOp::create(l.b(), l.loc(span), sources, axis, reverse);
  fillCombine(l, args, op.getCombine(), inputs, span);
  llvm::SmallVector<Tensor> results;
  for (size_t i = 0; i < inputs.size(); ++i)
    results.push_back({op.getResult(i), inputs[i].type});
  return gather(results, args["input"].isTuple());
}

Value lowerHistogram(Lowering &l, BoundArgs &args, Span span) {
  Tensor input = tileArg(l, args, "input");
  if (input.rank() != 1 || !isInteger(input.type) || isBool(input.type))
    l.fail(Diag::argument_bad_type, args.span("input"),
           {publicName(*args.builtin), "a tile of integers of rank 1", describe(input)});
  int64_t bins = l.constexprInt(args["num_bins"], "num_bins", args.span("num_bins"));
  Shape shape = l.constexprShape(args["num_bins"], "num_bins", args.span("num_bins"));
  std::optional<Tensor> mask = maskArg(l, args, "mask");
  if (mask)
    mask = l.broadcastTo(*mask, input.shape(), args.span("mask"));
  bool isWide = bitWidth(input.type) == 64 || input.type.scalar == ScalarKind::U32;
  input = l.cast(input, scalarType(isWide ? ScalarKind::I64 : ScalarKind::I32), span);
  DType i32 = scalarType(ScalarKind::I32);
  return Tensor{tile::HistogramOp::create(l.b(), l.loc(span), cast<RankedTensorType>(l.type(i32, {bins})),
                                          input.value, mask ? mask->value : mlir::Value()),
                i32};
}

constexpr BuiltinDef table[] = {
    {"histogram", "(input, num_bins, mask=None)",
     "How often each of 0 ... num_bins - 1 is in the tile, where the mask is true.", true, lowerHistogram},
    {"reduce", "(input, axis, combine_fn, keep_dims=False)",
     "Combine the elements along `axis` (all of them if None) with an associative function of scalars; "
     "`input` may be a tuple of tiles.",
     true, lowerReduce},
    {"_reduce_with_places", "(input, axis, combine_fn, keep_dims=False)",
     "`reduce` over pairs of an element and its place.", false, lowerReduceWithPlaces},
    {"associative_scan", "(input, axis, combine_fn, reverse=False)",
     "The running combination along `axis`, this element included; `input` may be a tuple of tiles.", true,
     lowerScan},
};

} // namespace

std::span<const BuiltinDef> reduceBuiltins() { return table; }

} // namespace tegula::lang
