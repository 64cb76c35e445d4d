//===- Warp.cpp - lanes that talk to each other, special registers, flow ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Access.h"
#include "driver/emulator/ptx/Interpreter.h"
#include "ir/diag/Diagnostic.h"

#include <chrono>
#include <cstring>

namespace tegula::ptx {

// --- Special registers

namespace {
enum class Special : uint8_t {
  tidX,
  tidY,
  tidZ,
  ntidX,
  ntidY,
  ntidZ,
  ctaidX,
  ctaidY,
  ctaidZ,
  nctaidX,
  nctaidY,
  nctaidZ,
  laneid,
  warpid,
  nwarpid,
  smid,
  nsmid,
  gridid,
  eq,
  le,
  lt,
  ge,
  gt,
  clock,
  clockHi,
  clock64,
  globaltimer,
  globaltimerLo,
  globaltimerHi,
  dynamicShared,
  totalShared,
  localBase,
  activeLanes,
  zero,
  workspaceHi,
  workspaceLo
};

constexpr std::pair<std::string_view, Special> specials[] = {{"%tid.x", Special::tidX},
                                                             {"%tid.y", Special::tidY},
                                                             {"%tid.z", Special::tidZ},
                                                             {"%ntid.x", Special::ntidX},
                                                             {"%ntid.y", Special::ntidY},
                                                             {"%ntid.z", Special::ntidZ},
                                                             {"%ctaid.x", Special::ctaidX},
                                                             {"%ctaid.y", Special::ctaidY},
                                                             {"%ctaid.z", Special::ctaidZ},
                                                             {"%nctaid.x", Special::nctaidX},
                                                             {"%nctaid.y", Special::nctaidY},
                                                             {"%nctaid.z", Special::nctaidZ},
                                                             {"%laneid", Special::laneid},
                                                             {"%warpid", Special::warpid},
                                                             {"%nwarpid", Special::nwarpid},
                                                             {"%smid", Special::smid},
                                                             {"%nsmid", Special::nsmid},
                                                             {"%gridid", Special::gridid},
                                                             {"%lanemask_eq", Special::eq},
                                                             {"%lanemask_le", Special::le},
                                                             {"%lanemask_lt", Special::lt},
                                                             {"%lanemask_ge", Special::ge},
                                                             {"%lanemask_gt", Special::gt},
                                                             {"%clock", Special::clock},
                                                             {"%clock_hi", Special::clockHi},
                                                             {"%clock64", Special::clock64},
                                                             {"%globaltimer", Special::globaltimer},
                                                             {"%globaltimer_lo", Special::globaltimerLo},
                                                             {"%globaltimer_hi", Special::globaltimerHi},
                                                             {"%dynamic_smem_size", Special::dynamicShared},
                                                             {"%total_smem_size", Special::totalShared},
                                                             {"%local_base", Special::localBase},
                                                             {"%envreg0", Special::zero},
                                                             {"%envreg1", Special::workspaceHi},
                                                             {"%envreg2", Special::workspaceLo}};

uint64_t nanoseconds() {
  return uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(
                      std::chrono::steady_clock::now().time_since_epoch())
                      .count());
}

uint64_t specialOf(WarpState &w, Special which, int64_t imm, int lane) {
  const BlockState &b = *w.block;
  const LaunchSettings &s = b.launch->settings;
  uint32_t thread = w.index * warpSize + uint32_t(lane);
  switch (which) {
  case Special::tidX: return thread % s.block[0];
  case Special::tidY: return thread / s.block[0] % s.block[1];
  case Special::tidZ: return thread / s.block[0] / s.block[1];
  case Special::ntidX: return s.block[0];
  case Special::ntidY: return s.block[1];
  case Special::ntidZ: return s.block[2];
  case Special::ctaidX: return b.id[0];
  case Special::ctaidY: return b.id[1];
  case Special::ctaidZ: return b.id[2];
  case Special::nctaidX: return s.grid[0];
  case Special::nctaidY: return s.grid[1];
  case Special::nctaidZ: return s.grid[2];
  case Special::laneid: return uint32_t(lane);
  case Special::warpid: return w.index;
  case Special::nwarpid: return b.launch->warpsPerBlock;
  case Special::smid: return b.linear % 108;
  case Special::nsmid: return 108;
  case Special::gridid: return 1;
  case Special::eq: return 1u << lane;
  case Special::lt: return (1u << lane) - 1;
  case Special::le: return (2u << lane) - 1;
  case Special::ge: return ~((1u << lane) - 1);
  case Special::gt: return ~((2u << lane) - 1);
  case Special::clock: return uint32_t(nanoseconds());
  case Special::clockHi: return nanoseconds() >> 32;
  case Special::clock64: return nanoseconds();
  case Special::globaltimer: return nanoseconds();
  case Special::globaltimerLo: return uint32_t(nanoseconds());
  case Special::globaltimerHi: return nanoseconds() >> 32;
  case Special::dynamicShared: return s.sharedBytes;
  case Special::totalShared: return b.launch->sharedBytes;
  case Special::localBase: return w.frame->localBase + uint64_t(imm);
  case Special::activeLanes: return w.mask;
  case Special::zero: return 0;
  // Where grid.sync() of cooperative groups keeps its count of blocks; 0 when the launch is not cooperative.
  case Special::workspaceHi:
    return s.cooperative ? reinterpret_cast<uint64_t>(b.launch->gridWorkspace) >> 32 : 0;
  case Special::workspaceLo:
    return s.cooperative ? uint32_t(reinterpret_cast<uint64_t>(b.launch->gridWorkspace)) : 0;
  }
  return 0;
}

void moveSpecial(WarpState &w, const Instr &i) {
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    writeLane(w, i.dst, i.dstBytes, l, specialOf(w, static_cast<Special>(i.variant), i.imm, l));
  }
}

