//===- Mbarrier.cpp - mbarrier objects in shared memory -===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The 64 bits of an object, and of the state that an arrival gives: bits 0 … 19 arrivals still wanted in this phase,
// 20 … 39 arrivals that the next phase will want, 40 … 62 the number of the phase, 63: initialised. An arrival has release
// and a wait that succeeds has acquire semantics within the block. `cp.async.mbarrier.arrive` arrives when the copies that
// the thread has begun are complete: at the first test that needs it, which is the last moment PTX allows.

#include "driver/emulator/ptx/Access.h"

#include <cstring>

namespace tegula::ptx {

namespace {

constexpr uint64_t countMask = (1u << 20) - 1, valid = uint64_t(1) << 63;

struct Object {
  uint64_t bits = 0;
  uint32_t pending() const { return uint32_t(bits & countMask); }
  uint32_t expected() const { return uint32_t(bits >> 20 & countMask); }
  uint32_t phase() const { return uint32_t(bits >> 40 & ((1u << 23) - 1)); }
  static Object make(uint32_t pending, uint32_t expected, uint32_t phase) {
    return {uint64_t(pending) | uint64_t(expected) << 20 | uint64_t(phase & ((1u << 23) - 1)) << 40 | valid};
  }
};

enum class Operation : uint8_t { init, inval, arrive, drop, test, testParity, asyncArrive, asyncArriveNoInc };
struct Info {
  Access access;
  Operation operation = Operation::init;
  bool noComplete = false;
};

uint8_t *objectAt(WarpState &w, const Instr &i, const Info &info, uint64_t address, int lane, bool checked) {
  uint8_t *at = locate(w, i, info.access.space, address, 8, lane, true);
  if (!at || (at >= w.block->shared.data() && at < w.block->shared.data() + w.block->shared.size())) {
    uint64_t bits = 0;
    if (at)
      memcpy(&bits, at, 8);
    // A pattern of memory that nothing has written has all bits set.
    if (at && checked && (!(bits & valid) || !~bits)) {
      report(w, i, lane, Check::barrierObject,
             "uses an mbarrier that is not initialised, at offset " +
                 std::to_string(at - w.block->shared.data()));
      return nullptr;
    }
    return at;
  }
  report(w, i, lane, Check::barrierObject, "uses an mbarrier outside of shared memory");
  return nullptr;
}

SyncPlace &placeOf(WarpState &w, const uint8_t *object) {
  return w.block->places[uint64_t(object - w.block->shared.data())];
}

void arriveOnce(WarpState &w, const Instr &i, uint8_t *at, int lane, uint32_t count, bool drops) {
  Object o;
  memcpy(&o.bits, at, 8);
  if (count > o.pending())
    report(w, i, lane, Check::barrierObject,
           "arrives at an mbarrier that expects no more arrivals in this phase");
  uint32_t pending = o.pending() - std::min(count, o.pending()),
           expected = o.expected() - (drops ? count : 0);
  o = pending ? Object::make(pending, expected, o.phase()) : Object::make(expected, expected, o.phase() + 1);
  memcpy(at, &o.bits, 8);
}

/// Copies that are to arrive at the object do so.
void completeCopies(WarpState &w, const Instr &i, const uint8_t *object) {
  uint32_t offset = uint32_t(object - w.block->shared.data());
  for (auto &warp : w.block->warps) {
    for (size_t k = 0; k < warp->arrivals.size();) {
      AsyncArrival arrival = warp->arrivals[k];
      if (arrival.object != offset) {
        k++;
        continue;
      }
      changed(w);
      warp->arrivals.erase(warp->arrivals.begin() + std::ptrdiff_t(k));
      landCopiesBefore(*warp, 1u << arrival.lane, arrival.sequence);
      if (w.block->launch->checks)
        released(*w.block, *warp, placeOf(w, object), MemoryOrder::release, MemoryScope::cta, true);
      arriveOnce(*warp, i, w.block->shared.data() + offset, arrival.lane, 1, false);
    }
  }
}

template <bool observed> void mbarrier(WarpState &w, const Instr &i) {
  const Info &info = *static_cast<const Info *>(i.extra);
  uint64_t address[warpSize];
  laneAddresses(w, i, 0, i.imm, i.addressIsSymbol, address);
  bool checks = observed && w.block->launch->checks,
       tests = info.operation >= Operation::test && info.operation <= Operation::testParity;
  if (observed) {
    if (!tests)
      changed(w);
    Accessed a;
    a.space = info.access.space;
    a.address = address;
    a.bytes = a.aligned = 8;
    a.touch = info.operation == Operation::init || info.operation == Operation::inval ? Touch::write
                                                                                      : Touch::atomic;
    a.strong = a.touch == Touch::atomic;
    a.order = MemoryOrder::relaxed;
    a.scope = MemoryScope::cta;
    observe(w, i, a);
  }
  Warp &warp = asWarp(w);
  warp.spinning = true;
  uint32_t passed = 0;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint8_t *at = objectAt(w, i, info, address[l], l, info.operation != Operation::init);
    if (!at)
      continue;
    if (info.operation == Operation::init) {
      uint32_t count = lanes32(w, i.src[1])[l] & countMask;
      uint64_t bits = Object::make(count, count, 0).bits;
      memcpy(at, &bits, 8);
      continue;
    }
    if (info.operation == Operation::inval) {
      memset(at, 0, 8);
      continue;
    }
    if (tests)
      completeCopies(w, i, at);
    Object o;
    memcpy(&o.bits, at, 8);
    uint32_t count = i.src[1] == noSlot ? 1 : lanes32(w, i.src[1])[l];
    switch (info.operation) {
    case Operation::arrive:
    case Operation::drop:
      if (checks)
        released(*w.block, warp, placeOf(w, at), MemoryOrder::release, MemoryScope::cta, true);
      if (i.dst != noSlot)
        writeLane(w, i.dst, 8, l, o.bits);
      arriveOnce(w, i, at, l, count, info.operation == Operation::drop);
      break;
    case Operation::asyncArrive: {
      uint64_t bits = Object::make(o.pending() + 1, o.expected(), o.phase()).bits;
      memcpy(at, &bits, 8);
      [[fallthrough]];
    }
    case Operation::asyncArriveNoInc:
      warp.arrivals.push_back({uint32_t(at - w.block->shared.data()), warp.copySequence, l});
      break;
    default: {
      bool done = info.operation == Operation::testParity
                      ? (o.phase() & 1) != (uint32_t(readLane(w, i.src[1], 4, l)) & 1)
                      : o.phase() != Object{readLane(w, i.src[1], 8, l)}.phase();
      passed |= uint32_t(done) << l;
      if (done && checks)
        acquired(*w.block, warp, placeOf(w, at), 1u << l);
    }
    }
  }
  if (tests)
    writePred(w, i.dstPred, passed);
}

void pendingCount(WarpState &w, const Instr &i) {
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    lanes32(w, i.dst)[l] = Object{readLane(w, i.src[0], 8, l)}.pending();
  }
}

} // namespace

