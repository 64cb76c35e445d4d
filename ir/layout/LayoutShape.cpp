//===- LayoutShape.cpp - layouts of the results of shape operations ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/Layout.h"

#include <algorithm>

namespace tegula::layout {
namespace {

/// Moves the fields of a flat index: field d of `from` goes to dimension `target[d]` of `to`, or away.
struct FieldMap {
  struct Field {
    uint8_t from, bits, to;
  };
  llvm::SmallVector<Field, 8> fields;

  void add(unsigned from, unsigned bits, unsigned to) {
    if (bits)
      fields.push_back({uint8_t(from), uint8_t(bits), uint8_t(to)});
  }
  uint32_t operator()(uint32_t flat) const {
    uint32_t out = 0;
    for (const Field &field : fields)
      out |= (flat >> field.from & lowBits(field.bits)) << field.to;
    return out;
  }
};

/// Splits a row-major number of majors and builds another: visit(d) says the digit of dimension d.
llvm::SmallVector<uint32_t, 8> digits(llvm::ArrayRef<Dim> dims, uint32_t major) {
  llvm::SmallVector<uint32_t, 8> out(dims.size());
  for (size_t d = dims.size(); d-- > 0; major /= dims[d].reps)
    out[d] = major % dims[d].reps;
  return out;
}

} // namespace

Layout Layout::transposed(llvm::ArrayRef<unsigned> order) const {
  assert(order.size() == rankOf);
  Dims dims;
  for (unsigned from : order)
    dims.push_back(dimsOf[from]);
  FieldMap map;
  unsigned at = 0;
  for (size_t i = order.size(); i-- > 0; at += dims[i].bits)
    map.add(shift(order[i]), dims[i].bits, at);
  return rebased(dims, map);
}

uint32_t Layout::transposedRegister(llvm::ArrayRef<unsigned> order, uint32_t reg) const {
  if (majorCount == 1)
    return reg;
  unsigned bits = inBits(Input::Register);
  uint32_t major = reg >> bits;
  llvm::SmallVector<uint32_t, 8> source(rankOf);
  for (size_t i = order.size(); i-- > 0; major /= dimsOf[order[i]].reps)
    source[order[i]] = major % dimsOf[order[i]].reps;
  uint32_t number = 0;
  for (unsigned d = 0; d < rankOf; d++)
    number = number * dimsOf[d].reps + source[d];
  return number << bits | (reg & lowBits(bits));
}

Layout Layout::expanded(unsigned axis) const {
  Dims dims(this->dims());
  dims.insert(dims.begin() + axis, Dim());
  return rebased(dims, [](uint32_t basis) { return basis; });
}

Layout Layout::sliced(unsigned axis) const {
  Layout out = collapsed(1u << axis);
  for (unsigned d = axis; d + 1 < rankOf; d++)
    out.dimsOf[d] = out.dimsOf[d + 1];
  out.dimsOf[--out.rankOf] = Dim();
  return out;
}

Layout Layout::collapsed(uint32_t axes) const {
  Dims dims(this->dims());
  FieldMap map;
  unsigned from = 0, to = 0;
  for (unsigned d = rankOf; d-- > 0; from += dimsOf[d].bits) {
    if (axes >> d & 1) {
      dims[d] = Dim();
      continue;
    }
    map.add(from, dims[d].bits, to);
    to += dims[d].bits;
  }
  return rebased(dims, map);
}

uint32_t Layout::collapsedRegister(uint32_t axes, uint32_t reg) const {
  if (majorCount == 1)
    return reg;
  unsigned bits = inBits(Input::Register);
  llvm::SmallVector<uint32_t, 8> at = digits(dims(), reg >> bits);
  uint32_t number = 0;
  for (unsigned d = 0; d < rankOf; d++)
    if (!(axes >> d & 1))
      number = number * dimsOf[d].reps + at[d];
  return number << bits | (reg & lowBits(bits));
}

Layout Layout::broadcastSource(llvm::ArrayRef<int64_t> shape) const {
  assert(shape.size() == rankOf);
  uint32_t axes = 0;
  for (unsigned d = 0; d < rankOf; d++)
    axes |= uint32_t(shape[d] == 1) << d;
  return collapsed(axes);
}

Layout Layout::broadcastTo(llvm::ArrayRef<Dim> dims) const {
  assert(dims.size() == rankOf);
  FieldMap map;
  llvm::SmallVector<uint32_t, 16> grown;
  unsigned from = 0, to = 0;
  for (unsigned d = rankOf; d-- > 0; to += dims[d].bits) {
    if (dimsOf[d] == dims[d]) {
      map.add(from, dims[d].bits, to);
      from += dims[d].bits;
      continue;
    }
    assert(dimsOf[d] == Dim());
    for (unsigned i = 0; i < dims[d].bits; i++)
      grown.push_back(1u << (to + i));
  }
  std::array<llvm::SmallVector<uint32_t, 16>, inputCount> bases;
  for (unsigned i = 0; i < inputCount; i++)
    for (uint32_t basis : this->bases(Input(i)))
      bases[i].push_back(map(basis));
  bases[0].append(grown);
  return Layout(dims, bases[0], bases[1], bases[2], bases[3]);
}

uint32_t Layout::broadcastRegister(llvm::ArrayRef<Dim> dims, uint32_t reg) const {
  unsigned bits = inBits(Input::Register), grownBits = bits;
  for (unsigned d = 0; d < rankOf; d++)
    if (!(dimsOf[d] == dims[d]))
      grownBits += dims[d].bits;
  llvm::SmallVector<uint32_t, 8> at = digits(dims, reg >> grownBits);
  uint32_t number = 0;
  for (unsigned d = 0; d < rankOf; d++)
    number = number * dimsOf[d].reps + (dimsOf[d] == dims[d] ? at[d] : 0);
  return number << bits | (reg & lowBits(bits));
}

//===----------------------------------------------------------------------===//
// Reshape
//===----------------------------------------------------------------------===//

namespace {

/// The digits of a row-major index, from the least significant on: runs of bits and majors in turn, each run as long as
/// can be. Two splits into dimensions name the same elements in the same digits if these are equal.
struct Runs {
  struct Run {
    unsigned bits;
    uint32_t majors;
    bool operator==(const Run &) const = default;
  };
  llvm::SmallVector<Run, 8> runs = {{0, 1}};

