//===- AssignLayouts.cpp - every tile gets a layout ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   %i = tile.make_range 0 to 1024 : tensor<1024xi32>
//           %p = tile.addptr %x, %i : tensor<1024x!tile.ptr<f32>>, tensor<1024xi32>
//           %v = tile.load %p : tensor<1024x!tile.ptr<f32>> -> tensor<1024xf32>
//
// After:    %i = tile.make_range 0 to 1024 : tensor<1024xi32, #L>          #L = 1024 reg 1 2 512 lane 4 ... 64 warp 128 256
//           %p = tile.addptr %x, %i : tensor<1024x!tile.ptr<f32>, #L>, tensor<1024xi32, #L>
//           %v = tile.load %p {tile.vector = 4} : tensor<1024x!tile.ptr<f32>, #L> -> tensor<1024xf32, #L>
//
// The layouts are chosen for the whole kernel at once (layouts/LayoutGraph.h). Where a tile is wanted in another layout
// than it has, `tile.convert` stands right behind it, so outside of loops that it does not depend on; what is cheap is
// computed anew instead.
//
// Test: tests/passes/assign-layouts.mlir
//
//===----------------------------------------------------------------------===//

#include "passes/GpuPasses.h"
#include "passes/layouts/LayoutGraph.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tegula::passes {
namespace {

using layout::Layout;

class Assigner {
public:
  Assigner(func::FuncOp kernel, const LayoutGraph &graph)
      : kernel(kernel), graph(graph), builder(kernel.getContext()) {}

  void run() {
    SmallVector<Operation *> kept;
    kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<tile::ReduceOp, tile::ScanOp>(op->getParentOp()))
        return;
      if (op == kernel.getOperation() || isAnew(op))
        return;
      kept.push_back(op);
      setTypes(op);
    });
    for (Operation *op : kept)
      setOperands(op);
    for (Operation *op : kept)
      setAttributes(op);
    eraseDead();
  }