// --- shfl, vote, match, redux

/// Lanes that run together may be in different groups: each has a member mask of its own. Those of w.mask only.
void memberMasks(WarpState &w, const Instr &i, uint32_t *members) {
  for (int l = 0; l < warpSize; l++)
    members[l] = i.memberSource >= 0 ? lanes32(w, i.src[i.memberSource])[l] & w.mask : w.mask;
}

/// Each lane is of its own group, and all of the group execute the instruction.
void checkMembers(WarpState &w, const Instr &i) {
  if (!w.block->launch->checks || i.memberSource < 0)
    return;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint32_t members = lanes32(w, i.src[i.memberSource])[l];
    if (!(members >> l & 1))
      report(w, i, l, Check::memberMask, "is not in its own member mask " + hexadecimal(members));
    else if (uint32_t missing = members & w.active & ~w.mask)
      report(w, i, l, Check::memberMask,
             "needs the lanes " + hexadecimal(missing) + ", whose predicate skips the instruction");
  }
}
/// Instructions that bring lanes together.
void meetObserved(WarpState &w, const Instr &i) {
  checkMembers(w, i);
  i.run(w, i);
  if (w.block->launch->checks)
    lanesMet(asWarp(w), w.mask);
}
void nothing(WarpState &, const Instr &) {}
void syncWarpObserved(WarpState &w, const Instr &i) {
  checkMembers(w, i);
  if (!w.block->launch->checks)
    return;
  uint32_t left = w.mask;
  while (left) { // group by group
    uint32_t group = lanes32(w, i.src[i.memberSource])[std::countr_zero(left)] & left;
    group = group ? group : left & -left;
    lanesSynced(asWarp(w), group);
    left &= ~group;
  }
}

enum class Shuffle : uint8_t { up, down, bfly, idx };
template <bool observed> void shuffle(WarpState &w, const Instr &i) {
  if (observed)
    checkMembers(w, i);
  uint32_t from[warpSize], valid = 0;
  memcpy(from, lanes32(w, i.src[0]), sizeof from);
  const uint32_t *b = lanes32(w, i.src[1]), *c = lanes32(w, i.src[2]);
  uint32_t result[warpSize];
  for (int l = 0; l < warpSize; l++) {
    int by = int(b[l] & 31), clamp = int(c[l] & 31), segment = int(c[l] >> 8 & 31);
    int maxLane = (l & segment) | (clamp & ~segment), minLane = l & segment, j = l;
    bool in = true;
    switch (static_cast<Shuffle>(i.variant)) {
    case Shuffle::up:
      j = l - by;
      in = j >= maxLane;
      break;
    case Shuffle::down:
      j = l + by;
      in = j <= maxLane;
      break;
    case Shuffle::bfly:
      j = l ^ by;
      in = j <= maxLane;
      break;
    case Shuffle::idx:
      j = minLane | (by & ~segment);
      in = j <= maxLane;
      break;
    }
    if (!in)
      j = l;
    result[l] = from[j & 31];
    valid |= uint32_t(in) << l;
    if (observed && (w.mask >> l & 1) && !(w.mask >> (j & 31) & 1) && w.block->launch->checks)
      report(w, i, l, Check::inactiveSource,
             "reads lane " + std::to_string(j) + ", which does not take part");
  }
  if (observed && w.block->launch->checks)
    lanesMet(asWarp(w), w.mask);
  if (i.dst != noSlot)
    for (uint32_t rest = w.mask; rest; rest &= rest - 1)
      lanes32(w, i.dst)[std::countr_zero(rest)] = result[std::countr_zero(rest)];
  writePred(w, i.dstPred, valid);
}

