//===- Conversion.cpp - how a tile gets from one layout to another ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/WarpProgram.h"

#include <algorithm>

namespace tegula::layout {
namespace {

/// Flat bits that a register bit of each side, and no other input of either, flips: the tile can be cut along them.
/// The lowest common registers make vectors and stay.
struct Slices {
  uint32_t flat = 0;
  llvm::SmallVector<std::pair<uint8_t, uint8_t>, 8> registers; ///< of writer and reader

  Slices(const Layout &writer, const Layout &reader, unsigned vectorBits) {
    uint32_t shared = 0; // flat bits that two inputs of one side flip
    for (const Layout *side : {&writer, &reader}) {
      uint32_t seen = 0;
      for (uint32_t basis : side->bases()) {
        shared |= seen & basis;
        seen |= basis;
      }
    }
    llvm::ArrayRef<uint32_t> theirs = reader.bases(Input::Register);
    for (auto [i, basis] : llvm::enumerate(writer.bases(Input::Register))) {
      if (!std::has_single_bit(basis) || basis & shared)
        continue;
      auto found = std::find(theirs.begin(), theirs.end(), basis);
      if (found == theirs.end())
        continue;
      if (vectorBits) {
        vectorBits--;
        continue;
      }
      flat |= basis;
      registers.push_back({uint8_t(i), uint8_t(found - theirs.begin())});
    }
  }

  uint32_t squeeze(uint32_t index) const {
    uint32_t out = 0;
    forEachBit(index & ~flat, [&](unsigned at) { out |= 1u << std::popcount(~flat & lowBits(at)); });
    return out;
  }
  /// One side within a slice; `registers` gets slice bits, then the others, to register bits of the whole.
  Layout within(const Layout &side, bool reading, BitMatrix &map) const {
    uint32_t taken = 0;
    for (auto [ours, theirs] : registers) {
      uint8_t bit = reading ? theirs : ours;
      taken |= 1u << bit;
      map.append(1u << bit);
    }
    std::array<llvm::SmallVector<uint32_t, 16>, inputCount> bases;
    for (unsigned input = 0; input < inputCount; input++)
      for (auto [i, basis] : llvm::enumerate(side.bases(Input(input)))) {
        if (input == 0 && taken >> i & 1)
          continue;
        if (input == 0)
          map.append(1u << i);
        bases[input].push_back(squeeze(basis));
      }
    Dim dim;
    dim.bits = (side.flatBits() - unsigned(registers.size())) & 0xff;
    return Layout(dim, bases[0], bases[1], bases[2], bases[3]);
  }
};

SharedExchange planExchange(const Layout &from, const Layout &to, unsigned elementBits, bool withinWarp) {
  SharedExchange out;
  unsigned bytes = std::max(elementBits, 8u) / 8;
  Slices slices(from, to, 4 - unsigned(std::countr_zero(bytes)));
  out.elementBits = elementBits;
  out.sliceBits = unsigned(slices.registers.size());
  out.writer = slices.within(from, false, out.writerRegister);
  out.reader = slices.within(to, true, out.readerRegister);
  out.memory = SharedLayout::forPair(out.writer, out.reader, elementBits);
  // Copies in other warps: only one of them writes.
  out.withinWarp = withinWarp && !out.writer.freeBits()[Input::Warp];
  return out;
}

Cost costOf(const SharedExchange &exchange, const Layout &from, const Layout &to,
            const ConversionLimits &limits) {
  SharedAccess write = exchange.write(), read = exchange.read();
  uint32_t slices = from.majors() << exchange.sliceBits;
  uint32_t atOnce = std::clamp(limits.sharedBytes / exchange.sliceBytes(), 1u, slices);
  uint32_t rounds = (slices + atOnce - 1) / atOnce;
  Cost cost;
  cost.sharedStores = write.accesses() * slices;
  cost.sharedLoads = read.accesses() * slices;
  cost.storeWavefronts = write.totalWavefronts() * slices;
  cost.loadWavefronts = read.totalWavefronts() * slices;
  cost.bytePermutes = (write.bytePermutations() + read.bytePermutations()) * slices;
  for (const SharedAccess *access : {&write, &read})
    cost.addresses += 2 * uint32_t(access->terms().size()) + access->baseRegisters();
  (exchange.withinWarp ? cost.warpBarriers : cost.barriers) = 2 * rounds - 1;
  if (exchange.elementBits < 8) // predicates become bytes and predicates again
    cost.selects += from.registers() + to.registers();
  return cost;
}

/// No plan, an estimate: elements one by one, each by its own address.
Cost costByIndex(const Layout &from, const Layout &to) {
  Cost cost;
  cost.sharedStores = cost.storeWavefronts = from.registers();
  cost.sharedLoads = cost.loadWavefronts = to.registers();
  cost.addresses = from.registers() + to.registers();
  cost.barriers = 1;
  return cost;
}

Conversion::Kind kindOf(const WarpProgram &program) {
  if (program.steps.empty())
    return Conversion::Kind::Nothing;
  bool swaps = false;
  for (const Step &step : program.steps) {
    if (step.kind == Step::Kind::Shuffle || step.kind == Step::Kind::Exchange)
      return Conversion::Kind::Shuffle;
    swaps |= step.kind == Step::Kind::Swap;
  }
  if (swaps)
    return Conversion::Kind::Select;
  return program.cost.bytePermutes ? Conversion::Kind::Bytes : Conversion::Kind::Registers;
}

/// Below what no way through shared memory can cost.
uint32_t leastShared(const Layout &from, const Layout &to, unsigned elementBits) {
  uint32_t bits = (from.registers() + to.registers()) * std::max(elementBits, 8u);
  return 2 * (bits / 32) + bits / 128;
}

} // namespace

uint32_t Conversion::source(uint32_t reg) const {
  assert(kind == Kind::Nothing || kind == Kind::Registers || kind == Kind::Bytes);
  uint32_t within = reg & lowBits(toBits);
  for (size_t i = steps.size(); i-- > 0;)
    within = steps[i].registers(within);
  return (reg >> toBits) << fromBits | within;
}

Conversion planConversion(const Layout &from, const Layout &to, unsigned elementBits,
                          const ConversionLimits &limits) {
  Conversion out;
  out.fromBits = uint8_t(from.inBits(Input::Register));
  out.toBits = uint8_t(to.inBits(Input::Register));
  if (from == to)
    return out;
  if (from.dims() != to.dims()) {
    out.kind = Conversion::Kind::Indexed;
    out.cost = costByIndex(from, to);
    return out;
  }
  WarpProgram program = planWarpProgram(from, to, elementBits, limits.shuffles);
  bool few = program.found && (!limits.shared || program.cost.cycles() <= leastShared(from, to, elementBits));
  if (!few) {
    SharedExchange exchange = planExchange(from, to, elementBits, program.withinWarp);
    Cost cost = costOf(exchange, from, to, limits);
    if (!program.found || cost.cycles() < program.cost.cycles()) {
      out.kind = Conversion::Kind::Shared;
      out.cost = cost;
      out.exchange = exchange;
      for (auto [ours, theirs] : llvm::zip(from.bases(Input::Block), to.bases(Input::Block)))
        out.acrossBlocks |= ours != theirs;
      return out;
    }
  }
  out.kind = kindOf(program);
  out.cost = program.cost;
  out.steps = program.steps;
  return out;
}

} // namespace tegula::layout
