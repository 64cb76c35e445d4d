//===- Order.cpp - clocks of warps, lanes and blocks -===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Machine.h"

#include <algorithm>

namespace tegula::ptx {

static void joinEpochs(Epochs &to, const Epochs &from) {
  if (to.size() < from.size())
    to.resize(from.size());
  for (size_t k = 0; k < from.size(); k++)
    to[k] = std::max(to[k], from[k]);
}
static uint32_t at(const Epochs &e, size_t k) { return k < e.size() ? e[k] : 0; }
static bool covers(const Epochs &a, const Epochs &b) {
  for (size_t k = 0; k < b.size(); k++)
    if (at(a, k) < b[k])
      return false;
  return true;
}

// --- Foreign

void Foreign::join(uint32_t block, const std::shared_ptr<const Epochs> &epochs) {
  auto place =
      std::lower_bound(blocks.begin(), blocks.end(), block, [](auto &e, uint32_t b) { return e.first < b; });
  if (place == blocks.end() || place->first != block) {
    blocks.insert(place, {block, epochs});
    return;
  }
  if (place->second == epochs || covers(*place->second, *epochs))
    return;
  if (covers(*epochs, *place->second)) {
    place->second = epochs;
    return;
  }
  auto both = std::make_shared<Epochs>(*place->second);
  joinEpochs(*both, *epochs);
  place->second = both;
}
void Foreign::join(const Foreign &other) {
  if (blocks.empty())
    blocks = other.blocks;
  else
    for (auto &[block, epochs] : other.blocks)
      join(block, epochs);
}
const Epochs *Foreign::find(uint32_t block) const {
  auto place =
      std::lower_bound(blocks.begin(), blocks.end(), block, [](auto &e, uint32_t b) { return e.first < b; });
  return place != blocks.end() && place->first == block ? place->second.get() : nullptr;
}

// --- What a warp knows

uint32_t knows(const BlockState &block, const Warp &w, uint32_t other) {
  return std::max(at(block.order.together, other), at(w.order.known, other));
}
bool knowsBlock(const BlockState &block, const Warp &w, uint32_t other, uint32_t warp, uint32_t epoch) {
  const Epochs *a = w.order.foreign.empty() ? nullptr : w.order.foreign.find(other);
  if (a && at(*a, warp) >= epoch)
    return true;
  const Epochs *b = block.order.foreign.empty() ? nullptr : block.order.foreign.find(other);
  return b && at(*b, warp) >= epoch;
}
/// Of all warps, the own epoch of now included.
static Epochs everything(const BlockState &block, const Warp &w) {
  Epochs all(block.warps.size());
  for (size_t k = 0; k < all.size(); k++)
    all[k] = k == w.index ? w.order.now : knows(block, w, uint32_t(k));
  return all;
}

void fenced(Warp &w, MemoryScope scope) {
  Epochs all = everything(*w.block, w);
  if (scope != MemoryScope::cta)
    w.order.fenced[1] = all;
  w.order.fenced[0] = std::move(all);
  w.order.fencedAt = w.order.now;
  w.order.tick();
}

void lanesSynced(Warp &w, uint32_t mask) {
  WarpOrder &o = w.order;
  if ((w.alive & ~mask) == 0) {
    o.lanesTogether = o.now;
    o.lanes.reset();
    o.fencedAt = 0;
    o.tick();
    return;
  }
  if (!o.lanes)
    o.lanes = std::make_unique<std::array<uint32_t, 32 * 32>>();
  std::array<uint32_t, 32> all = {};
  for (size_t l = 0; l < 32; l++)
    for (size_t p = 0; p < 32 && mask >> l & 1; p++)
      all[p] = std::max(all[p], (*o.lanes)[l * 32 + p]);
  for (size_t l = 0; l < 32; l++)
    if (mask >> l & 1)
      for (size_t p = 0; p < 32; p++)
        (*o.lanes)[l * 32 + p] = mask >> p & 1 ? o.now : all[p];
  o.tick();
}

void lanesMet(Warp &w, uint32_t mask) {
  if (w.order.fencedAt > w.order.lanesTogether)
    lanesSynced(w, mask);
}

// --- Through memory

void released(const BlockState &block, Warp &w, SyncPlace &place, MemoryOrder order, MemoryScope scope,
              bool keeps) {
  WarpOrder &o = w.order;
  uint32_t self = uint32_t(block.linear);
  bool releases = order == MemoryOrder::release || order == MemoryOrder::acquireRelease;
  if (!keeps || place.block != self) {
    place.cta.clear();
    place.block = self;
  }
  if (!keeps)
    place.wide.clear();
  if (releases)
    joinEpochs(place.cta, everything(block, w));
  else if (!o.fenced[0].empty() || !block.order.together.empty()) {
    joinEpochs(place.cta, o.fenced[0]);
    joinEpochs(place.cta, block.order.together); // a barrier orders memory within the block
  }
  if (scope != MemoryScope::cta) {
    auto wide = std::make_shared<Epochs>();
    if (releases)
      *wide = everything(block, w);
    else {
      *wide = o.fenced[1];
      joinEpochs(*wide, block.order.fenced);
    }
    if (!wide->empty()) {
      place.wide.join(self, std::move(wide));
      if (!block.order.foreign.empty())
        place.wide.join(block.order.foreign);
      if (!o.foreign.empty())
        place.wide.join(o.foreign);
    }
  }
  if (releases)
    o.tick();
}

void acquired(const BlockState &block, Warp &w, const SyncPlace &place, uint32_t mask) {
  WarpOrder &o = w.order;
  auto own = [&](const Epochs &epochs) {
    joinEpochs(o.known, epochs);
    uint32_t e = at(epochs, w.index);
    if (e <= o.lanesTogether)
      return;
    if (!o.lanes)
      o.lanes = std::make_unique<std::array<uint32_t, 32 * 32>>();
    for (size_t l = 0; l < 32; l++)
      for (size_t p = 0; p < 32 && mask >> l & 1; p++)
        (*o.lanes)[l * 32 + p] = std::max((*o.lanes)[l * 32 + p], e);
  };
  uint32_t self = uint32_t(block.linear);
  if (place.block == self && !place.cta.empty())
    own(place.cta);
  for (auto &[other, epochs] : place.wide.all())
    if (other == self)
      own(*epochs);
    else
      o.foreign.join(other, epochs);
}

// --- Barriers

void cameToBarrier(const BlockState &block, Warp &w, BarrierOrder &barrier) {
  joinEpochs(barrier.known, everything(block, w));
  joinEpochs(barrier.fenced, w.order.fenced[1]);
  barrier.foreign.join(w.order.foreign);
  w.order.tick();
}

void leftBarrier(Warp &w, const BarrierOrder &barrier) {
  joinEpochs(w.order.known, barrier.known);
  joinEpochs(w.order.fenced[0], barrier.known);
  if (!barrier.fenced.empty())
    joinEpochs(w.order.fenced[1], barrier.fenced);
  w.order.foreign.join(barrier.foreign);
  lanesSynced(w, w.alive);
}

void allCameTogether(BlockState &block) {
  BlockOrder &o = block.order;
  o.together.resize(block.warps.size());
  for (auto &warp : block.warps) {
    WarpOrder &mine = warp->order;
    o.together[warp->index] = mine.now;
    mine.known.clear();
    mine.fenced[0].clear();
    if (!mine.fenced[1].empty()) {
      joinEpochs(o.fenced, mine.fenced[1]);
      mine.fenced[1].clear();
    }
    if (!mine.foreign.empty()) {
      o.foreign.join(mine.foreign);
      mine.foreign.clear();
    }
    mine.lanesTogether = mine.now;
    mine.lanes.reset();
    mine.fencedAt = 0;
    mine.tick();
  }
}

} // namespace tegula::ptx