private:
  static bool isTileValue(Value value) { return tile::isTile(value.getType()); }
  /// Free tiles and views are made where they are wanted.
  bool isAnew(Value value) const {
    Operation *op = value.getDefiningOp();
    return graph.isFree(value) || (op && LayoutGraph::isView(op));
  }
  bool isAnew(Operation *op) const {
    return op->getNumResults() && isTileValue(op->getResult(0)) && isAnew(op->getResult(0));
  }

  void setType(Value value) {
    if (isTileValue(value) && !isAnew(value))
      value.setType(tile::withLayout(value.getType(), graph.layoutOf(value)));
  }

  void setTypes(Operation *op) {
    for (Value result : op->getResults())
      setType(result);
    if (isa<tile::ReduceOp, tile::ScanOp>(op))
      return;
    for (Region &region : op->getRegions())
      for (Value argument : region.getArguments())
        setType(argument);
  }

  void setOperands(Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (isTileValue(operand.get()))
        operand.set(in(operand.get(), wantedBy(operand)));
  }

  Layout wantedBy(OpOperand &operand) {
    Operation *op = operand.getOwner();
    unsigned number = operand.getOperandNumber();
    Value value = operand.get();
    if (auto loop = dyn_cast<scf::ForOp>(op))
      return graph.layoutOf(loop.getTiedLoopRegionIterArg(&operand));
    if (auto loop = dyn_cast<scf::WhileOp>(op))
      return graph.layoutOf(loop.getBeforeArguments()[number]);
    if (auto condition = dyn_cast<scf::ConditionOp>(op))
      return graph.layoutOf(cast<scf::WhileOp>(op->getParentOp()).getAfterArguments()[number - 1]);
    if (isa<scf::YieldOp>(op)) {
      Operation *parent = op->getParentOp();
      if (auto loop = dyn_cast<scf::ForOp>(parent))
        return graph.layoutOf(loop.getRegionIterArgs()[number]);
      if (auto loop = dyn_cast<scf::WhileOp>(parent))
        return graph.layoutOf(loop.getBeforeArguments()[number]);
      return graph.layoutOf(parent->getResult(number));
    }
    if (auto dot = dyn_cast<tile::DotOp>(op)) {
      const DotPlan &plan = graph.dotPlan(dot);
      return number == 0 ? plan.a : number == 1 ? plan.b : plan.c;
    }
    // What a print or a gather has of another shape stays as it lies.
    bool isOwn = graph.hasOwnNode(op);
    if (tile::shapeOf((isOwn ? op->getOperand(0) : op->getResult(0)).getType()) !=
        tile::shapeOf(value.getType()))
      return isAnew(value) ? graph.plain(tile::shapeOf(value.getType())) : graph.layoutOf(value);
    return isOwn ? graph.layoutOf(op) : graph.layoutOf(op->getResult(0));
  }

  /// The tile in this layout: as it is, computed anew, or converted.
  Value in(Value value, const Layout &layout) {
    if (!isTileValue(value) || (!isAnew(value) && tile::layoutOf(value.getType()) == layout))
      return value;
    auto &slot = made[value];
    for (auto &[known, there] : slot)
      if (known == layout)
        return there;
    Value result = isAnew(value) ? anew(value, layout) : convert(value, layout);
    made[value].push_back({layout, result});
    return result;
  }

  Value anew(Value value, const Layout &layout) {
    Operation *op = value.getDefiningOp();
    IRMapping operands;
    for (Value operand : op->getOperands()) {
      if (!isTileValue(operand))
        continue;
      std::optional<Layout> source =
          LayoutGraph::isView(op) ? LayoutGraph::sourceLayout(op, value, layout) : layout;
      if (!source && isa<tile::JoinOp>(op)) // the two are in one thread, then go their ways
        return convert(in(value, graph.plain(tile::shapeOf(operand.getType())).joined()), layout);
      // A reshape that is no view of these digits goes through memory.
      operands.map(operand, in(operand, source ? *source : graph.plain(tile::shapeOf(operand.getType()))));
    }
    builder.setInsertionPointAfter(op);
    Operation *copy = builder.clone(*op, operands);
    for (Value result : copy->getResults())
      result.setType(tile::withLayout(result.getType(), layout));
    if (auto constant = dyn_cast<arith::ConstantOp>(copy))
      constant.setValueAttr(cast<DenseElementsAttr>(constant.getValue())
                                .resizeSplat(cast<ShapedType>(copy->getResult(0).getType())));
    return copy->getResult(cast<OpResult>(value).getResultNumber());
  }

  Value convert(Value value, const Layout &layout) {
    builder.setInsertionPointAfterValue(value);
    return tile::ConvertOp::create(builder, value.getLoc(), tile::withLayout(value.getType(), layout), value);
  }

  void setAttributes(Operation *op) {
    if (auto dot = dyn_cast<tile::DotOp>(op))
      dot->setAttr(tile::TileDialect::instructionAttr, builder.getStringAttr(graph.dotPlan(dot).instruction));
    if (!isa<tile::LoadOp, tile::StoreOp, tile::AtomicRmwOp, tile::AtomicCasOp>(op) ||
        !isTileValue(op->getOperand(0)))
      return;
    const AccessFacts &facts = graph.accessFacts(op);
    if (facts.isDistinct)
      op->setAttr(tile::TileDialect::distinctAttr, builder.getUnitAttr());
    unsigned vector = std::min(facts.width, graph.layoutOf(op).contiguousRegisters(facts.order[0]));
    if (vector > 1) {
      op->setAttr(tile::TileDialect::vectorAttr, builder.getI32IntegerAttr(vector));
      op->setAttr(tile::TileDialect::maskAttr, builder.getI32IntegerAttr(int(facts.maskKind(vector))));
    }
  }

  void eraseDead() {
    SmallVector<Operation *> all;
    kernel.walk([&](Operation *op) { all.push_back(op); });
    for (Operation *op : llvm::reverse(all))
      if (isOpTriviallyDead(op))
        op->erase();
  }

  func::FuncOp kernel;
  const LayoutGraph &graph;
  OpBuilder builder;
  llvm::DenseMap<Value, SmallVector<std::pair<Layout, Value>, 2>> made;
};

} // namespace

void assignLayouts(func::FuncOp kernel, const GpuTarget &target, unsigned warps) {
  LayoutGraph graph(kernel, target, warps, findAccessFacts(kernel));
  graph.solve();
  Assigner(kernel, graph).run();
}

} // namespace tegula::passes
