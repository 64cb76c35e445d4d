//===- ProcAddress.cpp - functions by name, and the tables of the CUDA runtime ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Driver.h"

#include <cstring>

namespace tegula::cuda {

CU_FUNCTION(nothing, cuGetProcAddress_v2,
            (const char *name, void **function, int version, uint64_t flags, int *status),
            (name, function, version, flags, status)) {
  need(name && function && flags <= 2);
  Lookup result = lookUp(name, version, flags, function);
  if (status)
    *status = int(result);
  // An empty name asks whether the function is there at all.
  return result == Lookup::found ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

CU_FUNCTION(nothing, cuGetProcAddress, (const char *name, void **function, int version, uint64_t flags),
            (name, function, version, flags)) {
  need(name && function && flags <= 2);
  return lookUp(name, version, flags, function) == Lookup::found ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

} // namespace tegula::cuda
