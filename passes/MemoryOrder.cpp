//===- MemoryOrder.cpp - tokens through memory operations ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   %x = tile.load %p               After:   %t0 = tile.entry_token
//           tile.store %q, %x                        %x, %t1 = tile.load %p after(%t0)
//                                                    %t2 = tile.store %q, %x after(%t1)
//
// A region operation carries one token for each class that it touches.
//
// Test: tests/passes/memory-order.mlir
//
//===----------------------------------------------------------------------===//

#include "passes/MemoryOrder.h"
#include "passes/AliasClasses.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {
namespace {

/// The order of one alias class at a point of the program.
struct Chain {
  Value lastStore;
  SmallVector<Value> since; ///< loads that are after `lastStore`

  SmallVector<Value> all() const { return since.empty() ? SmallVector<Value>{lastStore} : since; }
};

using State = SmallVector<Chain>; ///< by class

class Threader {
public:
  Threader(func::FuncOp kernel) : kernel(kernel), classes(kernel), builder(kernel.getContext()) {}

  void run() {
    builder.setInsertionPointToStart(&kernel.getBody().front());
    entry = EntryTokenOp::create(builder, kernel.getLoc());
    State state(classes.count(), Chain{entry, {}});
    thread(kernel.getBody().front(), state);
  }

private:
  using ClassSet = llvm::SmallSetVector<int, 4>;

  Type tokenType() { return TokenType::get(kernel.getContext()); }

  ClassSet touchedBy(Operation *op) {
    if (isa<BarrierOp>(op) || isOrdered(op))
      return everyClass();
    AliasClass c = classes.of(op->getOperand(0));
    if (!c.known)
      return everyClass();
    ClassSet set;
    set.insert(c.id);
    return set;
  }

  ClassSet everyClass() {
    ClassSet set;
    for (int i = 0; i < classes.count(); ++i)
      set.insert(i);
    return set;
  }

  static bool isOrdered(Operation *op) {
    if (auto rmw = dyn_cast<AtomicRmwOp>(op))
      return rmw.getSem() != MemSem::Relaxed;
    if (auto cas = dyn_cast<AtomicCasOp>(op))
      return cas.getSem() != MemSem::Relaxed;
    return false;
  }

  static bool isMemoryOp(Operation *op) {
    return isa<LoadOp, StoreOp, AtomicRmwOp, AtomicCasOp, BarrierOp>(op);
  }
  static bool writes(Operation *op) {
    auto load = dyn_cast<LoadOp>(op);
    return !load || load.getIsVolatile();
  }

  Value join(ArrayRef<Value> tokens, Location loc) {
    llvm::SmallSetVector<Value, 4> unique(tokens.begin(), tokens.end());
    return unique.size() == 1 ? unique[0]
                              : JoinTokensOp::create(builder, loc, tokenType(), unique.getArrayRef());
  }