  explicit Runs(llvm::ArrayRef<Dim> dims) {
    for (size_t d = dims.size(); d-- > 0;)
      add(dims[d]);
  }
  void add(Dim dim) {
    if (dim.bits && runs.back().majors != 1)
      runs.push_back({0, 1});
    runs.back().bits += dim.bits;
    runs.back().majors *= dim.reps;
  }
  /// Takes a dimension of this extent off the low end.
  std::optional<Dim> take(int64_t extent) {
    Dim dim;
    if (extent == 1)
      return dim;
    Run &run = runs.front();
    if (std::has_single_bit(uint64_t(extent)) && unsigned(std::countr_zero(uint64_t(extent))) <= run.bits) {
      dim.bits = unsigned(std::countr_zero(uint64_t(extent))) & 0xff;
    } else {
      if (extent & ((int64_t(1) << run.bits) - 1))
        return std::nullopt;
      dim.bits = run.bits & 0xff;
      dim.reps = uint32_t(extent >> run.bits) & 0xffffff;
      if (run.majors % dim.reps)
        return std::nullopt;
    }
    run.bits -= dim.bits;
    run.majors /= dim.reps;
    if (run.bits == 0 && run.majors == 1 && runs.size() > 1)
      runs.erase(runs.begin());
    return dim;
  }
};

} // namespace

std::optional<Layout> Layout::reshaped(llvm::ArrayRef<Dim> dims) const {
  if (Runs(this->dims()).runs != Runs(dims).runs)
    return std::nullopt;
  return rebased(dims, [](uint32_t basis) { return basis; });
}

std::optional<Layout> Layout::reshaped(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to) const {
  assert(from.size() == rankOf);
  Dims dims(to.size());
  size_t i = from.size(), k = to.size();
  // Groups of dimensions with equal products, from the last on.
  while (i > 0 || k > 0) {
    size_t iEnd = i, kEnd = k;
    int64_t left = 1, right = 1;
    do {
      if (i > 0 && (left <= right || k == 0))
        left *= from[--i];
      else if (k > 0)
        right *= to[--k];
      else
        return std::nullopt;
    } while (left != right);
    bool padded = false;
    for (size_t d = i; d < iEnd; d++)
      padded |= dimsOf[d].extent() != from[d];
    if (padded) {
      auto single = [&](llvm::ArrayRef<int64_t> shape, size_t first, size_t end) {
        size_t at = end;
        for (size_t d = first; d < end; d++)
          if (shape[d] != 1)
            at = at == end ? d : ~size_t(0);
        return at;
      };
      size_t source = single(from, i, iEnd), target = single(to, k, kEnd);
      if (source >= iEnd || target >= kEnd)
        return std::nullopt; // the pads would lie between elements
      for (size_t d = i; d < iEnd; d++)
        if (d != source && !(dimsOf[d] == Dim()))
          return std::nullopt;
      dims[target] = dimsOf[source];
      continue;
    }
    Runs runs(this->dims().slice(i, iEnd - i));
    for (size_t d = kEnd; d-- > k;) {
      std::optional<Dim> dim = runs.take(to[d]);
      if (!dim)
        return std::nullopt;
      dims[d] = *dim;
    }
  }
  return rebased(dims, [](uint32_t basis) { return basis; });
}

//===----------------------------------------------------------------------===//
// Join, split, cat
//===----------------------------------------------------------------------===//

Layout Layout::joined() const {
  Dims dims(this->dims());
  Dim two;
  two.bits = 1;
  dims.push_back(two);
  std::array<llvm::SmallVector<uint32_t, 16>, inputCount> bases;
  bases[0].push_back(1);
  for (unsigned i = 0; i < inputCount; i++)
    for (uint32_t basis : this->bases(Input(i)))
      bases[i].push_back(basis << 1);
  return Layout(dims, bases[0], bases[1], bases[2], bases[3]);
}

namespace {

/// The register bit that alone flips flat bit 0, and nothing else; none if there is no such bit.
std::optional<unsigned> splitBit(const Layout &layout) {
  llvm::ArrayRef<uint32_t> bases = layout.bases();
  std::optional<unsigned> found;
  for (unsigned i = 0; i < bases.size(); i++) {
    if (!(bases[i] & 1))
      continue;
    if (found || bases[i] != 1 || i >= layout.inBits(Input::Register))
      return std::nullopt;
    found = i;
  }
  return found;
}

} // namespace

std::optional<Layout> Layout::splitLast() const {
  if (rankOf == 0 || dimsOf[rankOf - 1].extent() != 2)
    return std::nullopt;
  llvm::ArrayRef<Dim> dims = this->dims().drop_back();
  if (dimsOf[rankOf - 1].reps == 2)
    return rebased(dims, [](uint32_t basis) { return basis; });
  std::optional<unsigned> bit = splitBit(*this);
  if (!bit)
    return std::nullopt;
  std::array<llvm::SmallVector<uint32_t, 16>, inputCount> bases;
  for (unsigned i = 0; i < inputCount; i++)
    for (auto [k, basis] : llvm::enumerate(this->bases(Input(i))))
      if (i != 0 || k != *bit)
        bases[i].push_back(basis >> 1);
  return Layout(dims, bases[0], bases[1], bases[2], bases[3]);
}

uint32_t Layout::splitRegister(unsigned side, uint32_t reg) const {
  if (dimsOf[rankOf - 1].reps == 2) {
    unsigned bits = inBits(Input::Register);
    return ((reg >> bits) * 2 + side) << bits | (reg & lowBits(bits));
  }
  unsigned bit = *splitBit(*this);
  return (reg & lowBits(bit)) | side << bit | (reg & ~lowBits(bit)) << 1;
}

Layout Layout::cat() const {
  assert(rankOf > 0);
  Dims dims(this->dims());
  if (dims[0].reps != 1) {
    dims[0].reps = (dims[0].reps * 2) & 0xffffff;
    return rebased(dims, [](uint32_t basis) { return basis; });
  }
  dims[0].bits = (dims[0].bits + 1) & 0xff;
  std::array<llvm::SmallVector<uint32_t, 16>, inputCount> bases;
  for (unsigned i = 0; i < inputCount; i++)
    bases[i].append(this->bases(Input(i)).begin(), this->bases(Input(i)).end());
  bases[0].push_back(1u << flatCount);
  return Layout(dims, bases[0], bases[1], bases[2], bases[3]);
}

uint32_t Layout::catRegister(unsigned side, uint32_t reg) const {
  if (dimsOf[0].reps != 1)
    return side * registers() + reg;
  unsigned bits = inBits(Input::Register);
  return ((reg >> bits) * 2 + side) << bits | (reg & lowBits(bits));
}

Layout::Compact Layout::removeZeroRegisters() const {
  Compact out;
  Span span;
  llvm::SmallVector<uint32_t, 16> kept;
  for (uint32_t i = 0; i < inBits(Input::Register); i++) {
    uint32_t basis = bases(Input::Register)[i];
    if (span.insert(basis, Span::Tag(1) << kept.size())) {
      out.toNew.append(1u << kept.size());
      out.toOld.append(1u << i);
      kept.push_back(basis);
    } else {
      out.toNew.append(uint32_t(*span.solve(basis)));
    }
  }
  out.layout = Layout(dims(), kept, bases(Input::Lane), bases(Input::Warp), bases(Input::Block));
  return out;
}

} // namespace tegula::layout
