//===- Races.cpp - accesses that nothing orders, and reads of what nothing has written ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// An access is compared with the stamps of each word that it touches, then leaves its own. Order.h says what is ordered.

#include "driver/emulator/ptx/Access.h"

#include <cstring>

namespace tegula::ptx {

namespace {

const char *did(const Stamp &past, bool wrote) {
  return past.atomic() ? (wrote ? "changed atomically" : "read atomically") : wrote ? "wrote" : "read";
}

struct RaceChecker {
  Warp &w;
  const Instr &i;
  const Accessed &a;
  const BlockState &block;
  uint32_t index; ///< of the instruction
  uint32_t done = 0;

  RaceChecker(WarpState &state, const Instr &i, const Accessed &a)
      : w(asWarp(state)), i(i), a(a), block(*w.block), index(instructionIndex(w, i)) {}

  bool orderedInBlock(const Stamp &past, int lane, bool isRead) const {
    if (past.warp() == w.index)
      return (past.lane() == lane && !(isRead && past.flag())) ||
             past.epoch() <= w.order.laneKnows(lane, past.lane());
    return past.epoch() <= knows(block, w, past.warp());
  }
  Stamp stamp(int lane, uint8_t bytes) const {
    Stamp s = Stamp::make(w.order.now, w.index * warpSize + uint32_t(lane), index, bytes, a.strong);
    if (a.cas)
      s.setFlag();
    return s;
  }
  /// The four bytes at `word` that the access writes, of a lane; false if it writes not all of `bytes`.
  bool valueOf(int lane, uint64_t word, uint8_t bytes, uint8_t *out) const {
    if (!a.values)
      return false;
    uint64_t start = a.address[lane];
    for (uint32_t b = 0; b < 4; b++)
      if (bytes >> b & 1) {
        if (word + b < start || word + b >= start + a.bytes)
          return false;
        out[b] = a.values[size_t(lane) * a.bytes + (word + b - start)];
      }
    return true;
  }
  /// Of another lane, by this very instruction.
  bool together(const Stamp &past, bool sameBlock) const {
    return sameBlock && past.warp() == w.index && past.instruction() == index &&
           past.epoch() == w.order.now && (done >> past.lane() & 1);
  }
  /// Whether a past write has written just what this one will.
  bool sameValue(const Stamp &past, int lane, uint64_t word, const uint8_t *memory, uint8_t bytes,
                 bool sameBlock) const {
    uint8_t mine[4] = {}, other[4] = {};
    if (!valueOf(lane, word, bytes, mine))
      return false;
    bool ofThis = together(past, sameBlock) && valueOf(past.lane(), word, bytes, other);
    for (uint32_t b = 0; b < 4; b++)
      if ((bytes >> b & 1) && mine[b] != (ofThis ? other[b] : memory[b]))
        return false;
    return true;
  }
  void race(Check kind, const Stamp &past, uint64_t pastBlock, int lane, const std::string &where, bool wrote,
            bool same) const {
    OtherParty other = otherParty(w, past.instruction(), pastBlock, past.thread());
    std::string text = (a.touch == Touch::read ? (a.strong ? "reads atomically " : "reads ")
                        : a.strong             ? "changes atomically "
                                               : "writes ") +
                       where + ", which " + other.who;
    if (!wrote && past.flag())
      text += " and other lanes of its warp";
    text += std::string(" ") + did(past, wrote) + " at " + other.where + ", with nothing that orders the two";
    bool cas = wrote ? a.touch == Touch::read && !a.strong && past.flag() : a.cas && !past.atomic();
    report(w, i, lane, same ? Check::sameValue : cas ? Check::casRead : kind, text, &other);
  }
};

uint8_t bytesIn(uint64_t word, uint64_t address, uint32_t bytes) {
  uint8_t mask = 0;
  for (uint32_t b = 0; b < 4; b++)
    mask |= uint8_t((word + b >= address && word + b < address + bytes) << b);
  return mask;
}

} // namespace

void checkShared(WarpState &state, const Instr &i, const Accessed &a) {
  RaceChecker check(state, i, a);
  Warp &w = check.w;
  BlockState &block = *w.block;
  SharedShadow &shadow = *block.shadow;
  bool writes = a.touch != Touch::read, reads = a.touch == Touch::read || a.touch == Touch::atomic;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint64_t address = a.address[l];
    if (!endsIn(address, a.bytes, block.launch->sharedBytes) || address & (a.aligned - 1))
      continue; // reported by the access itself
    bool told = false;
    for (uint64_t at = address & ~uint64_t(3); at < address + a.bytes; at += 4) {
      uint8_t bytes = bytesIn(at, address, a.bytes);
      ShadowWord &word = shadow.words[at / 4];
      uint8_t &written = shadow.state[at / 4];
      auto where = [&] { return "shared memory at offset " + std::to_string(at); };
      if (written & SharedShadow::inFlight && !told) {
        OtherParty other = otherParty(w, word.write.instruction(), block.linear, word.write.thread());
        report(w, i, l, Check::asyncEarly,
               (writes ? "writes " : "reads ") + where() + ", which the cp.async of " + other.who + " at " +
                   other.where + " is still writing",
               &other);
        told = true;
      } else if (reads && (written & bytes) != bytes && !told) {
        report(w, i, l, Check::sharedUninitialised, "reads " + where() + ", which nothing has written");
        told = true;
      }
      auto conflicts = [&](const Stamp &past, bool isRead) {
        return past && (past.bytes() & bytes) && !(past.atomic() && a.strong) &&
               !check.orderedInBlock(past, l, isRead);
      };
      if (conflicts(word.write, false) && !told) {
        bool same =
            writes && !a.strong && !word.write.atomic() &&
            check.sameValue(word.write, l, at, block.shared.data() + at, word.write.bytes() & bytes, true);
        bool lanes = writes && check.together(word.write, true);
        check.race(lanes ? Check::laneWrites : Check::sharedRace, word.write, block.linear, l, where(), true,
                   same);
        told = !same && !lanes;
      }
      if (writes) {
        for (Stamp &past : word.reads)
          if (conflicts(past, true) && !told) {
            check.race(Check::sharedRace, past, block.linear, l, where(), false, false);
            told = true;
          }
        word.reads[0] = word.reads[1] = Stamp();
        word.write = check.stamp(l, bytes);
        written =
            uint8_t((written & 15) | bytes | (a.touch == Touch::asyncWrite ? SharedShadow::inFlight : 0));
        continue;
      }
      Stamp now = check.stamp(l, bytes);
      for (Stamp &slot : word.reads) {
        if (slot && slot.warp() == w.index && slot.epoch() == now.epoch() && slot.atomic() == a.strong) {
          if (slot.lane() != l)
            slot.setFlag();
          break;
        }
        if (!slot || check.orderedInBlock(slot, l, true)) {
          slot = now;
          break;
        }
      }
    }
    check.done |= 1u << l;
  }
}