bool chooseMbarrier(const Spelling &s, Instr &i, Keeper &keeper) {
  bool async = s.opcode == "cp" && s.modifiers.size() > 2 && s.modifiers[1] == "mbarrier";
  if (s.opcode != "mbarrier" && !async)
    return false;
  if (s.sm < 80 || s.modifiers.empty())
    badType(s, i);
  i.pipe = Pipe::warp;
  if (!async && s.modifiers[0] == "pending_count") {
    i.run = pendingCount;
    return true;
  }
  static constexpr std::pair<std::string_view, Operation> names[] = {{"init", Operation::init},
                                                                     {"inval", Operation::inval},
                                                                     {"arrive", Operation::arrive},
                                                                     {"arrive_drop", Operation::drop},
                                                                     {"test_wait", Operation::test}};
  Info info;
  std::string_view first = async ? s.modifiers[2] : s.modifiers[0];
  auto at = std::find_if(std::begin(names), std::end(names), [&](auto &n) { return n.first == first; });
  if (at == std::end(names) || (async && first != "arrive"))
    badModifier(s, i, first);
  info.operation = async ? Operation::asyncArrive : at->second;
  for (size_t k = async ? 3 : 1; k < s.modifiers.size(); k++) {
    auto m = s.modifiers[k];
    if (m == "parity" && info.operation == Operation::test)
      info.operation = Operation::testParity;
    else if (m == "noinc" && async)
      info.operation = Operation::asyncArriveNoInc;
    else if (m == "noComplete" && (info.operation == Operation::arrive || info.operation == Operation::drop))
      info.noComplete = true;
    else if (!parseSpace(m, info.access.space) && !isOneOf(m, {"b64", "release", "acquire", "cta"}))
      badModifier(s, i, m);
  }
  i.extra = keeper.keep(info);
  i.run = mbarrier<false>;
  i.observed = mbarrier<true>;
  return true;
}

} // namespace tegula::ptx
