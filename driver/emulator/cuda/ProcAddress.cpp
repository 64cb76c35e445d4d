//===- ProcAddress.cpp - functions by name ---===//
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
  return result == Lookup::found ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

CU_FUNCTION(nothing, cuGetProcAddress, (const char *name, void **function, int version, uint64_t flags),
            (name, function, version, flags)) {
  need(name && function && flags <= 2);
  return lookUp(name, version, flags, function) == Lookup::found ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

/// NVIDIA's runtime library (libcudart, which nvcc links in by default) asks the driver for tables of internal functions,
/// and one of them is to prove that the driver is NVIDIA's own. This one is not, and does not pretend to be.
CU_FUNCTION(nothing, cuGetExportTable, (const void **table, const CUuuid *id), (table, id)) {
  need(table && id);
  *table = nullptr;
  // Other libraries ask too and do without; this table is the one that the runtime cannot begin without.
  constexpr uint8_t ofRuntime[] = {0x6b, 0xd5, 0xfb, 0x6c};
  if (memcmp(id->bytes, ofRuntime, sizeof ofRuntime))
    return CUDA_ERROR_NOT_SUPPORTED;
  sayOnce(
      "cuGetExportTable",
      "this program has NVIDIA's CUDA runtime linked in, which runs on NVIDIA's driver only; link it with "
      "`nvcc -cudart shared` and start it by `python -m tegula.emulator run`, which has a runtime library "
      "for the "
      "emulated GPU");
  return CUDA_ERROR_NOT_SUPPORTED;
}

} // namespace tegula::cuda
