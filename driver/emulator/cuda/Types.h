//===- Types.h - the types of the CUDA driver API, as its binary interface has them ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Only what the functions of this folder take or give; sizes and orders of fields are those of CUDA 13 on 64-bit Linux.
// NVIDIA's headers are not needed to build. Names of functions and handles are CUDA's, so that they can be looked up.

#pragma once

#include <cstddef>
#include <cstdint>

namespace tegula::cuda {

#define RESULT(name, value, text) constexpr int name = value;
#include "driver/emulator/cuda/Results.def"
#undef RESULT

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = uint64_t;
using CUcontext = struct Context *;
using CUstream = struct Stream *;
using CUevent = struct Event *;
using CUmodule = struct Module *;
using CUfunction = struct Function *;
using CUlibrary = struct Module *; ///< a library is a module that belongs to no context
using CUkernel = struct Function *;
using CUmemoryPool = struct Pool *;
using CUlinkState = struct Linker *;
using CUarray = void *;
using CUhostFn = void (*)(void *);
using CUstreamCallback = void (*)(CUstream, CUresult, void *);

/// The default streams, also written as handles.
constexpr uintptr_t legacyStreamHandle = 1, perThreadStreamHandle = 2;

struct CUuuid {
  uint8_t bytes[16];
};

struct CUdevprop {
  int maxThreadsPerBlock, maxThreadsDim[3], maxGridSize[3], sharedMemPerBlock, totalConstantMemory, SIMDWidth,
      memPitch, regsPerBlock, clockRate, textureAlign;
};

/// Memory types of copies and of CU_POINTER_ATTRIBUTE_MEMORY_TYPE.
enum : unsigned { memoryHost = 1, memoryDevice = 2, memoryArray = 3, memoryUnified = 4 };

struct CopyEnd2D {
  size_t x, y;
  unsigned type;
  const void *host;
  CUdeviceptr device;
  CUarray array;
  size_t pitch;
};
struct CUDA_MEMCPY2D {
  CopyEnd2D src, dst;
  size_t width, height;
};

struct CopyEnd3D {
  size_t x, y, z, lod;
  unsigned type;
  const void *host;
  CUdeviceptr device;
  CUarray array;
  void *context; ///< of the peer form; else reserved
  size_t pitch, height;
};
struct CUDA_MEMCPY3D {
  CopyEnd3D src, dst;
  size_t width, height, depth;
};

struct CUmemLocation {
  int type, id;
};
enum : int { locationDevice = 1, locationHost = 2 };

struct CUmemPoolProps {
  int allocType, handleTypes;
  CUmemLocation location;
  void *win32SecurityAttributes;
  size_t maxSize;
  uint16_t usage;
  uint8_t reserved[54];
};
struct CUmemAccessDesc {
  CUmemLocation location;
  int flags;
};

struct CUlaunchAttribute {
  int id;
  char pad[4];
  union {
    char bytes[64];
    int cooperative;
    unsigned clusterDim[3];
    int flag;
    struct {
      CUevent event;
      int flags, triggerAtBlockStart;
    } event;
  } value;
};
struct CUlaunchConfig {
  unsigned grid[3], block[3], sharedBytes;
  CUstream stream;
  CUlaunchAttribute *attributes;
  unsigned count;
};
struct CUDA_LAUNCH_PARAMS {
  CUfunction function;
  unsigned grid[3], block[3], sharedBytes;
  CUstream stream;
  void **parameters;
};

} // namespace tegula::cuda
