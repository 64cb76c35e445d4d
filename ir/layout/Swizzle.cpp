//===- Swizzle.cpp - a layout of shared memory without bank conflicts for a writer and a reader ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The bits of an offset are, from the lowest on: the element of a vector (V), the rest of 128 bytes (which *bank*), which
// 128 bytes (which *segment*). Two words collide if they differ in their segment and not in their bank. What a part of a
// warp reaches at once, its lanes and the words of their vectors, is a space P of at most 128 bytes; it has no conflict if
// P meets the span of the segment's bases in zero only. With Q for the reader, the segments have to be a complement of
// both. Two spaces of one dimension always have a common complement: with P = I + E and Q = I + F, where I is what they
// share, and C what neither reaches, it is C + {e1 ^ f1, e2 ^ f2, ...}. ("Linear Layouts", arXiv 2505.23819, section 5.4.)
//
// If V lies in the registers of both, that is all. A vector that only one side has ("the wide side") is more: its threads
// must not move within V, so banks and segments are taken from a space K that holds the wide side's threads and meets V in
// zero only. The narrow side's lanes outside K then lie at different places of a vector. That helps them: a lane that is a
// register of the wide side is put there on purpose, the wide side takes its registers in another order for it.
//
//===----------------------------------------------------------------------===//

#include "ir/layout/SharedLayout.h"

#include <algorithm>

namespace tegula::layout {
namespace {

using Vectors = llvm::SmallVector<uint32_t, 16>;

unsigned logOf(unsigned x) { return unsigned(std::countr_zero(x)); }

/// A growing list of independent vectors.
struct Basis {
  Vectors vectors;
  Span span;

  size_t size() const { return vectors.size(); }
  bool add(uint32_t vector) {
    if (!span.insert(vector))
      return false;
    vectors.push_back(vector);
    return true;
  }
  void fill(llvm::ArrayRef<uint32_t> from, size_t size) {
    for (uint32_t vector : from)
      if (vectors.size() < size)
        add(vector);
  }
};

/// Which place within a vector each index has: linear, `i` on V[i], zero on the threads of the wide side, on all threads
/// for those bits of V that both sides have.
class Places {
public:
  explicit Places(llvm::ArrayRef<uint32_t> vector) : vector(vector) {
    for (auto [i, direction] : llvm::enumerate(vector))
      span.insert(direction, Span::Tag(1) << i);
  }
  uint32_t of(uint32_t index) const {
    Span::Tag place = 0;
    span.reduce(index, place);
    return uint32_t(place);
  }
  /// Puts `index` at `place` unless its place follows from others.
  void put(uint32_t index, uint32_t place) { span.insert(index, place); }
  /// `index` moved to place zero.
  uint32_t inK(uint32_t index) const {
    forEachBit(of(index), [&](unsigned i) { index ^= vector[i]; });
    return index;
  }

private:
  llvm::ArrayRef<uint32_t> vector;
  Span span; ///< what no vector reaches has place zero
};

class PairSwizzle {
public:
  PairSwizzle(const Layout &writer, const Layout &reader, unsigned elementBits)
      : writer(writer), reader(reader), elementBytes(std::max(elementBits, 8u) / 8),
        wordBits(elementBytes < 4 ? 2 - logOf(elementBytes) : 0),
        lineBits(std::min(7 - logOf(elementBytes), writer.flatBits())) {
    for (unsigned i = 0; i < writer.flatBits(); i++)
      units.push_back(1u << i);
  }

  Vectors offsets() {
    size_t most = 4 - logOf(elementBytes); // 16 bytes
    Basis common = commonRegisters(most);
    auto registers = [](const Layout &side) { return side.bases(Input::Register); };
    for (size_t width = most; width > common.size(); width--) {
      // The side that saves more accesses comes first.
      bool readerFirst = registers(reader).size() > registers(writer).size();
      for (bool wideReader : {readerFirst, !readerFirst}) {
        const Layout &wide = wideReader ? reader : writer, &narrow = wideReader ? writer : reader;
        Basis vector = common;
        vector.fill(registers(wide), width);
        if (vector.size() == width && attempt(vector.vectors, common.size(), wide, narrow))
          return result;
      }
    }
    while (!attempt(common.vectors, common.size(), writer, reader)) {
      common.vectors.pop_back(); // a thread of one side moves along a register of both
      Basis fewer;
      fewer.fill(common.vectors, maxBits);
      common = fewer;
    }
    return result;
  }

private:
  /// Up to `most` directions that lie in registers on both sides: as single register bits where that is so, which spares
  /// permutations of bytes, then as sums of them.
  Basis commonRegisters(size_t most) const {
    Basis out;
    Span theirs, ours;
    for (uint32_t basis : reader.bases(Input::Register))
      theirs.insert(basis);
    for (uint32_t basis : writer.bases(Input::Register)) {
      ours.insert(basis);
      if (out.size() < most && theirs.contains(basis))
        out.add(basis);
    }
    Vectors independent;
    for (uint32_t basis : reader.bases(Input::Register)) {
      Span::Tag self = Span::Tag(1) << independent.size(), relation = 0;
      if (ours.insert(basis, self, &relation)) {
        independent.push_back(basis);
        continue;
      }
      forEachBit(relation & ~self, [&](unsigned i) { basis ^= independent[i]; });
      if (out.size() < most)
        out.add(basis);
    }
    return out;
  }

