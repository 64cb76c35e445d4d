//===- Function.h - a jit function as Python holds it, and its table of compiled kernels ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "python/bindings/Key.h"
#include "python/bindings/Resolver.h"
#include "python/bindings/Tensor.h"

#include <deque>

namespace tegula::python {

struct Param {
  enum class Kind : uint8_t { Positional, KeywordOnly, VarPositional };

  PyObject *name = nullptr;         ///< interned, held for ever
  PyObject *defaultValue = nullptr; ///< null: none
  Kind kind = Kind::Positional;
  bool isConstexpr = false;
  bool isConst = false;
  bool specialise = true;          ///< on the value 1 and on divisibility by 16
  bool specialiseAlignment = true; ///< on divisibility by 16
  std::optional<lang::DType> annotation;
  std::string annotationText;

  /// The type that the last argument had, and what is known of it.
  PyTypeObject *lastType = nullptr;
  const ArgType *lastArgType = nullptr;
};

/// A name that a kernel took from outside, as it was when it was compiled.
struct Watch {
  PyObject *name;    ///< interned
  PyObject *value;   ///< null: not found there
  size_t dependency; ///< number in CompiledKernel::dependencies
};

/// Names of one dictionary, closure cell, or (for `module.NAME`) module or class.
struct WatchGroup {
  PyObject *holder;
  uint64_t version = 0; ///< of a dictionary when it was last found unchanged (Python before 3.12)
  std::vector<Watch> watches;
};

/// One specialisation. Entries are never freed while their function lives: a launch of another thread may run in one.
struct Entry {
  std::vector<uint64_t> key;
  uint64_t hash = 0;
  std::shared_ptr<api::CompiledKernel> kernel;
  PyObject *object = nullptr; ///< the tegula.compiler.CompiledKernel
  std::vector<WatchGroup> watches;
  const api::Device *device = nullptr;
  std::vector<bool> written;         ///< by run-time argument; empty: any of them may be
  double nanosecondsPerProgram = -1; ///< of the last launch; negative: never run

  bool writes(size_t slot) const { return slot >= written.size() || written[slot]; }
};

struct Binding {
  int16_t param = -1, option = -1;
};

struct FunctionState {
  uint64_t id = 0; ///< never used again
  PyObject *name = nullptr;
  std::vector<Param> params;
  int positional = 0; ///< parameters that take positional arguments
  int varPositional = -1;
  signed char debug = -1; ///< of jit(debug=...); -1: not given
  std::shared_ptr<lang::JitFunction> jit;
  std::shared_ptr<PyResolver> resolver;
  PyObject *preRunHooks = nullptr; ///< a list, or null

  std::deque<Entry> entries;
  KernelTable table;

  // Settings as of `epoch`.
  unsigned epoch = ~0u;
  const api::Device *device = nullptr; ///< null: that of the tensors
  api::CompileOptions base;

  // The keywords of the last call, resolved.
  PyObject *lastKeywords = nullptr;
  std::vector<Binding> lastBindings;
};

struct FunctionObject {
  PyObject_HEAD FunctionState *state;
  PyObject *bound; ///< the last `function[grid]`, used again when nobody else has it
};

/// `function[grid]`.
struct BoundObject {
  PyObject_HEAD vectorcallfunc call;
  FunctionObject *function;
  PyObject *grid;
};

extern PyTypeObject *functionType;

inline FunctionObject *asFunction(PyObject *object) {
  return functionType && PyObject_TypeCheck(object, functionType) ? reinterpret_cast<FunctionObject *>(object)
                                                                  : nullptr;
}

/// "x, n, BLOCK" for messages.
std::string parameterList(const FunctionState &fn);

/// Calls the kernel: binds, specialises, compiles if need be, launches. Returns the CompiledKernel (a new reference).
/// With `warmup` nothing is launched. `grid` may be null then. Throws.
PyObject *callKernel(FunctionObject *function, PyObject *grid, PyObject *const *args, size_t count,
                     PyObject *keywords, bool warmup);

/// Names of a launch option; -1 if it is none.
int launchOption(PyObject *name);
std::string launchOptionNames();

} // namespace tegula::python