  void thread(Block &block, State &state) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (isMemoryOp(&op))
        threadAccess(&op, state);
      else if (auto loop = dyn_cast<scf::ForOp>(op))
        threadFor(loop, state);
      else if (auto loop = dyn_cast<scf::WhileOp>(op))
        threadWhile(loop, state);
      else if (auto branch = dyn_cast<scf::IfOp>(op))
        threadIf(branch, state);
    }
  }

  /// The operation again, with tokens in and out.
  void threadAccess(Operation *op, State &state) {
    ClassSet touched = touchedBy(op);
    bool isWrite = writes(op);
    SmallVector<Value> after;
    for (int c : touched)
      isWrite ? llvm::append_range(after, state[c].all()) : after.push_back(state[c].lastStore);
    llvm::SmallSetVector<Value, 4> unique(after.begin(), after.end());
    builder.setInsertionPoint(op);
    Operation *threaded = withTokens(op, unique.getArrayRef());
    Value done = threaded->getResults().back();
    for (int c : touched) {
      if (isWrite)
        state[c] = {done, {}};
      else
        state[c].since.push_back(done);
    }
    op->replaceAllUsesWith(threaded->getResults().drop_back());
    op->erase();
  }

  Operation *withTokens(Operation *op, ValueRange after) {
    Location loc = op->getLoc();
    Type token = tokenType();
    Operation *made = nullptr;
    if (auto o = dyn_cast<LoadOp>(op))
      made = LoadOp::create(builder, loc, o.getResult().getType(), token, o.getPtr(), o.getMask(),
                            o.getOther(), after, o.getIsVolatileAttr(), o.getCacheAttr(), o.getEvictAttr());
    else if (auto o = dyn_cast<StoreOp>(op))
      made = StoreOp::create(builder, loc, token, o.getPtr(), o.getValue(), o.getMask(), after,
                             o.getCacheAttr(), o.getEvictAttr());
    else if (auto o = dyn_cast<AtomicRmwOp>(op))
      made = AtomicRmwOp::create(builder, loc, o.getResult().getType(), token, o.getKind(), o.getPtr(),
                                 o.getValue(), o.getMask(), after, o.getSem(), o.getScope());
    else if (auto o = dyn_cast<AtomicCasOp>(op))
      made = AtomicCasOp::create(builder, loc, o.getResult().getType(), token, o.getPtr(), o.getCompare(),
                                 o.getValue(), after, o.getSem(), o.getScope());
    else
      made = BarrierOp::create(builder, loc, token, after);
    made->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    return made;
  }

  /// The classes an operation's regions touch; the flag says whether one of the accesses writes.
  llvm::MapVector<int, bool> touchedInside(Operation *op) {
    llvm::MapVector<int, bool> touched;
    op->walk([&](Operation *inner) {
      if (isMemoryOp(inner))
        for (int c : touchedBy(inner))
          touched[c] |= writes(inner);
    });
    return touched;
  }

  using Touched = llvm::MapVector<int, bool>;

  /// What a region is entered with: a class that is only read there needs nothing from before.
  SmallVector<Value> tokensInto(const Touched &touched, const State &state, Location loc) {
    SmallVector<Value> tokens;
    for (auto [c, isWritten] : touched)
      tokens.push_back(isWritten ? join(state[c].all(), loc) : entry);
    return tokens;
  }

  State stateInside(const Touched &touched, const State &outside, ValueRange tokens) {
    State inside = outside;
    for (auto [entry, token] : llvm::zip(touched, tokens))
      inside[entry.first] = entry.second ? Chain{token, {}} : Chain{outside[entry.first].lastStore, {token}};
    return inside;
  }

  SmallVector<Value> tokensOutOf(const Touched &touched, const State &state, Location loc) {
    SmallVector<Value> tokens;
    for (auto [c, isWritten] : touched)
      tokens.push_back(join(state[c].all(), loc));
    return tokens;
  }

  void leave(const Touched &touched, State &state, ValueRange tokens) {
    for (auto [entry, token] : llvm::zip(touched, tokens)) {
      if (entry.second)
        state[entry.first] = {token, {}};
      else
        state[entry.first].since.push_back(token);
    }
  }

  static void appendOperands(Operation *terminator, ValueRange values) {
    terminator->insertOperands(terminator->getNumOperands(), values);
  }

  void threadFor(scf::ForOp loop, State &state) {
    Touched touched = touchedInside(loop);
    if (touched.empty())
      return;
    Location loc = loop.getLoc();
    builder.setInsertionPoint(loop);
    SmallVector<Value> inits(loop.getInitArgs());
    llvm::append_range(inits, tokensInto(touched, state, loc));
    auto threaded = scf::ForOp::create(builder, loc, loop.getLowerBound(), loop.getUpperBound(),
                                       loop.getStep(), inits, nullptr, loop.getUnsignedCmp());
    threaded->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
    Block &old = *loop.getBody(), &body = *threaded.getBody();
    if (!body.empty())
      body.clear();
    for (auto [from, to] : llvm::zip(old.getArguments(), body.getArguments()))
      from.replaceAllUsesWith(to);
    body.getOperations().splice(body.end(), old.getOperations());
    classes.renumber(old.getArguments(), body.getArguments());
    classes.renumber(loop.getResults(), threaded.getResults());
    State inside = stateInside(touched, state, body.getArguments().take_back(touched.size()));
    thread(body, inside);
    builder.setInsertionPoint(body.getTerminator());
    appendOperands(body.getTerminator(), tokensOutOf(touched, inside, loc));
    loop.replaceAllUsesWith(threaded.getResults().drop_back(touched.size()));
    loop.erase();
    leave(touched, state, threaded.getResults().take_back(touched.size()));
  }

  void threadWhile(scf::WhileOp loop, State &state) {
    Touched touched = touchedInside(loop);
    if (touched.empty())
      return;
    Location loc = loop.getLoc();
    builder.setInsertionPoint(loop);
    SmallVector<Value> inits(loop.getInits());
    llvm::append_range(inits, tokensInto(touched, state, loc));
    SmallVector<Type> types(loop.getResultTypes());
    types.append(touched.size(), tokenType());
    auto threaded = scf::WhileOp::create(builder, loc, types, inits);
    threaded->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
    threaded.getBefore().takeBody(loop.getBefore());
    threaded.getAfter().takeBody(loop.getAfter());
    SmallVector<Location> locs(touched.size(), loc);
    SmallVector<Type> tokens(touched.size(), tokenType());
    Block &before = threaded.getBefore().front(), &after = threaded.getAfter().front();
    before.addArguments(tokens, locs);
    after.addArguments(tokens, locs);
    classes.renumber(loop.getResults(), threaded.getResults());

    State inside = stateInside(touched, state, before.getArguments().take_back(touched.size()));
    thread(before, inside);
    builder.setInsertionPoint(before.getTerminator());
    appendOperands(before.getTerminator(), tokensOutOf(touched, inside, loc));
    inside = stateInside(touched, state, after.getArguments().take_back(touched.size()));
    thread(after, inside);
    builder.setInsertionPoint(after.getTerminator());
    appendOperands(after.getTerminator(), tokensOutOf(touched, inside, loc));
    loop.replaceAllUsesWith(threaded.getResults().drop_back(touched.size()));
    loop.erase();
    leave(touched, state, threaded.getResults().take_back(touched.size()));
  }

  void threadIf(scf::IfOp branch, State &state) {
    Touched touched = touchedInside(branch);
    if (touched.empty())
      return;
    Location loc = branch.getLoc();
    builder.setInsertionPoint(branch);
    SmallVector<Type> types(branch.getResultTypes());
    types.append(touched.size(), tokenType());
    auto threaded = scf::IfOp::create(builder, loc, types, branch.getCondition(), /*withElse=*/true);
    threaded->setDiscardableAttrs(branch->getDiscardableAttrDictionary());
    classes.renumber(branch.getResults(), threaded.getResults());
    for (auto [from, to] : {std::pair(&branch.getThenRegion(), &threaded.getThenRegion()),
                            std::pair(&branch.getElseRegion(), &threaded.getElseRegion())}) {
      if (!from->empty())
        to->takeBody(*from);
      Block &block = to->front();
      if (block.empty() || !block.back().hasTrait<OpTrait::IsTerminator>()) {
        builder.setInsertionPointToEnd(&block);
        scf::YieldOp::create(builder, loc);
      }
      State inside = state;
      thread(block, inside);
      builder.setInsertionPoint(block.getTerminator());
      appendOperands(block.getTerminator(), tokensOutOf(touched, inside, loc));
    }
    branch.replaceAllUsesWith(threaded.getResults().drop_back(touched.size()));
    branch.erase();
    leave(touched, state, threaded.getResults().take_back(touched.size()));
  }

  func::FuncOp kernel;
  AliasClasses classes;
  OpBuilder builder;
  Value entry;
};

