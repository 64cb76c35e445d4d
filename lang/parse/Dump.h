//===- Dump.h - the syntax tree as text ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// S-expressions, a statement a line. `()` stands for a part that is absent.
//
//     def f(x, B: int = 4):      (def f
//         "adds"                   (param x)
//         y = x[:B] + 1            (param B (: int) (= 4))
//                                  (doc "adds")
//                                  (assign y (+ (index x (slice () B ())) 1)))
//
//===----------------------------------------------------------------------===//

#pragma once

#include "lang/parse/Ast.h"

namespace tegula::lang {

std::string dump(const Function &function);
std::string dump(const Expr &expr);

} // namespace tegula::lang
