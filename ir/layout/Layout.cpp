//===- Layout.cpp - making layouts, and what they say of themselves ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/Layout.h"

#include <algorithm>

namespace tegula::layout {

Dim fitDim(int64_t extent, unsigned minBits) {
  assert(extent > 0 && minBits < 24);
  constexpr int64_t mostReps = 7;
  constexpr unsigned fewBits = 3, enoughBits = 5;
  unsigned bits = unsigned(std::countr_zero(uint64_t(extent)));
  int64_t odd = extent >> bits;
  if (odd > mostReps || (odd > 1 && bits < fewBits)) {
    unsigned whole = unsigned(std::bit_width(uint64_t(extent - 1)));
    bits = std::min(enoughBits, whole);
    while ((extent + (int64_t(1) << bits) - 1) >> bits > mostReps)
      ++bits;
  }
  int64_t unit = int64_t(1) << std::max(bits, minBits);
  uint64_t padded = uint64_t((extent + unit - 1) / unit * unit);
  bits = unsigned(std::countr_zero(padded));
  Dim dim;
  dim.reps = uint32_t(padded >> bits) & 0xffffff;
  dim.bits = bits & 0xff;
  return dim;
}

Dims fitDims(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<unsigned> minBits) {
  Dims out;
  for (size_t i = 0; i < shape.size(); i++)
    out.push_back(fitDim(shape[i], i < minBits.size() ? minBits[i] : 0));
  return out;
}

//===----------------------------------------------------------------------===//
// Constructors
//===----------------------------------------------------------------------===//

void Layout::setDims(llvm::ArrayRef<Dim> dims) {
  assert(dims.size() <= maxRank);
  rankOf = uint8_t(dims.size());
  flatCount = 0;
  majorCount = 1;
  for (unsigned i = 0; i < rankOf; i++) {
    dimsOf[i] = dims[i];
    flatCount += dims[i].bits;
    majorCount *= dims[i].reps;
  }
  std::fill(dimsOf.begin() + rankOf, dimsOf.end(), Dim());
  assert(flatCount <= maxBits);
}

Layout::Layout(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<uint32_t> registers, llvm::ArrayRef<uint32_t> lanes,
               llvm::ArrayRef<uint32_t> warps, llvm::ArrayRef<uint32_t> blocks) {
  setDims(dims);
  unsigned count = 0, input = 0;
  for (llvm::ArrayRef<uint32_t> bases : {registers, lanes, warps, blocks}) {
    assert(count + bases.size() <= maxBits);
    for (uint32_t basis : bases) {
      assert((basis & ~lowBits(flatCount)) == 0);
      values[count++] = basis;
    }
    begin[++input] = uint8_t(count);
  }
}

namespace {

/// The bases of one layout while they are dealt out: each dimension gives its bits from the lowest on.
struct Dealer {
  llvm::ArrayRef<Dim> dims;
  llvm::SmallVector<unsigned, 8> shifts = {}, used = {};
  std::array<llvm::SmallVector<uint32_t, 16>, inputCount> bases = {};

