//===- Liveness.cpp - what the text says about names ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Joins and loops carry only names that are read later. Without this a whole kernel behind `if pid >= n: return`
// would give each of its local variables out of an scf.if.
//

#include "lang/lower/Join.h"

namespace tegula::lang {

static void targetNames(const Expr &target, std::set<std::string> &names) {
  if (target.kind == Expr::Kind::Name)
    names.insert(target.text);
  for (const ExprPtr &item : target.items)
    if (item && (target.kind == Expr::Kind::Tuple || target.kind == Expr::Kind::List ||
                 target.kind == Expr::Kind::Starred))
      targetNames(*item, names);
}

void namesAssigned(const Stmt &stmt, std::set<std::string> &names) {
  for (const ExprPtr &target : stmt.targets)
    if (target)
      targetNames(*target, names);
  for (const Block *block : {&stmt.body, &stmt.orElse})
    for (const StmtPtr &inner : *block)
      namesAssigned(*inner, names);
}

static void findExits(const Stmt &stmt, bool inner, LoopExits &exits) {
  exits.breaks |= !inner && stmt.kind == Stmt::Kind::Break;
  exits.returns |= stmt.kind == Stmt::Kind::Return;
  bool isLoop = stmt.kind == Stmt::Kind::For || stmt.kind == Stmt::Kind::While;
  for (const StmtPtr &s : stmt.body)
    findExits(*s, inner || isLoop, exits);
  for (const StmtPtr &s : stmt.orElse) // a break here leaves the loop around
    findExits(*s, inner, exits);
}

LoopExits exitsOf(const Stmt &loop) {
  LoopExits exits;
  for (const StmtPtr &s : loop.body)
    findExits(*s, false, exits);
  return exits;
}

//===----------------------------------------------------------------------===//
// Reads
//===----------------------------------------------------------------------===//

static void readsOf(const Expr *expr, llvm::StringSet<> &names) {
  if (!expr)
    return;
  if (expr->kind == Expr::Kind::Name)
    names.insert(expr->text);
  for (const ExprPtr &item : expr->items)
    readsOf(item.get(), names);
  for (const Keyword &keyword : expr->keywords)
    readsOf(keyword.value.get(), names);
}

const llvm::StringSet<> &Lowering::Impl::namesRead(const Stmt &stmt) {
  auto &slot = readsOfStmt[&stmt];
  if (slot)
    return *slot;
  auto names = std::make_unique<llvm::StringSet<>>();
  readsOf(stmt.value.get(), *names);
  if (stmt.kind == Stmt::Kind::Assert)
    readsOf(stmt.annotation.get(), *names);
  if (stmt.kind == Stmt::Kind::AugAssign)
    readsOf(stmt.targets[0].get(), *names);
  for (const ExprPtr &context : stmt.contexts)
    readsOf(context.get(), *names);
  std::set<std::string> loopTargets;
  if (stmt.kind == Stmt::Kind::For && stmt.targets[0])
    targetNames(*stmt.targets[0], loopTargets);
  for (const Block *block : {&stmt.body, &stmt.orElse}) {
    // A name that the straight line of the block sets first is not read from outside.
    std::set<std::string> set = block == &stmt.body ? loopTargets : std::set<std::string>();
    for (const StmtPtr &inner : *block) {
      for (const auto &entry : namesRead(*inner))
        if (!set.count(entry.getKey().str()))
          names->insert(entry.getKey());
      if (inner->kind == Stmt::Kind::Assign || (inner->kind == Stmt::Kind::AnnAssign && inner->value))
        for (const ExprPtr &target : inner->targets)
          targetNames(*target, set);
    }
  }
  // The recursion above may have moved the map.
  auto &result = readsOfStmt[&stmt];
  result = std::move(names);
  return *result;
}

bool Lowering::Impl::isLive(const std::string &name) {
  auto &continuations = frame().continuations;
  for (size_t i = continuations.size(); i-- > 0;) {
    const auto &continuation = continuations[i];
    if (continuation.loop && namesRead(*continuation.loop).contains(name))
      return true;
    for (size_t s = continuation.rest.next; continuation.rest.block && s < continuation.rest.block->size();
         ++s)
      if (namesRead(*(*continuation.rest.block)[s]).contains(name))
        return true;
  }
  return false;
}

} // namespace tegula::lang
