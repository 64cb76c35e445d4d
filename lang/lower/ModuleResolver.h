//===- ModuleResolver.h - names of a Python file, without Python ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The world of a kernel that is compiled from a file by C++: the file's functions, its imports of the language, its
// constants.
//
//     import tegula.language as tl
//     SCALE = tl.constexpr(4)          a constant
//     @tegula.jit
//     def kernel(...): ...             a function, by its name
//

#pragma once

#include "lang/Lang.h"

#include <map>
#include <string>

namespace tegula::lang {

class ModuleResolver : public Resolver, public std::enable_shared_from_this<ModuleResolver> {
public:
  /// Reads `path`'s text; throws Error on a syntax mistake. Assignments that are no constants are left out.
  static std::shared_ptr<ModuleResolver> parse(std::string path, std::string text);

  /// Null when the file has no such function.
  std::shared_ptr<const JitFunction> function(const std::string &name) const;
  std::vector<std::string> functionNames() const;

  std::optional<Found> lookup(const std::string &name) override;
  std::optional<Found> attribute(const Constant::Module &module, const std::string &name) override;

private:
  ModuleResolver() = default;
  void addImport(const std::string &module, const std::string &member, const std::string &as);
  void addAssignment(const Stmt &stmt);
  std::optional<Found> evaluate(const Expr &expr);

  SourceFile source;
  /// Functions refer to this resolver weakly through a forwarder, so that the two do not keep each other alive.
  std::map<std::string, std::shared_ptr<const JitFunction>> functions;
  std::map<std::string, Found> names;
};

/// "x=*fp32:16,n=i32,BLOCK=64": NAME=TYPE, NAME=TYPE:DIVISIBILITY or NAME=CONSTANT (an integer, a float, True, False,
/// None, 'text', tl.float32), without spaces. Throws Error.
std::vector<Argument> parseSignature(std::string_view text);

} // namespace tegula::lang