  explicit Dealer(llvm::ArrayRef<Dim> dims) : dims(dims), shifts(dims.size()), used(dims.size()) {
    unsigned at = 0;
    for (size_t i = dims.size(); i-- > 0; at += dims[i].bits)
      shifts[i] = at;
  }
  unsigned left(unsigned dim) const { return dims[dim].bits - used[dim]; }
  llvm::SmallVector<uint32_t, 16> &of(Input input) { return bases[unsigned(input)]; }
  void give(Input input, unsigned dim) { of(input).push_back(1u << (shifts[dim] + used[dim]++)); }
  /// `bits` bits of a dimension; where it has no more, copies, but not in registers.
  void deal(Input input, unsigned dim, unsigned bits) {
    for (; bits && left(dim); bits--)
      give(input, dim);
    if (input != Input::Register)
      of(input).append(bits, 0);
  }
  Layout finish(llvm::ArrayRef<unsigned> order) {
    for (unsigned dim : order)
      deal(Input::Register, dim, left(dim));
    return Layout(dims, of(Input::Register), of(Input::Lane), of(Input::Warp));
  }
};

unsigned logOf(uint32_t count) {
  assert(std::has_single_bit(count));
  return unsigned(std::countr_zero(count));
}

} // namespace

Layout Layout::blocked(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<uint32_t> perThread,
                       llvm::ArrayRef<uint32_t> threadsPerWarp, llvm::ArrayRef<uint32_t> warpsPerBlock,
                       llvm::ArrayRef<unsigned> order) {
  Dealer dealer(dims);
  for (unsigned dim : order)
    dealer.deal(Input::Register, dim, logOf(perThread[dim]));
  for (unsigned dim : order)
    dealer.deal(Input::Lane, dim, logOf(threadsPerWarp[dim]));
  for (unsigned dim : order)
    dealer.deal(Input::Warp, dim, logOf(warpsPerBlock[dim]));
  return dealer.finish(order);
}

Layout Layout::distributed(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<uint32_t> perThread,
                           llvm::ArrayRef<unsigned> order, unsigned laneBits, unsigned warpBits) {
  Dealer dealer(dims);
  for (unsigned dim : order)
    dealer.deal(Input::Register, dim, logOf(perThread[dim]));
  for (auto [input, bits] : {std::pair(Input::Lane, laneBits), std::pair(Input::Warp, warpBits)}) {
    for (unsigned dim : order)
      for (; bits && dealer.left(dim); bits--)
        dealer.give(input, dim);
    dealer.of(input).append(bits, 0);
  }
  return dealer.finish(order);
}

Layout Layout::replicated(llvm::ArrayRef<Dim> dims, unsigned laneBits, unsigned warpBits) {
  Layout out;
  out.setDims(dims);
  assert(out.flatCount + laneBits + warpBits <= maxBits);
  for (unsigned i = 0; i < out.flatCount; i++)
    out.values[i] = 1u << i;
  uint8_t registers = out.flatCount, lanes = uint8_t(registers + laneBits), all = uint8_t(lanes + warpBits);
  out.begin = {0, registers, lanes, all, all};
  return out;
}

Layout Layout::product(const Layout &inner, const Layout &outer) {
  assert(inner.rank() == outer.rank() && inner.majors() == 1);
  Dims dims;
  for (unsigned d = 0; d < inner.rank(); d++) {
    Dim dim = outer.dims()[d];
    dim.bits = (dim.bits + inner.dims()[d].bits) & 0xff;
    dims.push_back(dim);
  }
  Layout shape(dims, {}, {}, {});
  auto spread = [&](const Layout &part, uint32_t flat, bool above) {
    uint32_t out = 0;
    for (unsigned d = 0; d < part.rank(); d++)
      out |= ((flat & part.mask(d)) >> part.shift(d))
             << (shape.shift(d) + (above ? inner.dims()[d].bits : 0));
    return out;
  };
  std::array<llvm::SmallVector<uint32_t, 16>, inputCount> bases;
  for (unsigned i = 0; i < inputCount; i++) {
    for (uint32_t basis : inner.bases(Input(i)))
      bases[i].push_back(spread(inner, basis, false));
    for (uint32_t basis : outer.bases(Input(i)))
      bases[i].push_back(spread(outer, basis, true));
  }
  return Layout(dims, bases[0], bases[1], bases[2], bases[3]);
}

std::optional<Layout> Layout::dividedBy(const Layout &inner) const {
  if (inner.rank() != rank() || inner.majors() != 1)
    return std::nullopt;
  Dims dims;
  for (unsigned d = 0; d < rank(); d++) {
    Dim dim = dimsOf[d];
    if (inner.dims()[d].bits > dim.bits)
      return std::nullopt;
    dim.bits = (dim.bits - inner.dims()[d].bits) & 0xff;
    dims.push_back(dim);
  }
  Layout shape(dims, {}, {}, {});
  std::array<llvm::SmallVector<uint32_t, 16>, inputCount> rest;
  for (unsigned i = 0; i < inputCount; i++) {
    llvm::ArrayRef<uint32_t> all = bases(Input(i));
    unsigned innerBits = inner.inBits(Input(i));
    if (all.size() < innerBits)
      return std::nullopt;
    for (unsigned k = 0; k < all.size(); k++) {
      uint32_t low = 0, high = 0;
      for (unsigned d = 0; d < rank(); d++) {
        uint32_t part = (all[k] & mask(d)) >> shift(d);
        unsigned bits = inner.dims()[d].bits;
        low |= (part & lowBits(bits)) << inner.shift(d);
        high |= bits < 32 ? (part >> bits) << shape.shift(d) : 0;
      }
      if (k < innerBits ? (high || low != inner.bases(Input(i))[k]) : low != 0)
        return std::nullopt;
      if (k >= innerBits)
        rest[i].push_back(high);
    }
  }
  return Layout(dims, rest[0], rest[1], rest[2], rest[3]);
}

//===----------------------------------------------------------------------===//
// What it is
//===----------------------------------------------------------------------===//

Index Layout::extents() const {
  Index out;
  for (const Dim &dim : dims())
    out.push_back(dim.extent());
  return out;
}

unsigned Layout::shift(unsigned dim) const {
  unsigned at = 0;
  for (unsigned d = rankOf; --d > dim;)
    at += dimsOf[d].bits;
  return at;
}

uint32_t Layout::flat(uint32_t reg, uint32_t lane, uint32_t warp, uint32_t block) const {
  uint32_t out = 0;
  auto add = [&](Input input, uint32_t value) {
    const uint32_t *from = values.data() + begin[unsigned(input)];
    forEachBit(value & lowBits(inBits(input)), [&](unsigned i) { out ^= from[i]; });
  };
  add(Input::Register, reg);
  add(Input::Lane, lane);
  add(Input::Warp, warp);
  add(Input::Block, block);
  return out;
}

Index Layout::indexOf(uint32_t flat, uint32_t major) const {
  Index out(rankOf);
  for (unsigned d = rankOf; d-- > 0;) {
    const Dim &dim = dimsOf[d];
    out[d] = (int64_t(major % dim.reps) << dim.bits) + (flat & lowBits(dim.bits));
    major /= dim.reps;
    flat = dim.bits < 32 ? flat >> dim.bits : 0;
  }
  return out;
}

Index Layout::index(uint32_t reg, uint32_t lane, uint32_t warp, uint32_t block) const {
  return indexOf(flat(reg, lane, warp, block), reg >> inBits(Input::Register));
}

llvm::hash_code hash_value(const Layout &layout) {
  llvm::hash_code dims = 0;
  for (const Dim &dim : layout.dims())
    dims = llvm::hash_combine(dims, uint32_t(dim.reps), uint32_t(dim.bits));
  return llvm::hash_combine(dims, llvm::hash_combine_range(layout.begin.begin(), layout.begin.end()),
                            llvm::hash_combine_range(layout.bases().begin(), layout.bases().end()));
}

Layout Layout::mapped(const BitMatrix &map, llvm::ArrayRef<Dim> dims) const {
  assert(map.size() == flatCount);
  Layout out = rebased(dims, [&](uint32_t basis) { return map(basis); });
  assert(out.majorCount == majorCount);
  return out;
}

InputBits Layout::freeBits() const {
  InputBits out;
  Span span;
  for (unsigned input = 0; input < inputCount; input++)
    for (unsigned i = begin[input]; i < begin[input + 1]; i++)
      if (!span.insert(values[i]))
        out.mask[input] |= 1u << (i - begin[input]);
  return out;
}

uint32_t Layout::contiguousRegisters(unsigned dim) const {
  llvm::ArrayRef<uint32_t> registers = bases(Input::Register);
  unsigned at = shift(dim), run = 0;
  while (run < dimsOf[dim].bits && run < registers.size() && registers[run] == 1u << (at + run))
    run++;
  // What moves inside the run besides its own registers breaks it: the run starts elsewhere in other threads.
  for (unsigned i = 0; i < inBits(); i++)
    while (run && i >= run && (values[i] >> at & lowBits(run)))
      run--;
  if (run < dimsOf[dim].bits || run < registers.size())
    return 1u << run;
  uint32_t inner = 1; // all register bits are used up: the majors go on, if no other dimension counts faster
  for (unsigned d = dim + 1; d < rankOf; d++)
    inner *= dimsOf[d].reps;
  return inner == 1 ? dimsOf[dim].reps << run : 1u << run;
}

uint32_t Layout::contiguousInThread(unsigned dim) const {
  Span span;
  for (uint32_t basis : bases(Input::Register))
    span.insert(basis);
  unsigned at = shift(dim), run = 0;
  while (run < dimsOf[dim].bits && span.contains(1u << (at + run)))
    run++;
  for (unsigned i = begin[1]; i < inBits(); i++)
    while (run && (values[i] >> at & lowBits(run)))
      run--;
  return 1u << run;
}

} // namespace tegula::layout
