//===- Interpreter.cpp - dispatch, control flow, launch ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Interpreter.h"
#include "ir/diag/Diagnostic.h"
#include "ir/ops/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <utility>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::reference {

Block::Block(Type type) : kind(kindOf(elementType(type))) {
  shape.assign(shapeOf(type).begin(), shapeOf(type).end());
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  cells.resize(size_t(count));
}

const llvm::DenseMap<TypeID, Interpreter::Handler> &Interpreter::handlers() {
  using I = Interpreter;
  static const llvm::DenseMap<TypeID, Handler> table = {
      {TypeID::get<arith::ConstantOp>(), &I::runConstant},
      {TypeID::get<ProgramIdOp>(), &I::runProgramId},
      {TypeID::get<NumProgramsOp>(), &I::runNumPrograms},
      {TypeID::get<MakeRangeOp>(), &I::runRange},
      {TypeID::get<SplatOp>(), &I::runSplat},
      {TypeID::get<BroadcastOp>(), &I::runBroadcast},
      {TypeID::get<ExpandDimsOp>(), &I::runSameCells},
      {TypeID::get<ReshapeOp>(), &I::runSameCells},
      {TypeID::get<TransOp>(), &I::runTrans},
      {TypeID::get<JoinOp>(), &I::runJoin},
      {TypeID::get<SplitOp>(), &I::runSplit},
      {TypeID::get<CatOp>(), &I::runCat},
      {TypeID::get<GatherOp>(), &I::runGather},
      {TypeID::get<SortOp>(), &I::runSort},
      {TypeID::get<HistogramOp>(), &I::runHistogram},
      {TypeID::get<AddPtrOp>(), &I::runAddPtr},
      {TypeID::get<LoadOp>(), &I::runLoad},
      {TypeID::get<StoreOp>(), &I::runStore},
      {TypeID::get<AtomicRmwOp>(), &I::runAtomicRmw},
      {TypeID::get<AtomicCasOp>(), &I::runAtomicCas},
      {TypeID::get<EntryTokenOp>(), &I::runNothing},
      {TypeID::get<JoinTokensOp>(), &I::runNothing},
      {TypeID::get<BarrierOp>(), &I::runNothing},
      {TypeID::get<AssumeOp>(), &I::runNothing},
      {TypeID::get<PrintOp>(), &I::runPrint},
      {TypeID::get<AssertOp>(), &I::runAssert},
      {TypeID::get<ReduceOp>(), &I::runReduce},
      {TypeID::get<ScanOp>(), &I::runScan},
      {TypeID::get<DotOp>(), &I::runDot},
      {TypeID::get<scf::ForOp>(), &I::runFor},
      {TypeID::get<scf::WhileOp>(), &I::runWhile},
      {TypeID::get<scf::IfOp>(), &I::runIf},
  };
  return table;
}

Interpreter::Interpreter(func::FuncOp kernel, std::array<int64_t, 3> grid, const uint64_t *slots,
                         ShadowMemory *shadow, Devices devices, const Hooks &hooks)
    : kernel(kernel), grid(grid), shadowMemory(shadow), devices(devices), hooks(hooks) {
  for (auto [i, argument] : llvm::enumerate(kernel.getArguments())) {
    Block block(argument.getType());
    block.cells[0] = exactCell(truncate(slots[i], block.kind), block.kind);
    values[argument] = std::move(block);
  }
}

void Interpreter::runProgram(std::array<int64_t, 3> programId) {
  id = programId;
  observe(kernel.getArguments());
  runBlock(kernel.getBody().front());
}

void Interpreter::runBlock(mlir::Block &block) {
  for (Operation &op : block.without_terminator())
    runOp(&op);
}

void Interpreter::runOp(Operation *op) {
  if ((++steps & 0xff) == 0 && hooks.interrupted && hooks.interrupted())
    throw Error(Diag::launch_interrupted, {kernel.getName().str()});
  auto handler = handlers().find(op->getName().getTypeID());
  if (handler != handlers().end())
    (this->*handler->second)(op);
  else
    runElementwise(op);
  observe(op->getResults());
}

void Interpreter::observe(ValueRange seen) {
  if (!hooks.observe)
    return;
  for (Value value : seen)
    if (!isa<TokenType>(value.getType()))
      hooks.observe(value, get(value));
}