enum class Vote : uint8_t { all, any, uni, ballot };
void vote(WarpState &w, const Instr &i) {
  uint32_t all = readPred(w, i.srcPred, i.srcPredNegated) & w.mask, results = 0;
  uint32_t members[warpSize];
  memberMasks(w, i, members);
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint32_t votes = all & members[l];
    if (static_cast<Vote>(i.variant) == Vote::ballot)
      lanes32(w, i.dst)[l] = votes;
    else if (i.variant == uint32_t(Vote::all)   ? votes == members[l]
             : i.variant == uint32_t(Vote::any) ? votes != 0
                                                : votes == 0 || votes == members[l])
      results |= 1u << l;
  }
  if (static_cast<Vote>(i.variant) != Vote::ballot)
    writePred(w, i.dstPred, results);
}

void match(WarpState &w, const Instr &i) { // variant 1: all
  uint32_t all = 0, result[warpSize] = {}, members[warpSize];
  memberMasks(w, i, members);
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint64_t value = readLane(w, i.src[0], i.srcBytes[0], l);
    for (uint32_t others = members[l]; others; others &= others - 1)
      if (readLane(w, i.src[0], i.srcBytes[0], std::countr_zero(others)) == value)
        result[l] |= 1u << std::countr_zero(others);
    all |= uint32_t(result[l] == members[l]) << l;
  }
  for (uint32_t rest = w.mask; rest && i.dst != noSlot; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    lanes32(w, i.dst)[l] = i.variant ? (all >> l & 1 ? members[l] : 0) : result[l];
  }
  if (i.variant)
    writePred(w, i.dstPred, all);
}

enum class Reduce : uint8_t { add, minU, maxU, minS, maxS, band, bor, bxor };
void reduce(WarpState &w, const Instr &i) {
  // Members may differ from lane to lane: each lane gets the result of its own mask.
  uint32_t from[warpSize], members[warpSize];
  memcpy(from, lanes32(w, i.src[0]), sizeof from);
  memcpy(members, lanes32(w, i.src[1]), sizeof members);
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint32_t mask = members[l] & w.mask;
    uint32_t value = from[l];
    for (uint32_t m = mask & ~(1u << l); m; m &= m - 1) {
      uint32_t x = from[std::countr_zero(m)];
      switch (static_cast<Reduce>(i.variant)) {
      case Reduce::add: value += x; break;
      case Reduce::minU: value = std::min(value, x); break;
      case Reduce::maxU: value = std::max(value, x); break;
      case Reduce::minS: value = uint32_t(std::min(int32_t(value), int32_t(x))); break;
      case Reduce::maxS: value = uint32_t(std::max(int32_t(value), int32_t(x))); break;
      case Reduce::band: value &= x; break;
      case Reduce::bor: value |= x; break;
      case Reduce::bxor: value ^= x; break;
      }
    }
    lanes32(w, i.dst)[l] = value;
  }
}

void elect(WarpState &w, const Instr &i) {
  uint32_t members[warpSize], leaders = 0;
  memberMasks(w, i, members);
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest), leader = std::countr_zero(members[l]);
    if (i.dst != noSlot)
      lanes32(w, i.dst)[l] = uint32_t(leader);
    leaders |= uint32_t(l == leader) << l;
  }
  writePred(w, i.dstPred, leaders);
}

// --- Choosing

bool chooseShuffle(const Spelling &s, Instr &i) {
  static constexpr std::string_view names[] = {"up", "down", "bfly", "idx"};
  bool sync = false;
  for (auto m : s.modifiers) {
    auto at = std::find(std::begin(names), std::end(names), m);
    if (at != std::end(names))
      i.variant = uint32_t(at - std::begin(names));
    else if (m == "sync")
      sync = true;
    else if (m != "b32")
      badModifier(s, i, m);
  }
  i.control = sync ? Control::sync : Control::none;
  i.memberSource = sync ? 3 : -1;
  i.run = shuffle<false>;
  i.observed = shuffle<true>;
  return true;
}

bool chooseVote(const Spelling &s, Instr &i) {
  static constexpr std::string_view names[] = {"all", "any", "uni", "ballot"};
  bool sync = false;
  for (auto m : s.modifiers) {
    auto at = std::find(std::begin(names), std::end(names), m);
    if (at != std::end(names))
      i.variant = uint32_t(at - std::begin(names));
    else if (m == "sync")
      sync = true;
    else if (m != "pred" && m != "b32")
      badModifier(s, i, m);
  }
  i.control = sync ? Control::sync : Control::none;
  i.memberSource = -1;
  for (int k = 0; k < 4 && sync; k++)
    if (i.src[k] != noSlot)
      i.memberSource = int8_t(k);
  i.run = vote;
  i.observed = meetObserved;
  return true;
}