struct MemoryOrder : PassWrapper<MemoryOrder, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MemoryOrder)
  StringRef getArgument() const override { return "memory-order"; }
  StringRef getDescription() const override { return "thread order tokens through memory operations"; }

  void runOnOperation() override {
    auto kernel = dyn_cast_or_null<func::FuncOp>(kernelOf(getOperation()));
    bool isThreaded =
        kernel && kernel.walk([](EntryTokenOp) { return WalkResult::interrupt(); }).wasInterrupted();
    if (kernel && !kernel.isExternal() && !isThreaded)
      Threader(kernel).run();
  }
};

} // namespace

Operation *firstDependent(LoadOp load) {
  Operation *first = nullptr;
  SmallVector<Value> tokens{load.getDone()};
  for (size_t i = 0; i < tokens.size() && tokens[i]; ++i)
    for (Operation *user : tokens[i].getUsers()) {
      if (auto joined = dyn_cast<JoinTokensOp>(user)) {
        tokens.push_back(joined.getResult());
        continue;
      }
      Operation *here = load->getBlock()->findAncestorOpInBlock(*user);
      if (here && !here->hasTrait<OpTrait::IsTerminator>() && (!first || here->isBeforeInBlock(first)))
        first = here;
    }
  return first;
}

bool readsOnlyMemory(LoadOp load) {
  SmallVector<Value> tokens{load.getDone()};
  llvm::SmallPtrSet<Operation *, 8> seen;
  auto isEntry = [](Value token) { return token.getDefiningOp<EntryTokenOp>() != nullptr; };
  if (load.getIsVolatile() || !llvm::all_of(load.getAfter(), isEntry))
    return false;
  for (size_t i = 0; i < tokens.size() && tokens[i]; ++i)
    for (OpOperand &use : tokens[i].getUses()) {
      Operation *user = use.getOwner();
      if (!seen.insert(user).second)
        continue;
      if (isa<JoinTokensOp>(user))
        tokens.push_back(user->getResult(0));
      else if (!user->hasTrait<OpTrait::IsTerminator>())
        return false;
      else if (!isa<func::FuncOp>(user->getParentOp()))
        for (Value result : user->getParentOp()->getResults())
          if (isa<TokenType>(result.getType()))
            tokens.push_back(result);
    }
  return true;
}

std::unique_ptr<Pass> createMemoryOrderPass() { return std::make_unique<MemoryOrder>(); }

} // namespace tegula::passes
