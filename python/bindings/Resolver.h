//===- Resolver.h - names of a kernel looked up in Python's globals and closures ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "python/bindings/Constants.h"

namespace tegula::python {

/// Closure cells first, then the function's globals, then Python's builtins. Holds the Python function weakly: the
/// compiler keeps resolvers in its caches, and a strong reference would keep a notebook's world alive for ever.
class PyResolver : public lang::Resolver {
public:
  explicit PyResolver(PyObject *function);
  ~PyResolver() override;

  std::optional<Found> lookup(const std::string &name) override;
  std::optional<Found> attribute(const lang::Constant::Module &module, const std::string &name) override;

  /// Where `name` is found: what a launch watches. For a global, `holder` is the dictionary; for a closure variable, the
  /// cell. GIL held. Null value: undefined.
  struct Place {
    py::object holder, value;
    bool isConstexpr = false;
  };
  Place find(PyObject *name);

private:
  /// Keeps modules and classes alive whose bare address is in a Constant::Module.
  lang::Constant keep(PyObject *value);

  PyObject *weak;
  std::vector<PyObject *> kept;
};

} // namespace tegula::python
