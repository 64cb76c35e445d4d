//===- Runtime.cpp - what compiled CPU code calls: print and assert ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cpu/Host.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>

namespace tegula::cpu {

std::array<int64_t, 3> programId(const Launch &launch, int64_t program) {
  int64_t x = launch.grid[0], y = launch.grid[1];
  return {program % x, program / x % y, program / x / y};
}

//===----------------------------------------------------------------------===//
// Values as text
//===----------------------------------------------------------------------===//

static int bitsOf(PrintType type) {
  switch (type) {
  case PrintType::I1:
  case PrintType::I8:
  case PrintType::U8:
  case PrintType::F8E4M3:
  case PrintType::F8E5M2: return 8;
  case PrintType::I16:
  case PrintType::U16:
  case PrintType::F16:
  case PrintType::BF16: return 16;
  case PrintType::I32:
  case PrintType::U32:
  case PrintType::F32: return 32;
  case PrintType::I64:
  case PrintType::U64:
  case PrintType::F64:
  case PrintType::Pointer: return 64;
  }
  return 64;
}

/// A float of `exponentBits` and `mantissaBits` with a sign above them. `finite`: no infinity, all ones is NaN (e4m3fn).
static double smallFloat(uint32_t bits, int exponentBits, int mantissaBits, bool finite) {
  uint32_t mantissa = bits & ((1u << mantissaBits) - 1),
           exponent = bits >> mantissaBits & ((1u << exponentBits) - 1);
  int bias = (1 << (exponentBits - 1)) - 1;
  double sign = bits >> (mantissaBits + exponentBits) & 1 ? -1 : 1;
  if (exponent == (1u << exponentBits) - 1) {
    if (finite ? mantissa == (1u << mantissaBits) - 1 : mantissa != 0)
      return std::copysign(NAN, sign);
    if (!finite)
      return sign * INFINITY;
  }
  double scale = std::ldexp(1.0, (exponent ? int(exponent) : 1) - bias - mantissaBits);
  return sign * scale * (mantissa + (exponent ? double(1u << mantissaBits) : 0.0));
}

static std::string format(const char *pattern, auto value) {
  char text[400]; // %f of the largest double has 317 characters
  return {text, size_t(std::snprintf(text, sizeof text, pattern, value))};
}

static std::string textOf(PrintType type, uint64_t raw, bool hex) {
  int bits = bitsOf(type);
  if (hex || type == PrintType::Pointer) {
    char text[24];
    int size =
        std::snprintf(text, sizeof text, "0x%0*" PRIx64, type == PrintType::Pointer ? 1 : bits / 4, raw);
    return {text, size_t(size)};
  }
  switch (type) {
  case PrintType::I1: return raw & 1 ? "1" : "0";
  case PrintType::I8: return std::to_string(int8_t(raw));
  case PrintType::I16: return std::to_string(int16_t(raw));
  case PrintType::I32: return std::to_string(int32_t(raw));
  case PrintType::I64: return std::to_string(int64_t(raw));
  case PrintType::F8E4M3: return format("%f", smallFloat(uint32_t(raw), 4, 3, true));
  case PrintType::F8E5M2: return format("%f", smallFloat(uint32_t(raw), 5, 2, false));
  case PrintType::F16: return format("%f", smallFloat(uint32_t(raw), 5, 10, false));
  case PrintType::BF16: return format("%f", smallFloat(uint32_t(raw), 8, 7, false));
  case PrintType::F32: {
    float value;
    std::memcpy(&value, &raw, 4);
    return format("%f", double(value));
  }
  case PrintType::F64: {
    double value;
    std::memcpy(&value, &raw, 8);
    return format("%f", value);
  }
  default: return std::to_string(raw);
  }
}

//===----------------------------------------------------------------------===//
// device_print
//===----------------------------------------------------------------------===//

/// " prefix: ", as Triton's front end makes it of "prefix", "prefix:" and " prefix: " alike.
static std::string shownPrefix(std::string prefix) {
  if (prefix.empty() || prefix.back() != ' ')
    prefix += ' ';
  if (prefix.size() < 2 || prefix[prefix.size() - 2] != ':')
    prefix.insert(prefix.size() - 1, ":");
  if (prefix.size() > 2 && prefix.front() != ' ')
    prefix.insert(0, " ");
  return prefix;
}

/// Triton's form, so that scripts which read it go on working: `pid (0, 0, 0) idx ( 3) name: 1.000000`; an index is as
/// wide as the decimal logarithm of its extent, rounded up.
std::string printedLines(const Launch &launch, int64_t program, const char *prefix, bool hex, int index,
                         int count, const PrintValue *value) {
  auto id = programId(launch, program);
  std::string head =
      "pid (" + std::to_string(id[0]) + ", " + std::to_string(id[1]) + ", " + std::to_string(id[2]) + ")";
  if (count == 0 || !value)
    return head + (*prefix == ' ' ? "" : " ") + prefix + "\n";

  std::string tail = shownPrefix(prefix);
  if (count > 1)
    tail += "(operand " + std::to_string(index) + ") ";
  int rank = value->rank;
  int64_t elements = 1;
  std::vector<int64_t> at(size_t(rank), 0);
  std::vector<int> widths;
  for (int i = 0; i < rank; ++i) {
    elements *= value->shape[i];
    widths.push_back(int(std::ceil(std::log10(double(value->shape[i])))));
  }
  size_t bytes = size_t(bitsOf(value->type)) / 8;
  std::string out;
  for (int64_t e = 0; e < elements; ++e) {
    out += head + " idx (";
    for (int i = 0; i < rank; ++i) {
      std::string digits = std::to_string(at[size_t(i)]);
      out += i ? ", " : "";
      out.append(size_t(std::max(0, widths[size_t(i)] - int(digits.size()))), ' ');
      out += digits;
    }
    uint64_t raw = 0;
    std::memcpy(&raw, static_cast<const std::byte *>(value->data) + size_t(e) * bytes, bytes);
    out += ")" + tail + textOf(value->type, raw, hex) + "\n";
    for (int i = rank - 1; i >= 0 && ++at[size_t(i)] == value->shape[i]; --i)
      at[size_t(i)] = 0;
  }
  return out;
}

//===----------------------------------------------------------------------===//
// The entry points
//===----------------------------------------------------------------------===//

// Compiled code has no unwind tables: nothing may be thrown through it. Out of memory while printing loses the lines.
extern "C" void tegula_cpu_print(Launch *launch, int64_t program, const char *prefix, int32_t hex,
                                 int32_t index, int32_t count, const PrintValue *value) try {
  std::string lines = printedLines(*launch, program, prefix, hex != 0, index, count, value);
  Host &host = *static_cast<Host *>(launch->host);
  std::lock_guard lock(host.mutex);
  host.printed += lines;
} catch (...) {
}

extern "C" void tegula_cpu_assert_failed(Launch *launch, int64_t program, const char *message,
                                         const char *file, int32_t line, int64_t element) try {
  Host &host = *static_cast<Host *>(launch->host);
  requestStop(*launch);
  std::lock_guard lock(host.mutex);
  if (!host.failure)
    host.failure = AssertFailure{message, file, line, programId(*launch, program), element};
} catch (...) {
}

namespace {
/// Bits as an unsigned number of the same order.
template <typename Bits> Bits sortKey(Bits bits, SortOrder order, Bits infinity) {
  constexpr Bits sign = Bits(Bits(1) << (8 * sizeof(Bits) - 1));
  if (order == SortOrder::Unsigned)
    return bits;
  if (order == SortOrder::Signed)
    return bits ^ sign;
  if (Bits(bits & ~sign) > infinity) // every NaN is the one above all numbers
    return Bits(~Bits(0));
  return bits & sign ? Bits(~bits) : Bits(bits | sign);
}

template <typename Bits> Bits fromSortKey(Bits key, SortOrder order) {
  constexpr Bits sign = Bits(Bits(1) << (8 * sizeof(Bits) - 1));
  if (order == SortOrder::Unsigned)
    return key;
  if (order == SortOrder::Signed)
    return key ^ sign;
  return key & sign ? Bits(key & ~sign) : Bits(~key);
}

template <typename Bits>
void sortLines(void *data, int64_t lines, int64_t extent, SortOrder order, bool descending,
               uint64_t infinity) {
  auto *line = static_cast<Bits *>(data);
  for (int64_t i = 0; i < lines; ++i, line += extent) {
    for (int64_t j = 0; j < extent; ++j)
      line[j] = sortKey(line[j], order, Bits(infinity));
    if (descending)
      std::sort(line, line + extent, std::greater<>());
    else
      std::sort(line, line + extent);
    for (int64_t j = 0; j < extent; ++j)
      line[j] = fromSortKey(line[j], order);
  }
}
} // namespace

extern "C" void tegula_cpu_sort(void *data, int64_t lines, int64_t extent, int32_t bytes, SortOrder order,
                                int32_t descending, uint64_t infinity) {
  auto sort = bytes == 1   ? sortLines<uint8_t>
              : bytes == 2 ? sortLines<uint16_t>
              : bytes == 4 ? sortLines<uint32_t>
                           : sortLines<uint64_t>;
  sort(data, lines, extent, order, descending != 0, infinity);
}

} // namespace tegula::cpu
