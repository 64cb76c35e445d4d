//===- CpuAbi.h - what compiled CPU code and its caller agree on ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstddef>
#include <cstdint>

namespace tegula::cpu {

/// What one launch hands to every call of the entry. C layout; compiled code reads it by these offsets.
struct Launch {
  int32_t grid[3]; ///< programs along each axis
  int32_t stopped; ///< set by the host or by a failed assertion: programs not yet begun are skipped
  /// Slots of 8 bytes: pointers, sign-extended integers, or float bits in the low bytes.
  const uint64_t *arguments;
  void *host; ///< for the runtime functions below; compiled code only passes it on
};

/// Runs the programs [first, last) of the grid, axis 0 fastest: id = x + grid[0] * (y + grid[1] * z).
/// `scratch` is 64-byte aligned, `CpuKernel::scratchBytes` long, private to the calling thread, contents undefined.
using Entry = void (*)(Launch *launch, std::byte *scratch, int64_t first, int64_t last);

/// Element types of what `tegula_cpu_print` is given.
// clang-format off
enum class PrintType : int32_t { I1, I8, I16, I32, I64, U8, U16, U32, U64, F8E4M3, F8E5M2, F16, BF16, F32, F64, Pointer };
// clang-format on

/// A tile (row-major) or a scalar (rank 0) that a kernel prints; `shape` has `rank` extents.
struct PrintValue {
  const void *data;
  const int64_t *shape;
  int32_t rank;
  PrintType type;
};

/// How elements are ordered by tegula_cpu_sort.
enum class SortOrder : int32_t { Unsigned, Signed, Float };

extern "C" {
/// Sorts `lines` lines of `extent` elements of `bytes` bytes each in place. Of floats `infinity` is the bit pattern
/// of the largest magnitude that is no NaN; NaNs come last (first if `descending`).
void tegula_cpu_sort(void *data, int64_t lines, int64_t extent, int32_t bytes, SortOrder order,
                     int32_t descending, uint64_t infinity);
/// device_print: argument `index` of `count` of one call, of program `program`.
void tegula_cpu_print(Launch *launch, int64_t program, const char *prefix, int32_t hex, int32_t index,
                      int32_t count, const PrintValue *value);
/// device_assert: the first false element (row-major index `element`) of program `program`.
void tegula_cpu_assert_failed(Launch *launch, int64_t program, const char *message, const char *file,
                              int32_t line, int64_t element);
}

} // namespace tegula::cpu
