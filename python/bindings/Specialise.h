//===- Specialise.h - from Python arguments to a key, slots and the compiler's arguments ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "python/bindings/Function.h"

namespace tegula::python {

/// The bytes of a tensor argument, and where they are.
struct Range {
  uint64_t low, high;
  uint32_t slot;
  int16_t device;     ///< place Cuda: its number; negative: the object does not say
  uint16_t parameter; ///< for errors
  Place place;
  bool known;
  bool readOnly;
};

/// Options given with the call; negative: not given.
struct CallOptions {
  int numWarps = -1, numStages = -1, maxRegisters = -1, debug = -1, fpFusion = -1;
  bool cooperative = false;
  PyObject *stream = nullptr; ///< borrowed; null: the current one
  /// An option that GPUs do not support, and its value; borrowed.
  std::pair<PyObject *, PyObject *> unsupported{};
};

/// One call on its way: filled from the left to the right by bindArguments and specialise.
struct Call {
  explicit Call(FunctionState &fn) : fn(fn) {}
  Call(const Call &) = delete;
  ~Call() {
    for (PyObject *object : kept)
      Py_DECREF(object);
  }

  FunctionState &fn;
  llvm::SmallVector<PyObject *, 40> values; ///< by parameter, borrowed
  CallOptions given;
  Key key;
  llvm::SmallVector<uint64_t, 40> slots;
  llvm::SmallVector<Range, 24> ranges;
  llvm::SmallVector<PyObject *, 4> kept;
  const api::Device *device = nullptr;  ///< where it goes; known after specialise
  const ArgType *streamOwner = nullptr; ///< type of a tensor on a GPU whose package has a current stream
  bool anyReadOnly = false;

  bool disjoint() const { return key[0] >> 63; }
};

/// Finds the value of each parameter; reads launch options out of the keywords.
void bindArguments(Call &call, PyObject *const *args, size_t count, PyObject *keywords);

/// Builds the key and the slots.
void specialise(Call &call);

/// Finds the device of a call whose tensors are known, and holds tensors and options against it.
void chooseDevice(Call &call);

/// The stream that the call goes to, on a GPU: the one that was given, else the current one of the package that the
/// tensors are of (PyTorch, CuPy), else the default stream.
uint64_t streamOf(const Call &call);

/// The compiler's view of the arguments, read back from the key, so that the two cannot differ.
std::vector<lang::Argument> compilerArguments(const Call &call);

/// The options of the key's first word. `disjoint` as the word says.
api::CompileOptions compilerOptions(const Call &call);

/// Whether a tensor that `entry` may write overlaps another argument.
bool writesOverlap(const Call &call, const Entry &entry);

} // namespace tegula::python