bool chooseReduce(const Spelling &s, Instr &i) {
  bool isSigned = false;
  std::string_view operation;
  for (auto m : s.modifiers)
    if (isOneOf(m, {"add", "min", "max", "and", "or", "xor"}))
      operation = m;
    else if (isOneOf(m, {"u32", "s32", "b32"}))
      isSigned = m == "s32";
    else if (m != "sync")
      badModifier(s, i, m);
  Reduce r = operation == "add"   ? Reduce::add
             : operation == "min" ? (isSigned ? Reduce::minS : Reduce::minU)
             : operation == "max" ? (isSigned ? Reduce::maxS : Reduce::maxU)
             : operation == "and" ? Reduce::band
             : operation == "or"  ? Reduce::bor
                                  : Reduce::bxor;
  i.variant = uint32_t(r);
  i.control = Control::sync;
  i.memberSource = 1;
  i.run = reduce;
  i.observed = meetObserved;
  return true;
}

bool chooseBarrier(const Spelling &s, Instr &i, Keeper &keeper) {
  BarrierInfo info;
  info.aligned = s.opcode == "bar";
  bool warp = false, isRed = false;
  for (auto m : s.modifiers)
    if (m == "warp")
      warp = true;
    else if (m == "aligned")
      info.aligned = true;
    else if (m == "arrive")
      info.kind = BarrierInfo::Kind::arrive;
    else if (m == "red")
      isRed = true;
    else if (m == "popc")
      info.kind = BarrierInfo::Kind::redCount;
    else if (m == "and")
      info.kind = BarrierInfo::Kind::redAnd;
    else if (m == "or")
      info.kind = BarrierInfo::Kind::redOr;
    else if (!isOneOf(m, {"sync", "cta", "pred", "u32"}))
      badModifier(s, i, m);
  if (isRed != (info.kind > BarrierInfo::Kind::arrive))
    badType(s, i);
  if (warp) {
    i.control = Control::sync;
    i.memberSource = 0;
    i.run = nothing;
    i.observed = syncWarpObserved;
    i.pipe = Pipe::warp;
    return true;
  }
  for (int k = 0; k < 2; k++)
    if (i.src[k] != noSlot)
      (k == 0 ? info.idSource : info.countSource) = k;
  i.control = Control::barrier;
  i.pipe = Pipe::barrier;
  i.extra = keeper.keep(info);
  return true;
}
} // namespace

bool chooseWarp(const Spelling &s, Instr &i, Keeper &keeper) {
  std::string_view op = s.opcode;
  i.pipe = Pipe::control;
  auto only = [&](std::initializer_list<std::string_view> allowed) {
    for (auto m : s.modifiers)
      if (!isOneOf(m, allowed))
        badModifier(s, i, m);
  };
  auto flow = [&](Control control) {
    i.control = control;
    return true;
  };
  if (op == "bra" || op == "brx") {
    only({"uni", "idx"});
    return flow(op == "brx" ? Control::brx : Control::bra);
  }
  if (op == "call" || op == "ret" || op == "exit" || op == "trap" || op == "brkpt") {
    only({"uni"});
    return flow(op == "call"   ? Control::call
                : op == "ret"  ? Control::ret
                : op == "exit" ? Control::exit
                               : Control::trap);
  }
  if (op == "nanosleep") {
    only({"u32"});
    return flow(Control::yield);
  }
  if (op == "bar" || op == "barrier")
    return chooseBarrier(s, i, keeper);
  if (op == "pmevent" || op == "nop") {
    i.run = nothing;
    return true;
  }
  i.pipe = Pipe::warp;
  if (op == "shfl")
    return chooseShuffle(s, i);
  if (op == "vote")
    return chooseVote(s, i);
  if (op == "redux")
    return chooseReduce(s, i);
  if (op == "match") {
    only({"sync", "any", "all", "b32", "b64"});
    for (auto m : s.modifiers)
      i.variant |= m == "all";
    i.control = Control::sync;
    i.memberSource = 1;
    i.run = match;
    i.observed = meetObserved;
    return true;
  }
  if (op == "activemask") {
    only({"b32"});
    i.variant = uint32_t(Special::activeLanes);
    i.run = moveSpecial;
    return true;
  }
  if (op == "elect") {
    only({"sync"});
    i.control = Control::sync;
    i.memberSource = 0;
    i.run = elect;
    i.observed = meetObserved;
    return true;
  }
  if (op == "mov") {
    if (s.operands.size() < 2 || s.operands[1].empty() || s.operands[1][0] != '%')
      return false;
    i.pipe = Pipe::move;
    for (auto &[name, which] : specials)
      if (s.operands[1] == name) {
        i.variant = uint32_t(which);
        i.run = moveSpecial;
        return true;
      }
    throw Error(Diag::emulator_special_register,
                {std::string(s.operands[1]) + "` at PTX line `" + std::to_string(i.line)});
  }
  return false;
}

} // namespace tegula::ptx
