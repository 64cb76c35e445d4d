//===- Tensor.h - what kind of argument an object is, and where its memory lies ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "python/bindings/DLPack.h"
#include "python/bindings/Support.h"

namespace tegula::python {

/// How objects of one Python type are read as kernel arguments.
enum class ArgKind : uint8_t {
  Int,
  Float,
  Bool,
  None,
  Tuple,      ///< the exact types and their subclasses
  Descriptor, ///< TensorDescriptor: a tuple of its fields
  Index,
  Real,
  Truth,     ///< numbers of NumPy, by __index__, __float__, __bool__
  Constant,  ///< strings, dtypes, functions: known when compiling
  Wrapper,   ///< tl.constexpr(...)
  Exchange,  ///< tensors with DLPack's C exchange API (PyTorch)
  NumPy,     ///< numpy.ndarray, by the stable layout of its C structure
  DataPtr,   ///< anything with data_ptr() and dtype
  CudaArray, ///< anything with __cuda_array_interface__ (CuPy, Numba)
  DLPack,    ///< anything with __dlpack__
  Buffer,    ///< anything else with Python's buffer protocol
  Refused
};

struct ArgType {
  PyTypeObject *type; ///< held for ever, so that its address stays its own
  ArgKind kind;
  const dlpack::ExchangeApi *api = nullptr;
  bool isCupy = false;   ///< of CuPy: its current stream counts
  std::string overrides; ///< Refused: the method that makes a tensor class unfit, if it is one
};

/// Looked up once per type. `sample` is an object of it.
const ArgType &argType(PyObject *sample);

/// Where the memory of a tensor is, as the object itself says.
enum class Place : uint8_t {
  Unknown,
  Host,   ///< of this machine; perhaps pinned, so that a GPU reaches it
  Shared, ///< of host and GPUs alike: said to be managed, or pinned
  Cuda,
  Other ///< a device that no kernel reaches
};

/// The memory behind a tensor argument.
struct TensorView {
  uint64_t address = 0;
  uint64_t low = 0, high = 0; ///< its bytes: [low, high)
  lang::ScalarKind kind = lang::ScalarKind::Void;
  bool knownExtent = false;
  bool readOnly = false;
  Place place = Place::Unknown;
  int device = 0; ///< Cuda: its number
};

/// Which argument of which kernel is read: for errors only.
struct ArgName {
  PyObject *function, *parameter; ///< strings
};

/// Fills `view`. `kept` receives what must live until the launch is over (a new reference) or stays null. Throws Error
/// for memory that no kernel can use, error_already_set if the object's own code fails.
void readTensor(const ArgType &type, PyObject *object, const ArgName &name, TensorView &view,
                PyObject *&kept);

} // namespace tegula::python
