//===- TileFold.cpp - folders and canonicalisations ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace tegula::tile {

/// The splat attribute `value` under another shape; null if it is none.
static Attribute reshapedSplat(Attribute value, ShapedType type) {
  auto splat = dyn_cast_or_null<SplatElementsAttr>(value);
  return splat ? splat.resizeSplat(type) : Attribute();
}

OpFoldResult SplatOp::fold(FoldAdaptor adaptor) {
  Attribute value = adaptor.getSrc();
  if (!isa_and_nonnull<IntegerAttr, FloatAttr>(value))
    return {};
  return SplatElementsAttr::get(getResult().getType(), value);
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getSrc().getType() == getResult().getType())
    return getSrc();
  return reshapedSplat(adaptor.getSrc(), getResult().getType());
}

OpFoldResult ExpandDimsOp::fold(FoldAdaptor adaptor) {
  return reshapedSplat(adaptor.getSrc(), getResult().getType());
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getSrc().getType() == getResult().getType())
    return getSrc();
  return reshapedSplat(adaptor.getSrc(), getResult().getType());
}

OpFoldResult TransOp::fold(FoldAdaptor adaptor) {
  if (llvm::all_of(llvm::enumerate(getOrder()), [](auto it) { return int32_t(it.index()) == it.value(); }))
    return getSrc();
  return reshapedSplat(adaptor.getSrc(), getResult().getType());
}

OpFoldResult AddPtrOp::fold(FoldAdaptor adaptor) {
  Attribute offset = adaptor.getOffset();
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(offset))
    offset = splat.getSplatValue<Attribute>();
  auto value = dyn_cast_or_null<IntegerAttr>(offset);
  return value && value.getValue().isZero() ? OpFoldResult(getPtr()) : OpFoldResult();
}

OpFoldResult JoinTokensOp::fold(FoldAdaptor) {
  ValueRange tokens = getTokens();
  if (!tokens.empty() && llvm::all_equal(tokens))
    return tokens.front();
  return {};
}

/// shape-op(splat x) -> splat x, for every op that only moves elements.
template <typename ShapeOp> static LogicalResult moveSplat(ShapeOp op, PatternRewriter &rewriter) {
  auto splat = op.getSrc().template getDefiningOp<SplatOp>();
  if (!splat)
    return failure();
  rewriter.replaceOpWithNewOp<SplatOp>(op, op.getResult().getType(), splat.getSrc());
  return success();
}

LogicalResult BroadcastOp::canonicalize(BroadcastOp op, PatternRewriter &rewriter) {
  if (succeeded(moveSplat(op, rewriter)))
    return success();
  auto inner = op.getSrc().getDefiningOp<BroadcastOp>();
  if (!inner)
    return failure();
  rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getResult().getType(), inner.getSrc());
  return success();
}

LogicalResult ExpandDimsOp::canonicalize(ExpandDimsOp op, PatternRewriter &rewriter) {
  return moveSplat(op, rewriter);
}

LogicalResult ReshapeOp::canonicalize(ReshapeOp op, PatternRewriter &rewriter) {
  if (succeeded(moveSplat(op, rewriter)))
    return success();
  auto inner = op.getSrc().getDefiningOp<ReshapeOp>();
  if (!inner)
    return failure();
  rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getResult().getType(), inner.getSrc());
  return success();
}

LogicalResult TransOp::canonicalize(TransOp op, PatternRewriter &rewriter) {
  if (succeeded(moveSplat(op, rewriter)))
    return success();
  auto inner = op.getSrc().getDefiningOp<TransOp>();
  if (!inner)
    return failure();
  SmallVector<int32_t> order;
  for (int32_t from : op.getOrder())
    order.push_back(inner.getOrder()[from]);
  rewriter.replaceOpWithNewOp<TransOp>(op, op.getResult().getType(), inner.getSrc(), order);
  return success();
}

OpFoldResult ConvertOp::fold(FoldAdaptor) { return getSrc().getType() == getType() ? getSrc() : Value(); }

} // namespace tegula::tile