  /// With the vectors `vector` on the wide side, the first `common` directions of it on the narrow one.
  bool attempt(llvm::ArrayRef<uint32_t> vector, size_t common, const Layout &wide, const Layout &narrow) {
    auto threads = [](const Layout &side) { return side.bases().drop_front(side.inBits(Input::Register)); };
    // What the narrow side reaches at once, its words filled up.
    Basis q;
    q.fill(vector.take_front(std::min(std::max<size_t>(common, wordBits), vector.size())), maxBits);
    for (uint32_t lane : phase(narrow, common))
      q.add(lane);

    Places places(vector);
    for (uint32_t thread : threads(wide)) {
      if (places.of(thread))
        return false;
      places.put(thread, 0);
    }
    Span taken; // the places where words of q are
    for (uint32_t index : q.vectors)
      taken.insert(places.of(index));
    for (uint32_t lane : phase(narrow, common)) {
      uint32_t place = 0;
      for (size_t i = common; i < vector.size() && !place; i++)
        place = taken.contains(1u << i) ? 0 : 1u << i;
      places.put(lane, place);
      taken.insert(places.of(lane));
    }
    for (uint32_t thread : threads(narrow)) {
      places.put(thread, 0);
      if (places.of(thread) & lowBits(unsigned(common)))
        return false;
    }

    // Within K: what each side reaches, up to the rest of a line.
    size_t rest = lineBits - vector.size();
    Basis p, inside;
    for (uint32_t lane : phase(wide, vector.size()))
      p.add(lane);
    for (uint32_t index : kernel(places, q.vectors))
      inside.add(index);
    if (p.size() > rest || inside.size() > rest)
      return false;
    complete(p, inside, places, wide, rest);
    complete(inside, p, places, narrow, rest);
    result.assign(vector.begin(), vector.end());
    result.append(p.vectors);
    appendCommonComplement(p, inside, places);
    return true;
  }

  /// The lanes of a warp that access memory together.
  llvm::ArrayRef<uint32_t> phase(const Layout &side, size_t vectorBits) const {
    unsigned width = elementBytes << vectorBits;
    llvm::ArrayRef<uint32_t> lanes = side.bases(Input::Lane);
    return lanes.take_front(std::min<size_t>(lanes.size(), width <= 4 ? 5 : width == 8 ? 4 : 3));
  }

  static Vectors kernel(const Places &places, llvm::ArrayRef<uint32_t> vectors) {
    Vectors out;
    Span images;
    for (auto [i, vector] : llvm::enumerate(vectors)) {
      Span::Tag relation = 0;
      if (images.insert(places.of(vector), Span::Tag(1) << i, &relation))
        continue;
      uint32_t sum = 0;
      forEachBit(relation, [&](unsigned k) { sum ^= vectors[k]; });
      out.push_back(sum);
    }
    return out;
  }

  /// Fills `p` up to `size` vectors of K: best with what the other side reaches, then with what the side itself has.
  void complete(Basis &p, const Basis &q, const Places &places, const Layout &side, size_t size) const {
    p.fill(q.vectors, size);
    for (llvm::ArrayRef<uint32_t> from : {side.bases(), llvm::ArrayRef(units)})
      for (size_t i = 0; i < from.size() && p.size() < size; i++)
        p.add(places.inK(from[i]));
  }

  void appendCommonComplement(const Basis &p, const Basis &q, const Places &places) {
    Span both = p.span;
    Basis shared;  // I
    Vectors onlyQ; // F
    for (auto [i, vector] : llvm::enumerate(q.vectors)) {
      Span::Tag relation = 0;
      if (both.insert(vector, Span::Tag(1) << i, &relation)) {
        onlyQ.push_back(vector);
        continue;
      }
      uint32_t meeting = 0;
      forEachBit(relation, [&](unsigned k) { meeting ^= q.vectors[k]; });
      shared.add(meeting);
    }
    size_t pair = 0;
    for (uint32_t vector : p.vectors)
      if (pair < onlyQ.size() && shared.add(vector)) // E
        result.push_back(vector ^ onlyQ[pair++]);
    for (llvm::ArrayRef<uint32_t> from : {writer.bases(), reader.bases(), llvm::ArrayRef(units)}) // C
      for (uint32_t vector : from)
        if (uint32_t inK = places.inK(vector); both.insert(inK))
          result.push_back(inK);
  }

  const Layout &writer, &reader;
  unsigned elementBytes, wordBits, lineBits;
  Vectors units, result;
};

} // namespace

SharedLayout SharedLayout::forPair(const Layout &writer, const Layout &reader, unsigned elementBits) {
  assert(writer.dims() == reader.dims());
  return SharedLayout(writer.dims(), PairSwizzle(writer, reader, elementBits).offsets());
}

} // namespace tegula::layout
