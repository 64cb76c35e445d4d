//===- Order.h - which accesses of the past are known to have happened ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Clocks of the race checks. Every warp counts epochs; whatever can make its accesses known to others (a barrier, a
// fence, a release, bar.warp.sync) ends one. An access is stamped with its warp's epoch, and is ordered before a later
// one if the later one's warp knows of that epoch:
//   - lanes of one warp know of each other by bar.warp.sync and barriers; by other `.sync` instructions only if a fence
//     came before them, since PTX gives those no order of memory;
//   - warps of a block by barriers: one of the whole block is a copy of the epochs, no matter what each warp knew;
//   - warps and blocks by synchronisation through memory: a fence, then a strong write (atomic, volatile, relaxed), or a
//     write with .release, leaves what the writer knew at the place written; a strong read of that place takes it over.
//     Fences and releases of .cta scope reach only the own block. A strong read counts as an acquire also where PTX asks
//     for a fence behind it: many programs that are taken to be right leave that one out.
// Other blocks are known by (block, epochs of its warps); most kernels never need that.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tegula::ptx {

struct Warp;
struct BlockState;

using Epochs = std::vector<uint32_t>; ///< by warp of a block

/// What is known of blocks: sorted by their numbers.
class Foreign {
public:
  bool empty() const { return blocks.empty(); }
  void clear() { blocks.clear(); }
  void join(const Foreign &other);
  void join(uint32_t block, const std::shared_ptr<const Epochs> &epochs);
  /// Null if nothing is known of the block.
  const Epochs *find(uint32_t block) const;
  const std::vector<std::pair<uint32_t, std::shared_ptr<const Epochs>>> &all() const { return blocks; }

private:
  std::vector<std::pair<uint32_t, std::shared_ptr<const Epochs>>> blocks;
};

/// Of a warp.
struct WarpOrder {
  static constexpr uint32_t lastEpoch = (1u << 26) - 1; ///< beyond it everything counts as ordered
  uint32_t now = 1;
  uint32_t lanesTogether = 0; ///< the lanes know of each other up to this epoch, and
  std::unique_ptr<std::array<uint32_t, 32 * 32>>
      lanes;             ///< [lane * 32 + other]: further, by syncs of some lanes
  uint32_t fencedAt = 0; ///< the epoch that the last fence ended; 0: none since the lanes were together
  Epochs known;          ///< of the other warps, beyond BlockOrder::together; empty: nothing
  Epochs fenced[2];      ///< what a strong write of .cta scope, of wider scope gives on; empty: nothing
  Foreign foreign;

  void tick() { now += now < lastEpoch; }
  uint32_t laneKnows(int lane, int other) const {
    uint32_t k = lanes ? (*lanes)[size_t(lane) * 32 + size_t(other)] : 0;
    return k > lanesTogether ? k : lanesTogether;
  }
};

/// Of a block.
struct BlockOrder {
  Epochs together; ///< all warps know of each warp up to this epoch
  Epochs fenced;   ///< of that, what was fenced for other blocks
  Foreign foreign;
};

enum class MemoryScope : uint8_t { cta, gpu, sys };
enum class MemoryOrder : uint8_t { weak, relaxed, acquire, release, acquireRelease };

/// What strong writes have left at a place in memory.
struct SyncPlace {
  uint32_t block = 0;
  Epochs cta; ///< for warps of `block` only
  Foreign wide;
};

/// Places in global memory; host threads share it.
class SyncPlaces {
public:
  struct Part {
    std::mutex mutex;
    std::unordered_map<uint64_t, SyncPlace> places;
  };
  Part &part(uint64_t address) { return parts[address / 64 % 64]; }

private:
  Part parts[64];
};

uint32_t knows(const BlockState &block, const Warp &w, uint32_t otherWarp);
/// Whether `w` knows of the epoch of a warp of another block.
bool knowsBlock(const BlockState &block, const Warp &w, uint32_t otherBlock, uint32_t warp, uint32_t epoch);

void fenced(Warp &w, MemoryScope scope);
/// The lanes of `mask` have synchronised with memory ordered: bar.warp.sync.
void lanesSynced(Warp &w, uint32_t mask);
/// The lanes of `mask` have come together at an instruction that does not order memory.
void lanesMet(Warp &w, uint32_t mask);

/// A strong write (`keeps`: a read-modify-write) leaves what the warp knows.
void released(const BlockState &block, Warp &w, SyncPlace &place, MemoryOrder order, MemoryScope scope,
              bool keeps);
/// A strong read by the lanes of `mask` takes over what is there.
void acquired(const BlockState &block, Warp &w, const SyncPlace &place, uint32_t mask);

/// What those know that have come to a barrier that is not for the whole block.
struct BarrierOrder {
  Epochs known, fenced;
  Foreign foreign;
};
void cameToBarrier(const BlockState &block, Warp &w, BarrierOrder &barrier);
void leftBarrier(Warp &w, const BarrierOrder &barrier);
/// All warps have waited for each other.
void allCameTogether(BlockState &block);

} // namespace tegula::ptx
