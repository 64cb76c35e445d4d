//===- LayoutText.cpp - layouts as text ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//     16x3*16 reg (0,1..2) (0,8) lane (0,4) 0 (1,1) (2..4,0) warp (8,0)
//
// The extents, then each input that has bits; a basis is its coordinates, `0` if none is flipped. Doublings of one
// coordinate, the others zero, are written as a range: (0,1..4) is (0,1) (0,2) (0,4).
//
//===----------------------------------------------------------------------===//

#include "ir/layout/LayoutText.h"

#include <charconv>

namespace tegula::layout::text {
namespace {

void printCoordinates(std::string &out, llvm::ArrayRef<uint32_t> at, std::optional<size_t> ranged,
                      uint32_t last) {
  out += '(';
  for (size_t d = 0; d < at.size(); d++) {
    if (d)
      out += ',';
    out += std::to_string(at[d]);
    if (d == ranged)
      out += ".." + std::to_string(last);
  }
  out += ')';
}

llvm::SmallVector<uint32_t, 8> split(llvm::ArrayRef<Dim> dims, uint32_t flat) {
  llvm::SmallVector<uint32_t, 8> out(dims.size());
  for (size_t d = dims.size(); d-- > 0;) {
    out[d] = flat & lowBits(dims[d].bits);
    flat = dims[d].bits < 32 ? flat >> dims[d].bits : 0;
  }
  return out;
}

} // namespace

void printDims(std::string &out, llvm::ArrayRef<Dim> dims) {
  if (dims.empty())
    out += "scalar";
  for (size_t d = 0; d < dims.size(); d++) {
    if (d)
      out += 'x';
    if (dims[d].reps != 1)
      out += std::to_string(uint32_t(dims[d].reps)) + '*';
    out += std::to_string(uint64_t(1) << dims[d].bits);
  }
}

void printBases(std::string &out, llvm::ArrayRef<Dim> dims, llvm::StringRef name,
                llvm::ArrayRef<uint32_t> bases) {
  if (bases.empty())
    return;
  out += ' ';
  out += name;
  for (size_t i = 0; i < bases.size(); i++) {
    out += ' ';
    if (bases[i] == 0) {
      out += '0';
      continue;
    }
    llvm::SmallVector<uint32_t, 8> at = split(dims, bases[i]);
    size_t dim = 0;
    while (!at[dim])
      dim++;
    // A single bit, and the bits above it within the same coordinate.
    size_t end = i + 1;
    if (std::has_single_bit(bases[i]))
      while (end < bases.size() && bases[end] == bases[end - 1] << 1 && split(dims, bases[end])[dim])
        end++;
    if (end == i + 1)
      printCoordinates(out, at, std::nullopt, 0);
    else
      printCoordinates(out, at, dim, split(dims, bases[end - 1])[dim]);
    i = end - 1;
  }
}

bool Reader::word(llvm::StringRef expected) {
  llvm::StringRef after = rest.ltrim(' ');
  if (!after.consume_front(expected))
    return false;
  if (!after.empty() && (std::isalnum(static_cast<unsigned char>(after[0])) || after[0] == '_'))
    return false;
  rest = after;
  return true;
}

bool Reader::symbol(llvm::StringRef expected) { return rest.consume_front(expected); }

std::optional<uint32_t> Reader::number() {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(rest.begin(), rest.end(), value);
  if (error != std::errc() || end == rest.begin())
    return std::nullopt;
  rest = rest.drop_front(size_t(end - rest.begin()));
  return value;
}

bool Reader::done() {
  skip();
  return rest.empty();
}

std::optional<Dims> Reader::dims() {
  Dims out;
  if (word("scalar"))
    return out;
  skip();
  uint64_t majors = 1;
  unsigned bits = 0;
  do {
    std::optional<uint32_t> extent = number();
    Dim dim;
    if (extent && symbol("*")) {
      if (*extent == 0 || *extent >> 20)
        return std::nullopt;
      dim.reps = *extent & 0xffffff;
      extent = number();
    }
    if (!extent || !std::has_single_bit(*extent) || out.size() == Layout::maxRank)
      return std::nullopt;
    dim.bits = unsigned(std::countr_zero(*extent)) & 0xff;
    bits += dim.bits;
    majors *= dim.reps;
    if (bits > maxBits - 1 || majors >> 20)
      return std::nullopt;
    out.push_back(dim);
  } while (symbol("x"));
  return out;
}

bool Reader::basis(llvm::ArrayRef<Dim> dims, llvm::SmallVectorImpl<uint32_t> &out) {
  if (symbol("0")) {
    out.push_back(0);
    return true;
  }
  if (!symbol("("))
    return false;
  uint32_t flat = 0;
  unsigned count = 1, rangeBits = 0;
  for (size_t d = 0; d < dims.size(); d++) {
    if (d && !symbol(","))
      return false;
    std::optional<uint32_t> first = number();
    if (!first || *first > lowBits(dims[d].bits))
      return false;
    if (symbol("..")) {
      std::optional<uint32_t> last = number();
      if (!last || rangeBits || !std::has_single_bit(*first) || !std::has_single_bit(*last) ||
          *last <= *first || *last > lowBits(dims[d].bits))
        return false;
      count = unsigned(std::countr_zero(*last) - std::countr_zero(*first)) + 1;
      rangeBits = count;
    }
    flat = (dims[d].bits < 32 ? flat << dims[d].bits : 0) | *first;
  }
  if (!symbol(")") || flat == 0 || (rangeBits && !std::has_single_bit(flat)))
    return false;
  for (unsigned i = 0; i < count; i++)
    out.push_back(flat << i);
  return true;
}

bool Reader::bases(llvm::ArrayRef<Dim> dims, llvm::StringRef name, llvm::SmallVectorImpl<uint32_t> &out) {
  if (!rest.starts_with(" ") || !word(name))
    return true;
  while (rest.starts_with(" (") || rest.starts_with(" 0")) {
    skip();
    if (!basis(dims, out) || out.size() > maxBits)
      return false;
  }
  return !out.empty();
}

} // namespace tegula::layout::text

namespace tegula::layout {

static constexpr llvm::StringLiteral inputNames[inputCount] = {"reg", "lane", "warp", "block"};

std::string Layout::str() const {
  std::string out;
  text::printDims(out, dims());
  for (unsigned i = 0; i < inputCount; i++)
    text::printBases(out, dims(), inputNames[i], bases(Input(i)));
  return out;
}

std::optional<Layout> Layout::parse(llvm::StringRef text) {
  text::Reader reader(text);
  std::optional<Dims> dims = reader.dims();
  if (!dims)
    return std::nullopt;
  std::array<llvm::SmallVector<uint32_t, 16>, inputCount> bases;
  size_t total = 0;
  for (unsigned i = 0; i < inputCount; i++) {
    if (!reader.bases(*dims, inputNames[i], bases[i]))
      return std::nullopt;
    total += bases[i].size();
  }
  if (!reader.done() || total > maxBits)
    return std::nullopt;
  return Layout(*dims, bases[0], bases[1], bases[2], bases[3]);
}

} // namespace tegula::layout
