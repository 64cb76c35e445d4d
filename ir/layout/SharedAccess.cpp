//===- SharedAccess.cpp - how the threads of a block reach a tile in shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/SharedAccess.h"

#include <algorithm>

namespace tegula::layout {

SharedAccess::SharedAccess(const Layout &registers, const SharedLayout &memory, unsigned elementBits,
                           unsigned maxBytes)
    : elementBits(std::max(elementBits, 8u)), majors(registers.majors()),
      majorStride(bytes(1u << memory.flatBits())), registerBits(registers.inBits(Input::Register)) {
  assert(registers.dims() == memory.dims());
  BitMatrix toOffset = memory.inverse();
  chooseVector(registers, toOffset, maxBytes);
  chooseGroups(registers, toOffset);
  planBase(registers, toOffset);
  countWavefronts(registers, toOffset);
  countPermutations(registers);
}

void SharedAccess::chooseVector(const Layout &registers, const BitMatrix &toOffset, unsigned maxBytes) {
  Span span;
  for (unsigned i = 0; i < registerBits; i++)
    span.insert(toOffset(registers.bases()[i]), Span::Tag(1) << i);
  while (vectorBits < toOffset.size() && bytes(2u << vectorBits) <= maxBytes &&
         span.contains(1u << vectorBits))
    vectorBits++;
  // A thread whose first element is not at a multiple of the width would need its registers in another order.
  for (uint32_t basis : registers.bases().drop_front(registerBits))
    while (vectorBits && toOffset(basis) & lowBits(vectorBits))
      vectorBits--;
  for (unsigned i = 0; i < vectorBits; i++)
    vectorRegisters.append(uint32_t(*span.solve(1u << i)));
}

void SharedAccess::chooseGroups(const Layout &registers, const BitMatrix &toOffset) {
  Span places;
  for (unsigned i = 0; i < vectorBits; i++)
    places.insert(1u << i, Span::Tag(1) << i);
  llvm::SmallVector<uint32_t, 12> offsets;
  for (unsigned i = 0; i < registerBits; i++) {
    uint32_t offset = toOffset(registers.bases()[i]), within = offset & lowBits(vectorBits);
    offset ^= within;
    if (!places.insert(offset, Span::Tag(1) << (vectorBits + groups.size())))
      continue;
    groups.push_back(1u << i ^ vectorRegisters(within));
    offsets.push_back(offset);
  }
  for (unsigned i = 0; i < registerBits; i++)
    placeOfBit.push_back(uint32_t(*places.solve(toOffset(registers.bases()[i]))));
  for (uint32_t offset : offsets)
    added.append(bytes(offset)); // split into flips and immediates when the base is known
}

uint32_t SharedAccess::registerOf(uint32_t access, uint32_t element) const {
  uint32_t out = vectorRegisters(element);
  forEachBit(access & lowBits(unsigned(groups.size())), [&](unsigned i) { out ^= groups[i]; });
  return (access >> groups.size()) << registerBits | out;
}

std::pair<uint32_t, uint32_t> SharedAccess::placeOf(uint32_t reg) const {
  uint32_t place = 0;
  forEachBit(reg & lowBits(registerBits), [&](unsigned i) { place ^= placeOfBit[i]; });
  return {(reg >> registerBits) << groups.size() | place >> vectorBits, place & lowBits(vectorBits)};
}

bool SharedAccess::keepsRuns(uint32_t run) const {
  if (vector() < run)
    return false;
  for (uint32_t reg = 0; reg < 1u << registerBits; ++reg) {
    auto [firstAccess, first] = placeOf(reg - reg % run);
    if (first % run || placeOf(reg) != std::pair(firstAccess, first + reg % run))
      return false;
  }
  return true;
}

void SharedAccess::planBase(const Layout &registers, const BitMatrix &toOffset) {
  uint32_t used = 0;
  unsigned threadBits = registers.inBits(Input::Lane) + registers.inBits(Input::Warp);
  for (unsigned i = 0; i < threadBits; i++) {
    uint32_t offset = bytes(toOffset(registers.bases()[registerBits + i]));
    used |= offset;
    forEachBit(offset, [&](unsigned bit) {
      int shift = int(bit) - int(i);
      auto term = std::find_if(baseTerms.begin(), baseTerms.end(),
                               [&](const Term &candidate) { return candidate.shift == shift; });
      if (term == baseTerms.end())
        term = baseTerms.insert(term, {0, shift});
      term->mask |= 1u << i;
    });
  }
  for (unsigned i = 0; i < added.size(); i++) {
    flipped.append(added[i] & used);
    added[i] &= ~used;
  }
}

uint32_t SharedAccess::base(uint32_t thread) const {
  uint32_t out = 0;
  for (const Term &term : baseTerms)
    out ^= term.shift >= 0 ? (thread & term.mask) << term.shift : (thread & term.mask) >> -term.shift;
  return out;
}

uint32_t SharedAccess::immediate(uint32_t access) const {
  return added(access & lowBits(unsigned(groups.size()))) + (access >> groups.size()) * majorStride;
}

void SharedAccess::countWavefronts(const Layout &registers, const BitMatrix &toOffset) {
  unsigned width = vectorBytes(), together = width <= 4 ? 5 : width == 8 ? 4 : 3; // lane bits at a time
  unsigned laneBits = registers.inBits(Input::Lane);
  Span words, banks;
  auto reach = [&](uint32_t offset) {
    uint32_t word = bytes(offset) >> 2;
    words.insert(word);
    banks.insert(word & 31);
  };
  for (unsigned i = 0; i < vectorBits; i++)
    reach(1u << i);
  for (unsigned i = 0; i < std::min(laneBits, together); i++)
    reach(toOffset(registers.bases(Input::Lane)[i]));
  partCount = laneBits > together ? 1u << (laneBits - together) : 1;
  wavefrontCount = partCount << (words.dimension() - banks.dimension());
}

void SharedAccess::countPermutations(const Layout &registers) {
  if (elementBits >= 32)
    return;
  unsigned packBits = std::min(5u - unsigned(std::countr_zero(elementBits)), registerBits);
  if (packBits == 0)
    return;
  uint32_t words = (accesses() << vectorBits) >> packBits;
  if (vectorBits < packBits) { // parts of words, cut out or put together one by one
    permutations = words * ((1u << (packBits - vectorBits)) - 1);
    return;
  }
  bool natural = true;
  Span sources;
  for (unsigned i = 0; i < packBits; i++) {
    natural &= vectorRegisters[i] == 1u << i;
    sources.insert(vectorRegisters[i] >> packBits);
  }
  if (!natural)
    permutations = words * std::max(1u, (1u << sources.dimension()) - 1);
}

} // namespace tegula::layout
