//===- Copies.cpp - copies and fills of memory, at once and in streams ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Every copy is a task of a stream. A function that is not asynchronous waits for it, and so does an asynchronous one
// whose host memory is pageable, as on a GPU: there it is staged through page-locked memory.

#include "driver/emulator/cuda/Stream.h"

#include <cstring>

namespace tegula::cuda {

static bool known(uint64_t address) { return Driver::get().find(address).id != 0; }
static void needDevice(uint64_t address, uint64_t bytes) {
  if (bytes)
    need(Driver::get().find(address, bytes).id != 0);
}
static uint64_t addressOf(const void *p) { return reinterpret_cast<uint64_t>(p); }

enum class When : uint8_t { now, later };

static CUresult perform(const std::shared_ptr<Stream> &stream, When when, bool pageable,
                        std::function<void()> run) {
  if (when == When::now || pageable)
    runNow(*stream, std::move(run));
  else
    enqueue(*stream, {std::move(run), {}});
  return CUDA_SUCCESS;
}

static CUresult copy(uint64_t to, uint64_t from, size_t bytes, CUstream handle, When when) {
  auto stream = streamOf(handle);
  if (!bytes)
    return CUDA_SUCCESS;
  need(to && from);
  return perform(stream, when, !known(to) || !known(from), [=] {
    memmove(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
    Driver::get().written(to, bytes);
  });
}

// --- One dimension

CU_STREAM_FUNCTION(context, cuMemcpy, _ptds, (CUdeviceptr to, CUdeviceptr from, size_t bytes),
                   (to, from, bytes)) {
  return copy(to, from, bytes, nullptr, When::now);
}
CU_STREAM_FUNCTION(context, cuMemcpyAsync, _ptsz,
                   (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream),
                   (to, from, bytes, stream)) {
  return copy(to, from, bytes, stream, When::later);
}
CU_STREAM_FUNCTION(context, cuMemcpyHtoD_v2, _ptds, (CUdeviceptr to, const void *from, size_t bytes),
                   (to, from, bytes)) {
  needDevice(to, bytes);
  return copy(to, addressOf(from), bytes, nullptr, When::now);
}
CU_STREAM_FUNCTION(context, cuMemcpyDtoH_v2, _ptds, (void *to, CUdeviceptr from, size_t bytes),
                   (to, from, bytes)) {
  needDevice(from, bytes);
  return copy(addressOf(to), from, bytes, nullptr, When::now);
}
CU_STREAM_FUNCTION(context, cuMemcpyDtoD_v2, _ptds, (CUdeviceptr to, CUdeviceptr from, size_t bytes),
                   (to, from, bytes)) {
  needDevice(to, bytes);
  needDevice(from, bytes);
  return copy(to, from, bytes, nullptr, When::now);
}
CU_STREAM_FUNCTION(context, cuMemcpyHtoDAsync_v2, _ptsz,
                   (CUdeviceptr to, const void *from, size_t bytes, CUstream stream),
                   (to, from, bytes, stream)) {
  needDevice(to, bytes);
  return copy(to, addressOf(from), bytes, stream, When::later);
}
CU_STREAM_FUNCTION(context, cuMemcpyDtoHAsync_v2, _ptsz,
                   (void *to, CUdeviceptr from, size_t bytes, CUstream stream), (to, from, bytes, stream)) {
  needDevice(from, bytes);
  return copy(addressOf(to), from, bytes, stream, When::later);
}
CU_STREAM_FUNCTION(context, cuMemcpyDtoDAsync_v2, _ptsz,
                   (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream),
                   (to, from, bytes, stream)) {
  needDevice(to, bytes);
  needDevice(from, bytes);
  return copy(to, from, bytes, stream, When::later);
}

static void needContexts(CUcontext a, CUcontext b) {
  Driver::get().contexts.get(a, CUDA_ERROR_INVALID_CONTEXT);
  Driver::get().contexts.get(b, CUDA_ERROR_INVALID_CONTEXT);
}
CU_STREAM_FUNCTION(context, cuMemcpyPeer, _ptds,
                   (CUdeviceptr to, CUcontext toContext, CUdeviceptr from, CUcontext fromContext,
                    size_t bytes),
                   (to, toContext, from, fromContext, bytes)) {
  needContexts(toContext, fromContext);
  return copy(to, from, bytes, nullptr, When::now);
}
CU_STREAM_FUNCTION(context, cuMemcpyPeerAsync, _ptsz,
                   (CUdeviceptr to, CUcontext toContext, CUdeviceptr from, CUcontext fromContext,
                    size_t bytes, CUstream stream),
                   (to, toContext, from, fromContext, bytes, stream)) {
  needContexts(toContext, fromContext);
  return copy(to, from, bytes, stream, When::later);
}

// --- Two and three dimensions

namespace {
/// One end of a copy, as an address and two strides.
struct Place {
  uint64_t address, pitch, slice;
  bool pageable;
};
} // namespace

static Place placeOf(const CopyEnd3D &end, size_t width, size_t height, size_t depth) {
  if (end.type == memoryArray)
    fail(CUDA_ERROR_NOT_SUPPORTED, "CUDA arrays are not implemented");
  need(end.type >= memoryHost && end.type <= memoryUnified && !end.lod);
  uint64_t base = end.type == memoryHost ? addressOf(end.host) : end.device;
  // Rows of one line may leave out the pitch.
  uint64_t pitch = end.pitch ? end.pitch : end.x + width, rows = end.height ? end.height : end.y + height;
  need(pitch >= end.x + width && rows >= end.y + height);
  Place p{base + end.z * pitch * rows + end.y * pitch + end.x, pitch, pitch * rows, !known(base)};
  uint64_t reach = (depth - 1) * p.slice + (height - 1) * p.pitch + width;
  need(p.address != 0);
  if (end.type == memoryDevice)
    needDevice(p.address, reach);
  return p;
}

static CUresult copy3D(const CUDA_MEMCPY3D *c, CUstream handle, When when) {
  need(c);
  auto stream = streamOf(handle);
  size_t width = c->width, height = c->height, depth = c->depth;
  if (!width || !height || !depth)
    return CUDA_SUCCESS;
  Place to = placeOf(c->dst, width, height, depth), from = placeOf(c->src, width, height, depth);
  return perform(stream, when, to.pageable || from.pageable, [=] {
    for (size_t z = 0; z < depth; z++)
      for (size_t y = 0; y < height; y++) {
        uint64_t row = to.address + z * to.slice + y * to.pitch;
        memmove(reinterpret_cast<void *>(row),
                reinterpret_cast<const void *>(from.address + z * from.slice + y * from.pitch), width);
        Driver::get().written(row, width);
      }
  });
}

static CUresult copy2D(const CUDA_MEMCPY2D *c, CUstream handle, When when) {
  need(c);
  auto end = [](const CopyEnd2D &e) {
    return CopyEnd3D{e.x, e.y, 0, 0, e.type, e.host, e.device, e.array, nullptr, e.pitch, 0};
  };
  CUDA_MEMCPY3D whole{end(c->src), end(c->dst), c->width, c->height, 1};
  return copy3D(&whole, handle, when);
}

CU_STREAM_FUNCTION(context, cuMemcpy2D_v2, _ptds, (const CUDA_MEMCPY2D *c), (c)) {
  return copy2D(c, nullptr, When::now);
}
CU_STREAM_FUNCTION(context, cuMemcpy2DUnaligned_v2, _ptds, (const CUDA_MEMCPY2D *c), (c)) {
  return copy2D(c, nullptr, When::now);
}
CU_STREAM_FUNCTION(context, cuMemcpy2DAsync_v2, _ptsz, (const CUDA_MEMCPY2D *c, CUstream stream),
                   (c, stream)) {
  return copy2D(c, stream, When::later);
}
CU_STREAM_FUNCTION(context, cuMemcpy3D_v2, _ptds, (const CUDA_MEMCPY3D *c), (c)) {
  return copy3D(c, nullptr, When::now);
}
CU_STREAM_FUNCTION(context, cuMemcpy3DAsync_v2, _ptsz, (const CUDA_MEMCPY3D *c, CUstream stream),
                   (c, stream)) {
  return copy3D(c, stream, When::later);
}
CU_STREAM_FUNCTION(context, cuMemcpy3DPeer, _ptds, (const CUDA_MEMCPY3D *c), (c)) {
  return copy3D(c, nullptr, When::now);
}
CU_STREAM_FUNCTION(context, cuMemcpy3DPeerAsync, _ptsz, (const CUDA_MEMCPY3D *c, CUstream stream),
                   (c, stream)) {
  return copy3D(c, stream, When::later);
}

/// Many copies in one call.
static CUresult copyBatch(const CUdeviceptr *to, const CUdeviceptr *from, const size_t *sizes, size_t count,
                          CUstream stream) {
  need(to && from && sizes && count);
  for (size_t k = 0; k < count; k++)
    copy(to[k], from[k], sizes[k], stream, When::later);
  return CUDA_SUCCESS;
}
CU_STREAM_FUNCTION(context, cuMemcpyBatchAsync_v2, _ptsz,
                   (const CUdeviceptr *to, const CUdeviceptr *from, const size_t *sizes, size_t count,
                    const void *attributes, const size_t *starts, size_t kinds, CUstream stream),
                   (to, from, sizes, count, attributes, starts, kinds, stream)) {
  return copyBatch(to, from, sizes, count, stream);
}

// --- Fills

template <typename T>
static CUresult fill(uint64_t address, size_t pitch, T value, size_t width, size_t height, CUstream handle,
                     When when) {
  auto stream = streamOf(handle);
  if (!width || !height)
    return CUDA_SUCCESS;
  need(address % sizeof(T) == 0 && pitch % sizeof(T) == 0);
  need(height == 1 || pitch >= width * sizeof(T));
  needDevice(address, (height - 1) * pitch + width * sizeof(T));
  return perform(stream, when, false, [=] {
    for (size_t y = 0; y < height; y++) {
      T *row = reinterpret_cast<T *>(address + y * pitch);
      std::fill(row, row + width, value);
      Driver::get().written(address + y * pitch, width * sizeof(T));
    }
  });
}

#define FILL_FUNCTIONS(bits, type)                                                                           \
  CU_STREAM_FUNCTION(context, cuMemsetD##bits##_v2, _ptds, (CUdeviceptr to, type value, size_t count),       \
                     (to, value, count)) {                                                                   \
    return fill<type>(to, 0, value, count, 1, nullptr, When::now);                                           \
  }                                                                                                          \
  CU_STREAM_FUNCTION(context, cuMemsetD##bits##Async, _ptsz,                                                 \
                     (CUdeviceptr to, type value, size_t count, CUstream stream),                            \
                     (to, value, count, stream)) {                                                           \
    return fill<type>(to, 0, value, count, 1, stream, When::later);                                          \
  }                                                                                                          \
  CU_STREAM_FUNCTION(context, cuMemsetD2D##bits##_v2, _ptds,                                                 \
                     (CUdeviceptr to, size_t pitch, type value, size_t width, size_t height),                \
                     (to, pitch, value, width, height)) {                                                    \
    return fill<type>(to, pitch, value, width, height, nullptr, When::now);                                  \
  }                                                                                                          \
  CU_STREAM_FUNCTION(                                                                                        \
      context, cuMemsetD2D##bits##Async, _ptsz,                                                              \
      (CUdeviceptr to, size_t pitch, type value, size_t width, size_t height, CUstream stream),              \
      (to, pitch, value, width, height, stream)) {                                                           \
    return fill<type>(to, pitch, value, width, height, stream, When::later);                                 \
  }
FILL_FUNCTIONS(8, uint8_t)
FILL_FUNCTIONS(16, uint16_t)
FILL_FUNCTIONS(32, uint32_t)

} // namespace tegula::cuda
