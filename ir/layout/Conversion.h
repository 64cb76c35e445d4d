//===- Conversion.h - how a tile gets from one layout to another ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// If every thread, or at least every warp, holds what its own registers shall hold, the conversion is a short program over
// registers, given for the whole warp by linear maps. Everything else goes through shared memory.
//
// A program works on *words*: 2^pack registers of elements below 32 bits make one, register bits [0, pack) count within it.
// At the start and at the end registers are packed in their own order, as tightly as 32 bits allow (packBits). A thread is
// its number in the block: lane bits, then warp bits (then block bits). Steps, in order:
//
//     Permute    register r becomes old register registers(r), with packing `pack`. Costs byte permutations at most.
//     Swap       where thread & threads has odd parity, register r becomes register r ^ flip: selects, or byte permutations
//                with a selector that depends on the thread if flip reaches into words.
//     Exchange   half of the registers go to the partner, lane ^ laneFlip: with d = parity(r & flip) ^ parity(thread & threads)
//                register r becomes, if d, register r ^ flip of the partner, else stays. flip is a single bit: a shuffle and
//                three selects for two words, or, within words, a shuffle and a byte permutation for one.
//     Shuffle    register r becomes old register registers(r) of lane lanes(thread) ^ laneFlips(r).
//
// Transposing 2 x 2 between register bit 0 and lane bit 0 is one Exchange with laneFlip = threads = flip = 1:
//
//     lane 0: a b      lane 0 sends b, lane 1 sends c      lane 0: a c
//     lane 1: c d      -------------------------------->   lane 1: b d
//
// Every major (Layout.h) runs the same program on its registers.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/SharedAccess.h"

namespace tegula::layout {

struct Step {
  enum class Kind : uint8_t { Permute, Swap, Exchange, Shuffle };

  Kind kind;
  uint8_t pack = 0; ///< packing of the result
  uint32_t threads = 0;
  uint32_t flip = 0;
  uint32_t laneFlip = 0;
  BitMatrix registers = {}; ///< from bits of the new register
  BitMatrix lanes = {};     ///< from bits of the thread, to bits of a lane
  BitMatrix laneFlips = {}; ///< from bits of the new register, to bits of a lane
};

/// What a warp executes, and what a solver may compare.
struct Cost {
  uint32_t bytePermutes = 0, selects = 0, shuffles = 0;
  uint32_t sharedStores = 0, sharedLoads = 0; ///< instructions
  uint32_t storeWavefronts = 0, loadWavefronts = 0;
  uint32_t addresses = 0; ///< instructions that make addresses
  uint32_t barriers = 0, warpBarriers = 0;

  uint32_t instructions() const {
    return bytePermutes + selects + shuffles + sharedStores + sharedLoads + addresses + barriers +
           warpBarriers;
  }
  /// Issue slots. A shuffle and a wavefront keep the shared memory's pipe, a fourth as wide as the issue of four partitions,
  /// busy: they count double. A barrier costs the wait of the slowest warp.
  uint32_t cycles() const {
    return instructions() + shuffles + 2 * (storeWavefronts + loadWavefronts) + 30 * barriers +
           4 * warpBarriers;
  }
  friend bool operator==(const Cost &, const Cost &) = default;
};

/// A conversion through shared memory. What both layouts hold in registers alone is cut into *slices* that need not be in
/// memory at once: slice s has the registers writerRegister(s | register of the slice << sliceBits), and every major has all
/// of them. The slice is a tile of one dimension.
struct SharedExchange {
  Layout writer, reader;
  SharedLayout memory;
  unsigned elementBits = 32;
  unsigned sliceBits = 0;
  BitMatrix writerRegister, readerRegister;
  bool withinWarp = false; ///< each warp reads what it wrote: a barrier of the warp is enough

  uint32_t sliceBytes() const { return uint32_t(memory.elements()) * std::max(elementBits, 8u) / 8; }
  SharedAccess write() const { return SharedAccess(writer, memory, elementBits); }
  SharedAccess read() const { return SharedAccess(reader, memory, elementBits); }
};

struct Conversion {
  enum class Kind : uint8_t {
    Nothing,   ///< register r is register r
    Registers, ///< renaming: source(r)
    Bytes,     ///< renaming of elements within 32-bit words
    Select,    ///< which register depends on the thread
    Shuffle,   ///< within warps
    Shared,    ///< `exchange`
    Indexed, ///< through shared memory by the elements' own row-major indices: the majors of the two layouts differ
  };

  Kind kind = Kind::Nothing;
  Cost cost;
  llvm::SmallVector<Step, 4> steps;
  std::optional<SharedExchange> exchange;
  bool acrossBlocks = false; ///< elements go from block to block, which no plan here does

  /// Of Nothing, Registers, Bytes: the register that register `reg` is, majors counted in.
  uint32_t source(uint32_t reg) const;
  /// Bits of `from` and `to` registers, for source().
  uint8_t fromBits = 0, toBits = 0;
};

struct ConversionLimits {
  bool shuffles = true;            ///< false: only what stays in the thread, and shared memory
  bool shared = true;              ///< false: shared memory only where nothing else does it
  uint32_t sharedBytes = 48 << 10; ///< how much of it may be in use at once, for the count of barriers
};

/// The cheapest plan. Both layouts cover the tile and have the same number of threads.
Conversion planConversion(const Layout &from, const Layout &to, unsigned elementBits,
                          const ConversionLimits &limits = {});

/// Register bits that count within a word when registers are packed in their own order.
unsigned packBits(const Layout &layout, unsigned elementBits);

/// One instruction of a Permute: four bytes, byte i being byte selector[i] of {first, second}, numbered 0 to 7.
struct BytePermute {
  uint32_t first,
      second; ///< words: below `words`, of the source; else the results of earlier permutes, from `words` on
  std::array<uint8_t, 4> selector;
};
/// A Permute of elements below 32 bits as instructions: `result[w]` is the word (numbered as above) that is new word w.
struct BytePlan {
  uint32_t words; ///< of the source
  llvm::SmallVector<BytePermute, 16> permutes;
  llvm::SmallVector<uint32_t, 16> result;
};
/// `sourceBits`, `sourcePack`: register bits and packing before the step.
BytePlan planBytes(const Step &permute, unsigned sourceBits, unsigned sourcePack, unsigned elementBits);

} // namespace tegula::layout
