//===- Digest.h - values as bytes, bytes as digests ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "lang/Lang.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tegula::api {

/// BLAKE3 of something.
using Digest = std::array<uint8_t, 32>;
Digest digestOf(std::string_view bytes);
std::string hexadecimal(const Digest &digest);

/// Collects values into bytes so that different values never give the same bytes: every text has its length before it.
class ByteWriter {
public:
  std::string bytes;

  template <typename T>
    requires std::is_trivially_copyable_v<T> && (!std::is_pointer_v<T>)
  void pod(const T &value) {
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(T));
  }
  void text(std::string_view value) {
    pod(uint64_t(value.size()));
    bytes.append(value);
  }
};

/// The way back; any read past the end, or of a length that cannot be, makes `ok` false and yields zeros.
class ByteReader {
public:
  explicit ByteReader(std::string_view bytes) : rest(bytes) {}

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  T pod() {
    T value{};
    std::string_view from = take(sizeof(T));
    if (from.size() == sizeof(T))
      __builtin_memcpy(&value, from.data(), sizeof(T));
    return value;
  }
  std::string_view text() { return take(pod<uint64_t>()); }
  bool atEnd() const { return rest.empty(); }

  bool ok = true;

private:
  std::string_view take(uint64_t size) {
    if (size > rest.size()) {
      ok = false;
      rest = {};
      return {};
    }
    std::string_view out = rest.substr(0, size);
    rest.remove_prefix(size);
    return out;
  }

  std::string_view rest;
};

/// Functions met while writing values: a resolver is known by the order in which the first function with it came, which
/// is the same in every process.
class KnownResolvers {
public:
  /// Its number; a new one is added.
  unsigned number(const std::shared_ptr<lang::Resolver> &resolver);
  /// -1: not met.
  int find(const lang::Resolver *resolver) const;
  /// Null: there are not that many.
  std::shared_ptr<lang::Resolver> at(unsigned number) const;

private:
  std::vector<std::shared_ptr<lang::Resolver>> resolvers;
};

/// A constant by type and bit pattern: 1, True, 1.0, 0.0, -0.0 all differ, every NaN is one. Functions by their text and
/// defaults; what they take from outside is a dependency of its own. `placed`: their places too (they get into the code).
void writeConstant(ByteWriter &out, const lang::Constant &constant, KnownResolvers &resolvers, bool placed);
void writeFunction(ByteWriter &out, const lang::JitFunction &function, KnownResolvers &resolvers,
                   bool placed);
void writeArgument(ByteWriter &out, const lang::Argument &argument, KnownResolvers &resolvers, bool placed);

} // namespace tegula::api
