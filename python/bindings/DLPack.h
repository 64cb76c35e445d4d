//===- DLPack.h - the parts of DLPack 1.x that tensors are read by ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Layouts as the DLPack specification gives them (dmlc.github.io/dlpack). Only what is read is declared; structures end
// where nothing behind is needed.

#pragma once

#include <cstdint>

namespace tegula::python::dlpack {

enum DeviceType : int32_t { Cpu = 1, Cuda = 2, CudaHost = 3, Rocm = 10, RocmHost = 11, CudaManaged = 13 };
enum TypeCode : uint8_t {
  Int = 0,
  UInt = 1,
  Float = 2,
  BFloat = 4,
  Bool = 6,
  Float8E4M3FN = 10,
  Float8E5M2 = 12
};

struct Version {
  uint32_t major, minor;
};

struct Tensor {
  void *data;
  int32_t deviceType, deviceId;
  int32_t ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape;
  int64_t *strides; ///< in elements; null before version 1.2: contiguous
  uint64_t byteOffset;
};

/// Of the capsule "dltensor": the tensor is the first member.
struct Managed {
  Tensor tensor;
};

/// Of the capsule "dltensor_versioned".
struct ManagedVersioned {
  Version version;
  void *context;
  void (*deleter)(ManagedVersioned *);
  uint64_t flags; ///< bit 0: read-only
  Tensor tensor;
};

/// Of the capsule "dlpack_exchange_api", an attribute of tensor classes.
struct ExchangeApi {
  Version version;
  ExchangeApi *previous;
  void *allocate, *fromObject, *toObject;
  /// Describes the tensor without owning it. 0, or -1 with a Python exception. May be null.
  int (*describe)(void *object, Tensor *out);
  /// The stream that work on a device goes to now, of the calling thread. 0, or -1 with a Python exception.
  int (*currentStream)(int32_t deviceType, int32_t deviceId, void **out);
};

} // namespace tegula::python::dlpack
