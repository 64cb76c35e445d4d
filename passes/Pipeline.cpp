//===- Pipeline.cpp - loads of a loop are copied to shared memory some iterations ahead ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   scf.for %k = 0 to %n iter_args(%p = %p0, %acc = %zero)           3 stages
//             %x = tile.load %p mask %m : #L
//             %a = tile.convert %x : #L -> #A
//             %s = tile.dot %a, ...
//             yield %p + 64, %s
//
// After:    %ring = tile.alloc : !tile.shared<2, ...>
//           copy p0 -> ring[0], commit; copy p0 + 64 -> ring[1], commit      iterations 0 and 1, where there are such
//           scf.for %k = 0 to %n iter_args(%p, %acc, %ahead = %p0 + 128, %slot = 0)
//             tile.async_wait 1                                              the copies of this iteration have landed
//             %a = tile.shared_load ring[%slot] : #A
//             %s = tile.dot %a, ...
//             if %k + 2 < %n { copy %ahead -> ring[%slot] }; commit
//             yield %p + 64, %s, %ahead + 64, (%slot + 1) mod 2
//
// What addresses and masks need of earlier iterations is carried along once more, so many iterations ahead. Loads that feed
// products are pipelined if they can be copies of 4, 8 or 16 bytes that land as the products want to read them; loads that
// addresses depend on are made ahead as they are. Where the copies go to the slot that is read in the same iteration the
// barrier before them is set by InsertBarriers; with two stages there is one slot more than copies under way, and none.
//
// Test: tests/passes/pipeline.mlir
//
//===----------------------------------------------------------------------===//

#include "passes/GpuPasses.h"
#include "passes/SharedRoom.h"

#include "ir/layout/SharedAccess.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace tegula::passes {
namespace {

/// A load that becomes a copy, and where it lands.
struct Copy {
  tile::LoadOp load;
  layout::SharedLayout memory;
  Value ring;
};

using Ops = llvm::SetVector<Operation *>;

class LoopPipeliner {
public:
  LoopPipeliner(scf::ForOp loop, const GpuTarget &target, int stages)
      : loop(loop), target(target), distance(stages - 1), slots(std::max(distance, 2)),
        builder(loop.getContext()) {}

  void run() {
    for (Operation &op : *loop.getBody())
      if (auto load = dyn_cast<tile::LoadOp>(op))
        if (std::optional<layout::SharedLayout> memory = landing(load); memory && sliceOf(load))
          copies.push_back({load, *memory, Value()});
    if (copies.empty())
      return;
    rewrite();
  }

private:
  //===--- What can be copied ---===//

  /// Where in shared memory the load's elements can land; none: it stays a load.
  std::optional<layout::SharedLayout> landing(tile::LoadOp load) {
    if (!tile::isTile(load.getPtr().getType()) || load.getIsVolatile() || !readsOldMemory(load))
      return std::nullopt;
    if (load.getMask() && tile::maskKindOf(load) == tile::MaskKind::Any && tile::vectorOf(load) > 1)
      return std::nullopt;
    if (load.getOther() && !matchPattern(load.getOther(), m_Zero()) &&
        !matchPattern(load.getOther(), m_AnyZeroFloat()))
      return std::nullopt; // what is not copied is zero
    unsigned bits = tile::memoryBits(tile::elementType(load.getResult().getType())),
             vector = tile::vectorOf(load);
    if (unsigned bytes = vector * bits / 8; bytes != 4 && bytes != 8 && bytes != 16)
      return std::nullopt;
    Value operand = readFor(load);
    if (!operand)
      return std::nullopt;
    const layout::Layout &from = tile::layoutOf(load.getResult().getType());
    if (tile::layoutOf(operand.getType()).dims() != from.dims())
      return std::nullopt;
    layout::SharedLayout memory = roomFor(from, tile::layoutOf(operand.getType()), bits, target);
    layout::SharedAccess access(from, memory, bits);
    return access.keepsRuns(vector) ? std::optional(memory) : std::nullopt;
  }

  /// Whether nothing that the loop writes has to come before the load.
  bool readsOldMemory(tile::LoadOp load) {
    return llvm::all_of(load.getAfter(), [&](Value token) { return loop.isDefinedOutsideOfLoop(token); });
  }

