//===- Join.h - one value out of two ways of control ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "lang/lower/Impl.h"

namespace tegula::lang {

/// The form of a joined value: tensors that became results of a structured operation, and what stayed as it was.
struct JoinNode {
  Value keep;     ///< of a composite: one of its two forms
  int index = -1; ///< of a result
  DType type;
  bool isTuple = false;
  std::vector<JoinNode> items;

  static JoinNode same(Value value) {
    JoinNode node;
    node.keep = std::move(value);
    return node;
  }
  Value build(llvm::ArrayRef<mlir::Value> results) const;
};

/// Zeros of the type and shape of `like`, where no value is ever read.
Tensor placeholder(Lowering &l, const Tensor &like, Span span);

//===----------------------------------------------------------------------===//
// What the text of a statement says (Liveness.cpp)
//===----------------------------------------------------------------------===//

/// Names that `stmt` may assign, for-loop targets included.
void namesAssigned(const Stmt &stmt, std::set<std::string> &names);

struct LoopExits {
  bool breaks = false, returns = false;
};
/// Breaks of this loop, and returns anywhere in it.
LoopExits exitsOf(const Stmt &loop);

} // namespace tegula::lang