void checkGlobal(WarpState &state, const Instr &i, const Accessed &a) {
  RaceChecker check(state, i, a);
  Warp &w = check.w;
  BlockState &block = *w.block;
  LaunchState &launch = *block.launch;
  uint32_t self = uint32_t(block.linear);
  bool writes = a.touch != Touch::read, cta = a.strong && a.scope == MemoryScope::cta;
  uint64_t number = ~uint64_t(0);
  GlobalPage *page = nullptr;
  auto unlock = [&] {
    if (page)
      page->busy.clear(std::memory_order_release);
  };
  struct Unlock {
    decltype(unlock) &f;
    ~Unlock() { f(); }
  } atEnd{unlock}; // a fatal finding throws
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint64_t address = a.address[l];
    if (address & (a.aligned - 1))
      continue; // reported by the access itself
    bool told = false;
    for (uint64_t at = address & ~uint64_t(3); at < address + a.bytes; at += 4) {
      if (at / 4 / GlobalPage::words != number) {
        unlock();
        number = at / 4 / GlobalPage::words;
        page = launch.globalShadow.page(number);
        while (page->busy.test_and_set(std::memory_order_acquire)) {
        }
      }
      size_t k = at / 4 % GlobalPage::words;
      uint8_t bytes = bytesIn(at, address, a.bytes);
      auto where = [&] { return "global memory at " + hexadecimal(at); };
      uint8_t &narrow = page->narrowScope[k / 8];
      auto conflicts = [&](const Stamp &past, uint32_t ofBlock, bool pastNarrow, bool isRead) {
        if (!past || !(past.bytes() & bytes))
          return false;
        bool scoped = ofBlock == self || (!cta && !pastNarrow);
        if (past.atomic() && a.strong && scoped)
          return false;
        return ofBlock == self ? !check.orderedInBlock(past, l, isRead)
                               : !knowsBlock(block, w, ofBlock, past.warp(), past.epoch());
      };
      Stamp &write = page->write[k];
      if (!told && conflicts(write, page->writeBlock[k], narrow >> (k % 8) & 1, false)) {
        bool same = writes && !a.strong && !write.atomic() &&
                    check.sameValue(write, l, at, reinterpret_cast<const uint8_t *>(at),
                                    write.bytes() & bytes, page->writeBlock[k] == self);
        bool lanes = writes && check.together(write, page->writeBlock[k] == self);
        check.race(lanes ? Check::laneWrites : Check::globalRace, write, page->writeBlock[k], l, where(),
                   true, same);
        told = !same && !lanes;
      }
      Stamp now = check.stamp(l, bytes);
      if (writes) {
        for (int r = 0; r < 2; r++) {
          if (!told && conflicts(page->reads[r][k], page->readBlock[r][k], false, true)) {
            check.race(Check::globalRace, page->reads[r][k], page->readBlock[r][k], l, where(), false, false);
            told = true;
          }
          page->reads[r][k] = Stamp();
        }
        write = now;
        page->writeBlock[k] = self;
        narrow = uint8_t((narrow & ~(1 << k % 8)) | cta << k % 8);
        continue;
      }
      for (int r = 0; r < 2; r++) {
        Stamp &slot = page->reads[r][k];
        uint32_t &owner = page->readBlock[r][k];
        if (slot && owner == self && slot.warp() == w.index && slot.epoch() == now.epoch() &&
            slot.atomic() == a.strong) {
          if (slot.lane() != l)
            slot.setFlag();
          break;
        }
        if (!slot || (owner == self ? check.orderedInBlock(slot, l, true)
                                    : knowsBlock(block, w, owner, slot.warp(), slot.epoch()))) {
          slot = now;
          owner = self;
          break;
        }
      }
    }
    check.done |= 1u << l;
  }
}

} // namespace tegula::ptx