  /// Whether a product of this iteration is made of the tile.
  bool feedsProduct(Value tile) {
    return llvm::any_of(tile.getUsers(), [&](Operation *user) {
      if (user->getBlock() != loop.getBody())
        return false;
      if (auto dot = dyn_cast<tile::DotOp>(user))
        return dot.getA() == tile || dot.getB() == tile;
      return isMemoryEffectFree(user) && !user->getNumRegions() && user->getNumResults() == 1 &&
             tile::isTile(user->getResult(0).getType()) && feedsProduct(user->getResult(0));
    });
  }

  /// The tile that is read from memory for a product: the load's own, or what it is converted to at once. Null: there is no
  /// product.
  Value readFor(tile::LoadOp load) {
    if (!feedsProduct(load.getResult()))
      return {};
    for (Operation *user : load.getResult().getUsers())
      if (isa<tile::ConvertOp>(user) && user->getBlock() == loop.getBody() &&
          feedsProduct(user->getResult(0)))
        return user->getResult(0);
    return load.getResult();
  }

  //===--- What addresses are made of ---===//

  /// Operations of the loop's body that `values` are computed by, and the loop's arguments that these take; false: they
  /// can not be computed ahead.
  bool addSlice(ValueRange values, Ops &ops, llvm::SetVector<BlockArgument> &arguments, bool mayLoad) {
    SmallVector<Value> open(values);
    while (!open.empty()) {
      Value value = open.pop_back_val();
      if (loop.isDefinedOutsideOfLoop(value))
        continue;
      if (auto argument = dyn_cast<BlockArgument>(value)) {
        if (argument.getOwner() != loop.getBody())
          return false;
        if (argument != loop.getInductionVar())
          arguments.insert(argument);
        continue;
      }
      Operation *op = value.getDefiningOp();
      if (op->getBlock() != loop.getBody() || op->getNumRegions())
        return false;
      auto load = dyn_cast<tile::LoadOp>(op);
      if (load ? !mayLoad || load.getIsVolatile() || !readsOldMemory(load)
               : !isMemoryEffectFree(op) || isa<tile::DotOp>(op))
        return false;
      if (!ops.insert(op))
        continue;
      for (Value operand : op->getOperands())
        if (!isa<tile::TokenType>(operand.getType()))
          open.push_back(operand);
    }
    return true;
  }

  /// Adds to `copying` what the copy's addresses and mask take, to `advancing` what carries that from one iteration to the
  /// next. False: it is not computed of addresses alone.
  bool sliceOf(tile::LoadOp load) {
    Ops copying = this->copying, advancing = this->advancing;
    llvm::SetVector<BlockArgument> arguments = ahead;
    SmallVector<Value> wanted{load.getPtr()};
    if (load.getMask())
      wanted.push_back(load.getMask());
    if (!addSlice(wanted, copying, arguments, /*mayLoad=*/true))
      return false;
    for (size_t i = 0; i < arguments.size(); ++i) // grows
      if (!addSlice(loop.getTiedLoopYieldedValue(arguments[i])->get(), advancing, arguments,
                    /*mayLoad=*/false))
        return false;
    this->copying = copying;
    this->advancing = advancing;
    ahead = arguments;
    return true;
  }

  //===--- Rewriting ---===//

  Value constant(Type type, int64_t value) {
    return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(type, value));
  }