void Interpreter::runElementwise(Operation *op) {
  auto &[fn, info] = elementCache[op];
  if (!fn && !(fn = elementFunction(op, info, devices)))
    throw Error(Diag::codegen_unsupported_op, {"reference", op->getName().getStringRef().str()});
  SmallVector<const Block *, 4> in;
  for (Value operand : op->getOperands())
    in.push_back(&get(operand));
  Block out(op->getResult(0).getType());
  SmallVector<Cell, 4> cells(in.size());
  for (int64_t i = 0; i < out.size(); ++i) {
    bool undecided = false;
    for (size_t k = 0; k < in.size(); ++k) {
      cells[k] = in[k]->cells[in[k]->shape.empty() ? 0 : i]; // a scalar condition selects whole tiles
      undecided |= cells[k].shadow.undecided;
    }
    Cell &cell = out.cells[i];
    fn(info, cells.data(), cell);
    bool isSelect = isa<arith::SelectOp>(op); // the arm not taken does not matter
    cell.shadow.undecided |= !isSelect && undecided;
  }
  values[op->getResult(0)] = std::move(out);
}

void Interpreter::copyValues(ValueRange from, ValueRange to) {
  // All are read before one is written: a loop may swap its carried values.
  SmallVector<Block> held;
  for (Value value : from)
    held.push_back(isa<TokenType>(value.getType()) ? Block() : get(value));
  for (auto [block, value] : llvm::zip(held, to))
    values[value] = std::move(block);
}

void Interpreter::runFor(Operation *op) {
  auto loop = cast<scf::ForOp>(op);
  Kind kind = get(loop.getLowerBound()).kind;
  auto number = [&](Value value) -> __int128 {
    uint64_t bits = get(value).cells[0].bits;
    return loop.getUnsignedCmp() ? __int128(bits) : __int128(signExtend(bits, kind));
  };
  __int128 low = number(loop.getLowerBound()), high = number(loop.getUpperBound()),
           step = number(loop.getStep());
  copyValues(loop.getInitArgs(), loop.getRegionIterArgs());
  // A step of 0 or less never ends on a device; here it is as an empty loop.
  for (__int128 i = low; step > 0 && i < high; i += step) {
    Block index(loop.getInductionVar().getType());
    index.cells[0].bits = truncate(uint64_t(i), kind);
    values[loop.getInductionVar()] = std::move(index);
    observe(loop.getBody()->getArguments());
    runBlock(*loop.getBody());
    copyValues(loop.getYieldedValues(), loop.getRegionIterArgs());
  }
  copyValues(loop.getRegionIterArgs(), loop.getResults());
}

void Interpreter::runWhile(Operation *op) {
  auto loop = cast<scf::WhileOp>(op);
  copyValues(loop.getInits(), loop.getBeforeArguments());
  while (true) {
    observe(loop.getBeforeArguments());
    runBlock(loop.getBefore().front());
    scf::ConditionOp condition = loop.getConditionOp();
    if (!(get(condition.getCondition()).cells[0].bits & 1)) {
      copyValues(condition.getArgs(), loop.getResults());
      return;
    }
    copyValues(condition.getArgs(), loop.getAfterArguments());
    observe(loop.getAfterArguments());
    runBlock(loop.getAfter().front());
    copyValues(loop.getYieldedValues(), loop.getBeforeArguments());
  }
}

void Interpreter::runIf(Operation *op) {
  auto branch = cast<scf::IfOp>(op);
  Region &region =
      get(branch.getCondition()).cells[0].bits & 1 ? branch.getThenRegion() : branch.getElseRegion();
  if (region.empty())
    return;
  runBlock(region.front());
  copyValues(region.front().getTerminator()->getOperands(), branch.getResults());
}

static thread_local ShadowMemory *recording = nullptr;
static thread_local Devices recordedFor = Devices::Cpu;

ShadowMemory *recordInto(ShadowMemory *memory, Devices devices) {
  recordedFor = devices;
  return std::exchange(recording, memory);
}

void run(ModuleOp module, std::array<int64_t, 3> grid, const uint64_t *slots, const Hooks &hooks) {
  auto kernel = cast<func::FuncOp>(kernelOf(module));
  Interpreter interpreter(kernel, grid, slots, recording, recordedFor, hooks);
  for (int64_t z = 0; z < grid[2]; ++z)
    for (int64_t y = 0; y < grid[1]; ++y)
      for (int64_t x = 0; x < grid[0]; ++x)
        interpreter.runProgram({x, y, z});
}

} // namespace tegula::reference
