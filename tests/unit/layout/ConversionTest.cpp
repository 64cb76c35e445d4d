//===- ConversionTest.cpp - conversions executed element by element ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RandomLayout.h"

#include "ir/layout/Conversion.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace tegula::layout;
using namespace tegula::layout::testing;

namespace {

using Kind = Conversion::Kind;

/// Registers of all threads of a block, [thread][register]; an element is its index, majors included.
using Registers = std::vector<std::vector<int64_t>>;
constexpr int64_t nothing = -1;

struct Threads {
  unsigned laneBits, warpBits;
  uint32_t count() const { return 1u << (laneBits + warpBits); }
  uint32_t lane(uint32_t thread) const { return thread & lowBits(laneBits); }
  uint32_t warp(uint32_t thread) const { return thread >> laneBits; }
};

Registers held(const Layout &layout, Threads threads) {
  Registers out(threads.count());
  Index extents = layout.extents();
  for (uint32_t thread = 0; thread < threads.count(); thread++)
    for (uint32_t reg = 0; reg < layout.registers(); reg++)
      out[thread].push_back(linear(layout.index(reg, threads.lane(thread), threads.warp(thread)), extents));
  return out;
}

/// Checks the form that the emitter relies on, then does what a step says.
void run(const Step &step, Threads threads, Registers &registers, unsigned &bits, unsigned pack) {
  Registers old = registers;
  bool renumbers = step.kind == Step::Kind::Permute || step.kind == Step::Kind::Shuffle;
  uint32_t laneMask = lowBits(threads.laneBits);
  unsigned newBits = renumbers ? step.registers.size() : bits;
  ASSERT_LE(step.pack, newBits);
  if (step.kind != Step::Kind::Permute)
    ASSERT_EQ(step.pack, pack) << "only a permutation packs";
  if (step.kind == Step::Kind::Shuffle)
    for (unsigned i = 0; i < pack; i++) {
      ASSERT_EQ(step.registers[i], 1u << i) << "whole words travel";
      ASSERT_EQ(step.laneFlips[i], 0u);
    }
  if (step.kind == Step::Kind::Exchange) {
    ASSERT_TRUE(std::has_single_bit(step.flip));
    ASSERT_TRUE(parity(step.threads & step.laneFlip)) << "partners must disagree";
    ASSERT_EQ(step.laneFlip & ~laneMask, 0u);
  }
  for (uint32_t thread = 0; thread < threads.count(); thread++) {
    registers[thread].assign(size_t(1) << newBits, nothing);
    for (uint32_t reg = 0; reg < 1u << newBits; reg++) {
      uint32_t from = thread, source = reg;
      switch (step.kind) {
      case Step::Kind::Permute: source = step.registers(reg); break;
      case Step::Kind::Swap: source = parity(thread & step.threads) ? reg ^ step.flip : reg; break;
      case Step::Kind::Exchange:
        if (parity(reg & step.flip) ^ parity(thread & step.threads)) {
          source = reg ^ step.flip;
          from = thread ^ step.laneFlip;
        }
        break;
      case Step::Kind::Shuffle:
        source = step.registers(reg);
        from = (thread & ~laneMask) | (step.lanes(thread) ^ step.laneFlips(reg));
        break;
      }
      ASSERT_EQ(from >> threads.laneBits, thread >> threads.laneBits) << "within the warp";
      ASSERT_LT(source, old[from].size());
      registers[thread][reg] = old[from][source];
    }
  }
  bits = newBits;
}

/// The same of a Permute, byte by byte.
void checkBytes(const Step &step, unsigned sourceBits, unsigned sourcePack, unsigned elementBits) {
  BytePlan plan = planBytes(step, sourceBits, sourcePack, elementBits);
  unsigned elementBytes = elementBits / 8;
  std::vector<std::array<int, 4>> words(plan.words);
  for (uint32_t reg = 0; reg < 1u << sourceBits; reg++)
    for (unsigned byte = 0; byte < elementBytes; byte++)
      words[reg >> sourcePack][(reg & lowBits(sourcePack)) * elementBytes + byte] =
          int(reg * elementBytes + byte);
  for (const BytePermute &permute : plan.permutes) {
    std::array<int, 4> word;
    ASSERT_LT(std::max(permute.first, permute.second), words.size());
    for (unsigned byte = 0; byte < 4; byte++)
      word[byte] =
          words[permute.selector[byte] < 4 ? permute.first : permute.second][permute.selector[byte] & 3];
    words.push_back(word);
  }
  for (uint32_t reg = 0; reg < 1u << step.registers.size(); reg++)
    for (unsigned byte = 0; byte < elementBytes; byte++)
      ASSERT_EQ(words[plan.result[reg >> step.pack]][(reg & lowBits(step.pack)) * elementBytes + byte],
                int(step.registers(reg) * elementBytes + byte));
}

struct Counted {
  uint32_t shuffles = 0, selects = 0, bytePermutes = 0;
};
struct State {
  unsigned bits, pack;
};

/// The instructions of a program, from its end on: those whose results are asked for.
Counted count(const Conversion &plan, llvm::ArrayRef<State> before, const Layout &to, unsigned elementBits,
              Threads threads) {
  Counted out;
  std::set<uint32_t> words;
  for (uint32_t reg = 0; reg < 1u << plan.toBits; reg++)
    words.insert(reg >> packBits(to, elementBits));
  for (size_t s = plan.steps.size(); s-- > 0;) {
    const Step &step = plan.steps[s];
    auto [bits, pack] = before[s];
    std::set<uint32_t> old = words;
    words.clear();
    switch (step.kind) {
    case Step::Kind::Permute:
      if (elementBits == 8 || elementBits == 16)
        out.bytePermutes += uint32_t(planBytes(step, bits, pack, elementBits).permutes.size());
      for (uint32_t reg = 0; reg < 1u << step.registers.size(); reg++)
        if (old.count(reg >> step.pack))
          words.insert(step.registers(reg) >> pack);
      break;
    case Step::Kind::Swap:
      for (uint32_t word : old) {
        (step.flip & lowBits(pack) ? out.bytePermutes : out.selects)++;
        words.insert(word);
        words.insert(word ^ step.flip >> pack);
      }
      break;
    case Step::Kind::Exchange:
      words = old;
      for (uint32_t word = 0; word < 1u << (bits - pack); word++)
        words.insert(word);
      out.shuffles += uint32_t(words.size()) >> (step.flip >> pack ? 1 : 0);
      (step.flip >> pack ? out.selects : out.bytePermutes) +=
          uint32_t(words.size()) * (step.flip >> pack ? 3 : 2) / 2;
      break;
    case Step::Kind::Shuffle: {
      bool home = true;
      for (unsigned i = 0; i < threads.laneBits + threads.warpBits; i++)
        home &= step.lanes[i] == (i < threads.laneBits ? 1u << i : 0);
      for (uint32_t word : old) {
        out.shuffles += !home || step.laneFlips(word << pack);
        words.insert(step.registers(word << pack) >> pack);
      }
      break;
    }
    }
  }
  return out;
}

Registers runProgram(const Conversion &plan, const Layout &from, const Layout &to, unsigned elementBits,
                     Threads threads, Counted &counted) {
  Registers source = held(from, threads), result(threads.count());
  for (uint32_t major = 0; major < from.majors(); major++) {
    Registers registers(threads.count());
    for (uint32_t thread = 0; thread < threads.count(); thread++)
      registers[thread].assign(source[thread].begin() + (major << plan.fromBits),
                               source[thread].begin() + ((major + 1) << plan.fromBits));
    State state = {plan.fromBits, packBits(from, elementBits)};
    llvm::SmallVector<State, 8> before;
    for (const Step &step : plan.steps) {
      before.push_back(state);
      if (step.kind == Step::Kind::Permute && (elementBits == 8 || elementBits == 16))
        checkBytes(step, state.bits, state.pack, elementBits);
      run(step, threads, registers, state.bits, state.pack);
      state.pack = step.pack;
    }
    EXPECT_EQ(state.bits, plan.toBits);
    EXPECT_EQ(state.pack, packBits(to, elementBits));
    for (uint32_t thread = 0; thread < threads.count(); thread++)
      result[thread].insert(result[thread].end(), registers[thread].begin(), registers[thread].end());
    counted = count(plan, before, to, elementBits, threads);
  }
  return result;
}

Registers runShared(const Conversion &plan, const Layout &from, const Layout &to, Threads threads) {
  const SharedExchange &exchange = *plan.exchange;
  SharedAccess write = exchange.write(), read = exchange.read();
  Registers source = held(from, threads), result(threads.count());
  for (auto &list : result)
    list.assign(to.registers(), nothing);
  InputBits copies = exchange.writer.freeBits();
  uint32_t bytes = std::max(exchange.elementBits, 8u) / 8;
  for (uint32_t major = 0; major < from.majors(); major++)
    for (uint32_t slice = 0; slice < 1u << exchange.sliceBits; slice++) {
      std::map<uint32_t, std::pair<int64_t, uint32_t>> memory; // by address: element, writing warp
      for (uint32_t thread = 0; thread < threads.count(); thread++) {
        if (threads.warp(thread) & copies[Input::Warp] || threads.lane(thread) & copies[Input::Lane])
          continue;
        for (uint32_t a = 0; a < write.accesses(); a++)
          for (uint32_t e = 0; e < write.vector(); e++) {
            uint32_t reg = exchange.writerRegister(write.registerOf(a, e) << exchange.sliceBits | slice);
            memory[write.address(a, thread) + e * bytes] = {source[thread][major << plan.fromBits | reg],
                                                            threads.warp(thread)};
          }
      }
      EXPECT_EQ(memory.size() * bytes, exchange.sliceBytes());
      for (uint32_t thread = 0; thread < threads.count(); thread++)
        for (uint32_t r = 0; r < exchange.reader.registers(); r++) {
          auto [a, e] = read.placeOf(r);
          auto [element, writer] = memory.at(read.address(a, thread) + e * bytes);
          if (exchange.withinWarp)
            EXPECT_EQ(writer, threads.warp(thread));
          result[thread][major << plan.toBits | exchange.readerRegister(r << exchange.sliceBits | slice)] =
              element;
        }
    }
  return result;
}

std::map<Kind, int> seen;

/// The right element in every register of every thread, whatever the plan.
Conversion check(const Layout &from, const Layout &to, unsigned elementBits,
                 const ConversionLimits &limits = {}) {
  Conversion plan = planConversion(from, to, elementBits, limits);
  Threads threads = {from.inBits(Input::Lane), from.inBits(Input::Warp)};
  std::string what = from.str() + "  to  " + to.str() + "  of " + std::to_string(elementBits) + " bits";
  seen[plan.kind]++;
  if (plan.kind == Kind::Indexed) {
    EXPECT_NE(Dims(from.dims()), Dims(to.dims()));
    return plan;
  }
  Counted counted;
  Registers got = plan.kind == Kind::Shared ? runShared(plan, from, to, threads)
                                            : runProgram(plan, from, to, elementBits, threads, counted);
  EXPECT_EQ(got, held(to, threads)) << what;
  if (plan.kind == Kind::Nothing || plan.kind == Kind::Registers || plan.kind == Kind::Bytes)
    for (auto [reg, element] : llvm::enumerate(got[0]))
      EXPECT_EQ(linear(from.index(plan.source(uint32_t(reg)), 0, 0), from.extents()), element) << what;
  if (plan.kind == Kind::Nothing || plan.kind == Kind::Registers)
    EXPECT_EQ(plan.cost, Cost()) << what;
  if (plan.kind != Kind::Shared) {
    uint32_t words = std::max(1u, elementBits / 32) * from.majors(),
             permutes = counted.bytePermutes * from.majors();
    EXPECT_EQ(plan.cost.shuffles, counted.shuffles * words) << what;
    uint32_t conversions = elementBits < 8 ? 2 * plan.cost.shuffles : 0; // from predicates, and back
    EXPECT_EQ(plan.cost.selects, counted.selects * words + conversions) << what;
    // Exact, but for bytes whose four sources are not those of four words: some halves are of use only once.
    if (elementBits != 8)
      EXPECT_EQ(plan.cost.bytePermutes, permutes) << what;
    EXPECT_LE(permutes, 2 * plan.cost.bytePermutes) << what;
  }
  return plan;
}

TEST(Conversion, RandomPairs) {
  RandomLayouts random(21);
  random.laneBits = 4, random.warpBits = 1;
  seen.clear();
  for (int i = 0; i < 4000; i++) {
    Dims dims = random.dims(9);
    Layout from = random.layout(dims, random.below(2)), to = random.layout(dims, random.below(2));
    check(from, to, random.below(8) ? 8u << random.below(4) : 1);
  }
  for (Kind kind : {Kind::Select, Kind::Shuffle, Kind::Shared})
    EXPECT_GT(seen[kind], 20) << int(kind);
}

/// The same registers, lanes and warps with some of them exchanged: what stays in a thread or a warp.
TEST(Conversion, PermutedBits) {
  RandomLayouts random(22);
  random.laneBits = 4, random.warpBits = 1;
  seen.clear();
  for (int i = 0; i < 6000; i++) {
    Dims dims = random.dims(9);
    Layout from = random.layout(dims, random.below(4) == 0);
    std::array<std::vector<uint32_t>, 3> bases;
    for (unsigned input = 0; input < 3; input++)
      bases[input].assign(from.bases(Input(input)).begin(), from.bases(Input(input)).end());
    for (unsigned swaps = random.below(4); swaps-- > 0;) {
      unsigned a = random.below(2), b = random.below(8) ? random.below(2) : 2;
      if (bases[a].empty() || bases[b].empty())
        continue;
      unsigned x = random.below(unsigned(bases[a].size())), y = random.below(unsigned(bases[b].size()));
      if (random.below(4) == 0 && (a != b || x != y))
        bases[a][x] ^= bases[b][y];
      else
        std::swap(bases[a][x], bases[b][y]);
    }
    if (random.below(4) == 0)
      bases[0].push_back(0);
    Layout to(dims, bases[0], bases[1], bases[2]);
    if (!to.covers())
      continue;
    ConversionLimits limits;
    limits.shared = random.below(2);
    check(from, to, 8u << random.below(4), limits);
  }
  for (Kind kind : {Kind::Nothing, Kind::Registers, Kind::Bytes, Kind::Select, Kind::Shuffle, Kind::Shared})
    EXPECT_GT(seen[kind], 50) << int(kind);
}

Conversion between(const char *from, const char *to, unsigned elementBits,
                   const ConversionLimits &limits = {}) {
  return check(*Layout::parse(from), *Layout::parse(to), elementBits, limits);
}

TEST(Conversion, KindsByExample) {
  const char *rows = "8x32 reg (0,1..4) lane (0,8..16) (1..4,0)";
  EXPECT_EQ(between(rows, rows, 32).kind, Kind::Nothing);
  EXPECT_EQ(between(rows, "8x32 reg (0,4) (0,1..2) lane (0,8..16) (1..4,0)", 32).kind, Kind::Registers);
  EXPECT_EQ(between(rows, "8x32 reg (0,1) (0,4) (0,2) lane (0,8..16) (1..4,0)", 16).kind, Kind::Registers)
      << "words stay whole";
  Conversion bytes = between(rows, "8x32 reg (0,2) (0,1) (0,4) lane (0,8..16) (1..4,0)", 16);
  EXPECT_EQ(bytes.kind, Kind::Bytes);
  EXPECT_EQ(bytes.cost.bytePermutes, 4u);
  EXPECT_EQ(bytes.source(1), 2u);
  // One bit exchanged between registers and lanes: half of the registers travel.
  Conversion exchange = between(rows, "8x32 reg (0,1..2) (0,8) lane (0,4) (0,16) (1..4,0)", 32);
  EXPECT_EQ(exchange.kind, Kind::Shuffle);
  EXPECT_EQ(exchange.cost.shuffles, 4u);
  EXPECT_EQ(exchange.cost.selects, 12u);
  // Two elements a word: half of the shuffles.
  EXPECT_EQ(between(rows, "8x32 reg (0,1..2) (0,8) lane (0,4) (0,16) (1..4,0)", 16).cost.shuffles, 2u);
  // An exchange within words sends them whole: cheaper than to take them apart.
  Conversion words = between(rows, "8x32 reg (0,8) (0,2..4) lane (0,1) (0,16) (1..4,0)", 16);
  EXPECT_EQ(words.cost.shuffles, 4u);
  EXPECT_EQ(words.cost.bytePermutes, 4u);
  EXPECT_EQ(words.cost.selects, 0u);
  // Lanes exchanged: every register travels, nothing is selected.
  Conversion lanes = between(rows, "8x32 reg (0,1..4) lane (0,16) (0,8) (1..4,0)", 32);
  EXPECT_EQ(lanes.kind, Kind::Shuffle);
  EXPECT_EQ(lanes.cost.shuffles, 8u);
  EXPECT_EQ(lanes.cost.selects, 0u);
  // A row is needed by all its lanes: three of four come from elsewhere.
  Conversion gather = between("8x4 lane (0,1..2) (1..4,0)", "8x4 reg (0,1..2) lane 0 0 (1..4,0)", 32);
  EXPECT_EQ(gather.kind, Kind::Shuffle);
  EXPECT_EQ(gather.cost.shuffles, 3u);
  // Copies are dropped: each lane takes one of its registers.
  Conversion select = between("8x4 reg (0,1..2) lane 0 0 (1..4,0)", "8x4 lane (0,1..2) (1..4,0)", 32);
  EXPECT_EQ(select.kind, Kind::Select);
  EXPECT_EQ(select.cost.selects, 3u);
  // From one warp to another.
  Conversion shared = between("8x32 reg (0,1..2) lane (0,4..16) (1..2,0) warp (4,0)",
                              "8x32 reg (0,1..2) lane (0,4..16) (2..4,0) warp (1,0)", 32);
  EXPECT_EQ(shared.kind, Kind::Shared);
  EXPECT_EQ(shared.cost.barriers, 1u);
  EXPECT_EQ(shared.cost.sharedStores, 1u);
  EXPECT_EQ(shared.cost.loadWavefronts, 4u);
  EXPECT_EQ(between("3*16 lane (1..8) 0", "64 reg (32) lane (1..16)", 32).kind, Kind::Indexed);
}

/// Each lane offers the register that some other lane wants: one shuffle although 32 elements come from 8 lanes.
TEST(Conversion, CopiesShareTheWork) {
  Conversion plan = between("32 reg (1..2) lane (4..16) 0 0", "32 lane (1..16)", 32);
  EXPECT_EQ(plan.kind, Kind::Shuffle);
  EXPECT_EQ(plan.cost.shuffles, 1u);
  EXPECT_EQ(plan.cost.selects, 3u);
}

TEST(Conversion, MajorsRepeatTheProgram) {
  Conversion plan =
      between("3*4x8 reg (0,1) lane (0,2..4) (1..2,0) 0", "3*4x8 reg (0,2) lane (0,1) (0,4) (1..2,0) 0", 32);
  EXPECT_EQ(plan.kind, Kind::Shuffle);
  EXPECT_EQ(plan.cost.shuffles, 3u);
}

TEST(Conversion, BytesOfATransposition) {
  // 4 x 4 bytes between registers: two permutes a word, not three.
  Conversion plan = between("4x4 reg (0,1..2) (1..2,0)", "4x4 reg (1..2,0) (0,1..2)", 8);
  EXPECT_EQ(plan.kind, Kind::Bytes);
  EXPECT_EQ(plan.cost.bytePermutes, 8u);
  EXPECT_EQ(planBytes(plan.steps[0], 4, 2, 8).permutes.size(), 8u);
}

TEST(Conversion, SharedInSlices) {
  ConversionLimits limits;
  limits.sharedBytes = 4096;
  // Rows 16.. and columns 64 are common registers that no vector needs.
  Layout from = *Layout::parse("32x128 reg (0,1..2) (0,64) (16,0) lane (0,4..32) (1,0) warp (2..8,0)");
  Layout to =
      *Layout::parse("32x128 reg (0,1..2) (16,0) (0,64) lane (8,0) (0,32) (0,16) (0,8) (0,4) warp (1..4,0)");
  Conversion plan = check(from, to, 32, limits);
  ASSERT_EQ(plan.kind, Kind::Shared);
  EXPECT_EQ(plan.exchange->sliceBits, 2u);
  EXPECT_EQ(plan.exchange->sliceBytes(), 4096u);
  EXPECT_EQ(plan.cost.barriers, 7u) << "one slice at once";
  EXPECT_EQ(check(from, to, 32).cost.barriers, 1u);
  EXPECT_EQ(plan.exchange->write().vectorBytes(), 16u);
  EXPECT_EQ(plan.exchange->read().vectorBytes(), 16u);
}

} // namespace