  /// Whether `from` + `count` steps is below the loop's bound; `from` is known to be.
  Value reaches(Value from, int count) {
    if (count == 0)
      return arith::CmpIOp::create(
          builder, loc, loop.getUnsignedCmp() ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt, from,
          loop.getUpperBound());
    // The distance to the bound as an unsigned number is right whatever the signs; count steps have room in 64 bits.
    Value left = builder.createOrFold<arith::SubIOp>(loc, loop.getUpperBound(), from), far;
    APInt step;
    if (matchPattern(loop.getStep(), m_ConstantInt(&step)) && step.getActiveBits() < step.getBitWidth() - 8) {
      far = constant(from.getType(), step.getSExtValue() * count);
    } else if (from.getType().getIntOrFloatBitWidth() < 64) {
      left = builder.createOrFold<arith::ExtUIOp>(loc, builder.getI64Type(), left);
      far = builder.createOrFold<arith::ExtUIOp>(loc, builder.getI64Type(), loop.getStep());
      far = builder.createOrFold<arith::MulIOp>(loc, far, constant(builder.getI64Type(), count));
    } else {
      far = builder.createOrFold<arith::MulIOp>(loc, loop.getStep(), constant(from.getType(), count));
    }
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ugt, left, far);
  }

  void cloneInOrder(const Ops &ops, IRMapping &map, const Ops *except = nullptr) {
    for (Operation &op : *loop.getBody())
      if (ops.contains(&op) && !(except && except->contains(&op)))
        builder.clone(op, map);
  }

  /// The copies of the iteration that `map` stands for, where there is one, as a group of their own; what is carried to the
  /// next one is advanced in `map`.
  void copyAhead(IRMapping &map, Value exists, Value slot, int slotDistance) {
    cloneInOrder(advancing, map);
    {
      OpBuilder::InsertionGuard guard(builder);
      auto branch = scf::IfOp::create(builder, loc, exists, /*withElse=*/false);
      builder.setInsertionPointToStart(branch.thenBlock());
      cloneInOrder(copying, map, &advancing);
      for (Copy &copy : copies) {
        Value place = slotOf(copy, slot, slotDistance);
        Value mask = copy.load.getMask() ? map.lookupOrDefault(copy.load.getMask()) : Value();
        auto begun = tile::AsyncCopyOp::create(builder, copy.load.getLoc(),
                                               map.lookupOrDefault(copy.load.getPtr()), place, mask,
                                               builder.getI32IntegerAttr(int32_t(tile::vectorOf(copy.load))),
                                               copy.load.getCacheAttr(), copy.load.getEvictAttr());
        if (Attribute kind = copy.load->getAttr(tile::TileDialect::maskAttr))
          begun->setAttr(tile::TileDialect::maskAttr, kind);
      }
    }
    tile::AsyncCommitOp::create(builder, loc);
    SmallVector<Value> next;
    for (BlockArgument argument : ahead)
      next.push_back(map.lookupOrDefault(loop.getTiedLoopYieldedValue(argument)->get()));
    for (auto [argument, value] : llvm::zip(ahead, next))
      map.map(argument, value);
  }

  Value slotOf(Copy &copy, Value slot, int slotDistance) {
    auto ring = cast<tile::SharedType>(copy.ring.getType());
    auto type = tile::SharedType::get(builder.getContext(), 1, ring.getShape(), ring.getElementType(),
                                      ring.getLayout());
    return tile::SlotOp::create(builder, copy.load.getLoc(), type, copy.ring, slot,
                                builder.getI32IntegerAttr(slotDistance));
  }

  void rewrite() {
    loc = loop.getLoc();
    Type index = builder.getI32Type();
    builder.setInsertionPoint(loop);
    for (Copy &copy : copies) {
      auto type = cast<RankedTensorType>(copy.load.getResult().getType());
      copy.ring =
          makeRoom(builder, copy.load.getLoc(), type.getShape(), type.getElementType(), copy.memory, slots);
    }
    // The first iterations' copies.
    IRMapping map;
    for (BlockArgument argument : ahead)
      map.map(argument, loop.getTiedLoopInit(argument)->get());
    Value runs = reaches(loop.getLowerBound(), 0), at = loop.getLowerBound();
    for (int i = 0; i < distance; ++i) {
      map.map(loop.getInductionVar(), at);
      Value exists = runs;
      if (i > 0)
        exists = builder.createOrFold<arith::AndIOp>(loc, runs, reaches(loop.getLowerBound(), i));
      copyAhead(map, exists, constant(index, i), i);
      at = builder.createOrFold<arith::AddIOp>(loc, at, loop.getStep());
    }
    SmallVector<Value> inits;
    for (BlockArgument argument : ahead)
      inits.push_back(map.lookup(argument));
    inits.push_back(at);
    inits.push_back(constant(index, 0));
    addToLoop(inits);
  }

  /// Slots count from 0 to `slots` - 1 and again.
  Value following(Value slot) {
    Type index = slot.getType();
    Value next = arith::AddIOp::create(builder, loc, slot, constant(index, 1));
    Value wraps = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, next, constant(index, slots));
    return arith::SelectOp::create(builder, loc, wraps, constant(index, 0), next);
  }

  void addToLoop(ValueRange inits) {
    IRRewriter rewriter(builder.getContext());
    size_t before = loop.getNumRegionIterArgs();
    SmallVector<unsigned> numbers;
    for (BlockArgument argument : ahead)
      numbers.push_back(argument.getArgNumber());
    auto wider = cast<scf::ForOp>(
        *loop.replaceWithAdditionalYields(rewriter, inits, /*replaceInitOperandUsesInLoop=*/false,
                                          [&](OpBuilder &, Location, ArrayRef<BlockArgument> arguments) {
                                            return SmallVector<Value>(arguments.begin(), arguments.end());
                                          }));
    loop = wider;
    llvm::SetVector<BlockArgument> carried;
    for (unsigned number : numbers)
      carried.insert(cast<BlockArgument>(loop.getBody()->getArgument(number)));
    ahead = carried;
    ArrayRef<BlockArgument> added = loop.getRegionIterArgs().drop_front(before);
    Value place = added[ahead.size()], slot = added.back();
    builder.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> landed;
    for (Copy &copy : copies)
      landed.push_back(slotOf(copy, slot, 0));
    tile::AsyncWaitOp::create(builder, loc, builder.getI32IntegerAttr(distance - 1), landed);
    // Of the loop as it was: before its loads go.
    Operation *yield = loop.getBody()->getTerminator();
    builder.setInsertionPoint(yield);
    IRMapping map;
    for (auto [argument, carries] : llvm::zip(ahead, added))
      map.map(argument, carries);
    map.map(loop.getInductionVar(), place);
    Value next = following(slot);
    Value exists = reaches(loop.getInductionVar(), distance);
    copyAhead(map, exists, distance % slots ? next : slot, distance);
    size_t first = before;
    for (BlockArgument argument : ahead)
      yield->setOperand(first++, map.lookup(argument));
    yield->setOperand(first++, builder.createOrFold<arith::AddIOp>(loc, place, loop.getStep()));
    yield->setOperand(first, next);
    for (auto [copy, from] : llvm::zip(copies, landed))
      replaceLoad(copy, from);
  }

  void replaceLoad(Copy &copy, Value landed) {
    tile::LoadOp load = copy.load;
    for (Operation *user : llvm::make_early_inc_range(load.getResult().getUsers())) {
      auto change = dyn_cast<tile::ConvertOp>(user);
      if (!change || user->getBlock() != loop.getBody())
        continue;
      builder.setInsertionPoint(change);
      change.getResult().replaceAllUsesWith(
          tile::SharedLoadOp::create(builder, change.getLoc(), change.getType(), landed));
      change.erase();
    }
    builder.setInsertionPoint(load);
    if (!load.getResult().use_empty())
      load.getResult().replaceAllUsesWith(
          tile::SharedLoadOp::create(builder, load.getLoc(), load.getResult().getType(), landed));
    if (load.getDone() && !load.getDone().use_empty())
      load.getDone().replaceAllUsesWith(
          tile::JoinTokensOp::create(builder, load.getLoc(), load.getDone().getType(), load.getAfter()));
    load.erase();
  }

  scf::ForOp loop;
  const GpuTarget &target;
  int distance; ///< iterations that copies are ahead
  int slots;
  OpBuilder builder;
  Location loc = builder.getUnknownLoc();
  SmallVector<Copy> copies;
  Ops copying, advancing;
  llvm::SetVector<BlockArgument> ahead;
};

} // namespace

void pipelineLoops(func::FuncOp kernel, const GpuTarget &target, int stages) {
  if (!target.asyncCopies)
    return;
  SmallVector<scf::ForOp> loops;
  kernel.walk([&](scf::ForOp loop) { loops.push_back(loop); });
  for (scf::ForOp loop : loops) {
    int mine = stages;
    if (auto asked = loop->getAttrOfType<IntegerAttr>("tile.num_stages"))
      mine = int(asked.getInt());
    if (mine >= 2)
      LoopPipeliner(loop, target, mine).run();
  }
}

} // namespace tegula::passes
