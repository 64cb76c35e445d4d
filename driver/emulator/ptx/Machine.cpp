//===- Machine.cpp - runs warps: splits, joins, calls ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Interpreter.h"
#include "ir/diag/Diagnostic.h"

#include <cstdlib>
#include <cstring>

namespace tegula::ptx {

constexpr uint32_t nowhere = 0xffffffffu;           ///< the pc of a join of a call: lanes come by `ret` only
constexpr uint32_t maxDepth = 1024;                 ///< calls within calls
constexpr size_t maxFrameBytes = size_t(256) << 20; ///< of a warp

// --- Frames

Frame *makeFrame(Warp &w, const Routine &routine, Frame *caller) {
  auto frame = std::make_unique<Frame>();
  frame->function = &routine;
  size_t bytes = size_t(std::max(routine.slots, 1u)) * warpSize * 4;
  frame->storage = {static_cast<uint32_t *>(std::aligned_alloc(128, bytes)), std::free};
  frame->regs = frame->storage.get();
  memset(frame->regs, 0, bytes);
  frame->preds.resize(routine.predicates + 1);
  frame->params.resize(size_t(routine.paramBytes) * warpSize);
  w.frameBytes += frame->bytes = bytes + frame->params.size();
  if (w.frameBytes > maxFrameBytes)
    throw Error(Diag::emulator_trap,
                {w.block->launch->entry->name, "calls of `" + routine.name + "` take too much memory"});
  frame->caller = caller;
  if (caller) {
    uint64_t top = localTop(*caller, 0);
    for (uint64_t t : caller->stack)
      top = std::max(top, t);
    frame->localBase = (top + 15) & ~15ull;
  }
  if (w.localWritten && frame->localBase + routine.localBytes <= localStride)
    for (size_t l = 0; l < warpSize; l++)
      memset(w.localWritten + l * localStride + frame->localBase, 0, routine.localBytes);
  frame->depth = caller ? caller->depth + 1 : 0;
  for (const Constant &c : routine.constants)
    for (int l = 0; l < warpSize; l++)
      if (c.bytes == 8)
        reinterpret_cast<uint64_t *>(frame->regs + size_t(c.slot) * warpSize)[l] = c.value;
      else
        frame->regs[size_t(c.slot) * warpSize + l] = uint32_t(c.value);
  w.frames.push_back(std::move(frame));
  return w.frames.back().get();
}

static void freeFrame(Warp &w, Frame *frame) {
  for (auto &f : w.frames)
    if (f.get() == frame) {
      w.frameBytes -= frame->bytes;
      f = std::move(w.frames.back());
      w.frames.pop_back();
      return;
    }
}

// --- Joins

static int newJoin(Warp &w, uint32_t pc, uint32_t expected, int parent, Frame *frame) {
  int at = -1;
  for (size_t i = 0; i < w.joins.size() && at < 0; i++)
    if (!w.joins[i].used)
      at = int(i);
  if (at < 0) {
    at = int(w.joins.size());
    w.joins.emplace_back();
  }
  w.joins[at] = {pc, expected, 0, parent, frame, nullptr, true};
  return at;
}

static void passValue(Warp &w, const Passed &from, Frame *source, const Passed &to, Frame *target,
                      uint32_t mask) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint8_t data[256] = {};
    uint32_t bytes = std::min<uint32_t>(from.bytes ? from.bytes : to.bytes, sizeof data);
    auto registerAt = [&](Frame *f, Slot s, uint32_t size) {
      return reinterpret_cast<uint8_t *>(f->regs + size_t(s) * warpSize) + (size == 8 ? 8 : 4) * l;
    };
    // A parameter may be larger than `data`: then both are in memory.
    if (from.slot == noSlot && to.slot == noSlot) {
      memcpy(target->params.data() + size_t(l) * target->function->paramBytes + to.offset,
             source->params.data() + size_t(l) * source->function->paramBytes + from.offset,
             std::min(from.bytes, to.bytes));
      continue;
    }
    if (from.slot != noSlot)
      memcpy(data, registerAt(source, from.slot, bytes), std::min(bytes, 8u));
    else
      memcpy(data, source->params.data() + size_t(l) * source->function->paramBytes + from.offset, bytes);
    if (to.slot != noSlot)
      memcpy(registerAt(target, to.slot, to.bytes ? to.bytes : bytes), data, bytes == 8 ? 8 : 4);
    else
      memcpy(target->params.data() + size_t(l) * target->function->paramBytes + to.offset, data,
             std::min(bytes, to.bytes));
  }
}

/// Looks whether all lanes of the join are there; then they go on as a split. Goes up, as far as joins complete.
static void settleJoin(Warp &w, int at) {
  Join join = w.joins[at];
  if (!join.used || join.arrived != join.expected)
    return;
  w.joins[at].used = false;
  if (join.callee) {
    const auto &call = *join.callee->call;
    const Routine &callee = *join.callee->function;
    for (size_t k = 0; k < std::min(call.results.size(), callee.results.size()); k++)
      passValue(w, callee.results[k], join.callee, call.results[k], join.frame, join.arrived);
    freeFrame(w, join.callee);
  }
  if (!join.arrived)
    return;
  Split split;
  split.pc = join.pc;
  split.mask = join.arrived;
  split.join = join.parent;
  split.frame = join.frame;
  w.splits.push_back(split);
}

/// Takes lanes out of the joins from `at` up to, not including, `end`.
static void leaveJoins(Warp &w, int at, int end, uint32_t mask) {
  while (at != end && at >= 0) {
    int parent = w.joins[at].parent;
    w.joins[at].expected &= ~mask;
    settleJoin(w, at);
    at = parent;
  }
}

// --- The scheduler of splits

static void removeCurrent(Warp &w) {
  w.splits[w.current] = w.splits.back();
  w.splits.pop_back();
}

/// Chooses a split that can run: deepest calls and lowest pc first. False if none can.
static bool pick(Warp &w, size_t avoid = ~size_t(0)) {
  size_t best = ~size_t(0);
  for (size_t i = 0; i < w.splits.size(); i++) {
    const Split &s = w.splits[i];
    if (s.wait != Split::Wait::none || i == avoid)
      continue;
    if (best == ~size_t(0) || s.frame->depth > w.splits[best].frame->depth ||
        (s.frame->depth == w.splits[best].frame->depth && s.pc < w.splits[best].pc))
      best = i;
  }
  if (best == ~size_t(0))
    return false;
  w.current = best;
  return true;
}

/// A split that only spins: lets another one run, first of those that wait at its joins.
static void yieldSplit(Warp &w) {
  size_t self = w.current;
  w.splits[self].backEdges = 0;
  for (int at = w.splits[self].join; at >= 0; at = w.joins[at].parent)
    if (uint32_t there = w.joins[at].arrived; there && w.joins[at].pc != nowhere && !w.joins[at].callee) {
      w.joins[at].expected &= ~there;
      w.joins[at].arrived = 0;
      Split split;
      split.pc = w.joins[at].pc;
      split.mask = there;
      split.join = w.joins[at].parent;
      split.frame = w.joins[at].frame;
      w.splits.push_back(split);
      w.current = w.splits.size() - 1;
      return;
    }
  for (size_t k = 1; k < w.splits.size(); k++) {
    size_t other = (self + k) % w.splits.size();
    if (w.splits[other].wait == Split::Wait::none) {
      w.current = other;
      return;
    }
  }
}

/// A split has come round to where it spins. If the registers are as they were the last time, and no memory has changed
/// in between, it will do so forever unless somebody else changes some.
static void noteSpin(Warp &w) {
  LaunchState &launch = *w.block->launch;
  w.block->spins++;
  if (!launch.checks)
    return;
  uint64_t changes = launch.changes(), hash = 0xcbf29ce484222325ull;
  auto add = [&](uint64_t x) { hash = (hash ^ x) * 0x100000001b3ull; };
  for (const Split &s : w.splits) {
    add(uint64_t(s.pc) << 32 | s.mask);
    const uint32_t *regs = s.frame->regs;
    for (size_t k = 0; k < size_t(s.frame->function->slots) * warpSize; k++)
      add(regs[k]);
    for (uint32_t p : s.frame->preds)
      add(p);
  }
  w.stuck = w.spinChanges == changes && w.spinHash == hash;
  w.spinChanges = changes;
  w.spinHash = hash;
}

/// Splits at the same instruction that needs its lanes together. True if the lanes at it now are all it asks for; then
/// `together` has them. `force`: takes those that are there.
static bool gather(Warp &w, uint32_t pc, Frame *frame, uint32_t wanted, uint32_t &together) {
  together = 0;
  for (Split &s : w.splits)
    if (s.pc == pc && s.frame == frame && (s.wait == Split::Wait::sync || &s == &w.splits[w.current]))
      together |= s.mask;
  return (wanted & w.alive & ~together) == 0;
}

// --- Flow

static void branch(Warp &w, const Instr &i, uint32_t taken) {
  Split &s = w.splits[w.current];
  uint32_t from = s.pc, other = s.mask & ~taken;
  auto back = [&](Split &split) {
    if (uint32_t(i.target) < from)
      split.backEdges++;
  };
  if (!other || !taken) {
    s.pc = taken ? uint32_t(i.target) : from;
    if (taken)
      back(s);
    return;
  }
  int join = s.join;
  bool same = i.reconverge < 0 || (join >= 0 && w.joins[join].frame == s.frame && !w.joins[join].callee &&
                                   w.joins[join].pc == uint32_t(i.reconverge));
  if (!same)
    join = newJoin(w, uint32_t(i.reconverge), s.mask, s.join, s.frame);
  Split jumped = s;
  jumped.pc = uint32_t(i.target);
  jumped.mask = taken;
  jumped.join = join;
  back(jumped);
  s.mask = other;
  s.join = join;
  s.pc = from;
  w.splits.push_back(jumped);
  if (jumped.pc < from)
    w.current = w.splits.size() - 1; // loops first: the others wait at the join anyway
}

static void branchIndexed(Warp &w, const Instr &i, uint32_t lanes) {
  if (!lanes)
    return;
  Split s = w.splits[w.current];
  int join = s.join;
  if (i.reconverge >= 0)
    join = newJoin(w, uint32_t(i.reconverge), s.mask, s.join, s.frame);
  removeCurrent(w);
  uint32_t rest = lanes;
  const uint32_t *index = lanes32(w, i.src[0]);
  while (rest) {
    uint32_t value = index[std::countr_zero(rest)], mask = 0;
    for (int l = 0; l < warpSize; l++)
      mask |= uint32_t(index[l] == value) << l;
    mask &= rest;
    rest &= ~mask;
    Split jumped = s;
    if (value >= i.listSize)
      report(w, i, std::countr_zero(mask), Check::branchIndex,
             "jumps to entry " + std::to_string(value) + " of a table of " + std::to_string(i.listSize));
    jumped.pc = value < i.listSize ? uint32_t(i.list32[value]) : s.pc;
    jumped.mask = mask;
    jumped.join = join;
    w.splits.push_back(jumped);
  }
  if (uint32_t stay = s.mask & ~lanes) {
    s.mask = stay;
    s.join = join;
    w.splits.push_back(s);
  }
  w.current = w.splits.size() - 1;
}

static void call(Warp &w, const Instr &i, uint32_t lanes) {
  const CallInfo &info = *static_cast<const CallInfo *>(i.extra);
  if (!lanes)
    return;
  Split s = w.splits[w.current];
  const Program &program = w.block->launch->module->program();
  if (!info.builtin.empty()) {
    w.mask = lanes;
    runBuiltin(w, i, info);
    return;
  }
  removeCurrent(w);
  if (uint32_t stay = s.mask & ~lanes) {
    // Those that do not call wait behind the call, so that all go on together.
    s.join = newJoin(w, s.pc, s.mask, s.join, s.frame);
    w.joins[s.join].arrived = stay;
  }
  uint32_t rest = lanes;
  bool split = false;
  while (rest) {
    int64_t index = info.function;
    uint32_t mask = rest;
    if (index < 0) {
      uint64_t pointer = readLane(w, i.src[0], i.srcBytes[0], std::countr_zero(rest));
      mask = 0;
      for (int l = 0; l < warpSize; l++)
        mask |= uint32_t(readLane(w, i.src[0], i.srcBytes[0], l) == pointer) << l;
      mask &= rest;
      index = int64_t(pointer - functionPointerBase) / 16;
      if (mask != rest && !split && !(s.mask & ~lanes)) {
        s.join = newJoin(w, s.pc, lanes, s.join, s.frame);
        split = true;
      }
    }
    rest &= ~mask;
    if (index < 0 || size_t(index) >= program.routines.size() || program.routines[index].code.empty())
      throw Error(Diag::emulator_trap,
                  {w.block->launch->entry->name,
                   "PTX line " + std::to_string(i.line) + " calls through a pointer to no function"});
    if (s.frame->depth >= maxDepth)
      throw Error(Diag::emulator_trap,
                  {w.block->launch->entry->name, "PTX line " + std::to_string(i.line) +
                                                     ": calls nest deeper than " + std::to_string(maxDepth)});
    const Routine &callee = program.routines[index];
    Frame *frame = makeFrame(w, callee, s.frame);
    frame->call = &info;
    frame->callAt = &i;
    for (size_t k = 0; k < std::min(info.arguments.size(), callee.params.size()); k++)
      passValue(w, info.arguments[k], s.frame, callee.params[k], frame, mask);
    int join = newJoin(w, s.pc, mask, s.join, s.frame);
    w.joins[join].callee = frame;
    Split inside;
    inside.pc = 0;
    inside.mask = mask;
    inside.join = join;
    inside.frame = frame;
    w.splits.push_back(inside);
  }
  w.current = w.splits.size() - 1;
}

static void leave(Warp &w, uint32_t lanes, bool exits) {
  Split &s = w.splits[w.current];
  int join = s.join;
  s.mask &= ~lanes;
  bool empty = !s.mask;
  if (exits)
    w.alive &= ~lanes;
  int end = join;
  while (end >= 0 && (exits || !w.joins[end].callee))
    end = w.joins[end].parent;
  if (empty) {
    removeCurrent(w);
    w.current = ~size_t(0);
  }
  leaveJoins(w, join, end, lanes);
  if (end >= 0) {
    w.joins[end].arrived |= lanes;
    settleJoin(w, end);
  }
}

// --- Instructions that the loop does itself

static void divergentBarrier(Warp &w, const Instr &i, uint32_t mask) {
  if (!w.block->launch->checks)
    return;
  uint32_t missing = w.alive & ~mask;
  report(w, i, std::countr_zero(mask), Check::divergentBarrier,
         "comes to an aligned barrier without the lanes " + hexadecimal(missing) + " of its warp");
}

/// Lanes that were let go while others spin wait at an aligned barrier for those, as long as any of the warp can run.
static void waitAtBarrier(Warp &w, const Instr &i, uint32_t mask, bool force) {
  if (!mask)
    return;
  const auto &info = *static_cast<const BarrierInfo *>(i.extra);
  Split &s = w.splits[w.current];
  uint32_t together = mask;
  if (info.aligned && mask != w.alive && mask == s.mask) {
    uint32_t pc = s.pc - 1;
    s.pc = pc;
    bool complete = gather(w, pc, s.frame, w.alive, together);
    if (!complete && !force) {
      s.wait = Split::Wait::sync;
      return;
    }
    s.pc = pc + 1;
    if (together != s.mask) { // all that are here come in as one
      for (size_t k = 0; k < w.splits.size(); k++) {
        Split &other = w.splits[k];
        if (&other == &w.splits[w.current] || other.pc != pc || other.frame != s.frame ||
            other.wait != Split::Wait::sync)
          continue;
        other.pc = pc + 1;
        other.wait = Split::Wait::barrier;
        w.mask = other.mask;
        arriveAtBarrier(w, i, other.mask, info.kind == BarrierInfo::Kind::arrive ? nullptr : &other, 0);
        if (info.kind == BarrierInfo::Kind::arrive)
          other.wait = Split::Wait::none;
      }
    }
  }
  if (info.aligned && together != w.alive)
    divergentBarrier(w, i, together);
  if (w.block->counters)
    w.block->counters->barriers++;
  if (uint32_t stay = s.mask & ~mask) {
    s.join = newJoin(w, s.pc, s.mask, s.join, s.frame);
    w.joins[s.join].arrived = stay;
    s.mask = mask;
  }
  w.mask = mask;
  if (info.kind == BarrierInfo::Kind::arrive) {
    arriveAtBarrier(w, i, mask, nullptr, together);
    return;
  }
  s.wait = Split::Wait::barrier;
  arriveAtBarrier(w, i, mask, &s, together);
}

/// Runs a `.sync` instruction when its lanes are together, else parks the split. `force`: with those that are there.
static void meet(Warp &w, const Instr &i, bool force) {
  Split &s = w.splits[w.current];
  uint32_t pc = s.pc - 1;
  uint32_t wanted = w.alive;
  if (i.memberSource >= 0) {
    uint32_t executing = s.mask;
    if (i.guard != noSlot)
      executing &= i.guardNegated ? ~w.preds[i.guard] : w.preds[i.guard];
    wanted = 0;
    for (uint32_t rest = executing; rest; rest &= rest - 1)
      wanted |= uint32_t(readLane(w, i.src[i.memberSource], 4, std::countr_zero(rest)));
  }
  s.pc = pc;
  uint32_t together;
  if (!gather(w, pc, s.frame, wanted, together) && !force) {
    s.wait = Split::Wait::sync;
    return;
  }
  if (force && (wanted & w.alive & ~together)) {
    w.mask = s.mask;
    report(w, i, std::countr_zero(s.mask), Check::memberMask,
           "needs the lanes " + hexadecimal(wanted) + " together, but only " + hexadecimal(together) +
               " have come");
  }
  uint32_t mask = together;
  if (i.guard != noSlot)
    mask &= i.guardNegated ? ~w.preds[i.guard] : w.preds[i.guard];
  Frame *frame = s.frame;
  for (Split &other : w.splits)
    if (other.pc == pc && other.frame == frame && (other.wait == Split::Wait::sync || &other == &s)) {
      other.pc = pc + 1;
      other.wait = Split::Wait::none;
    }
  w.mask = mask;
  w.active = together;
  w.pc = pc + 1;
  if (mask && i.run)
    (w.block->launch->observe && i.observed ? i.observed : i.run)(w, i);
}

static void step(Warp &w, const Instr &i, uint32_t mask, int64_t &budget) {
  Split &s = w.splits[w.current];
  switch (i.control) {
  case Control::bra:
    branch(w, i, mask);
    if (w.current < w.splits.size() && w.splits[w.current].backEdges >= (w.spinning ? 64u : 1u << 20)) {
      if (w.spinning) {
        noteSpin(w);
        budget = 0;
      }
      yieldSplit(w);
      w.spinning = false;
    }
    break;
  case Control::brx: branchIndexed(w, i, mask); break;
  case Control::call: call(w, i, mask); break;
  case Control::ret:
    if (mask)
      leave(w, mask, s.frame->depth == 0);
    break;
  case Control::exit:
    if (mask)
      leave(w, mask, true);
    break;
  case Control::trap:
    if (mask)
      throw Error(Diag::emulator_trap, {w.block->launch->entry->name,
                                        "trap at PTX line " + std::to_string(i.line) + ", block " +
                                            std::to_string(w.block->id[0]) + ", thread " +
                                            std::to_string(w.index * warpSize + std::countr_zero(mask))});
    break;
  case Control::barrier: waitAtBarrier(w, i, mask, false); break;
  case Control::sync: meet(w, i, false); break;
  case Control::yield:
    w.spinning = true;
    noteSpin(w);
    yieldSplit(w);
    budget = 0;
    break;
  case Control::none: break;
  }
}

// --- The loop

/// All splits wait: those at `.sync` instructions whose other lanes have exited, or will never come, go on.
static bool wakeParked(Warp &w) {
  for (size_t k = 0; k < w.splits.size(); k++)
    if (w.splits[k].wait == Split::Wait::sync) {
      w.current = k;
      Split &s = w.splits[k];
      w.frame = s.frame;
      w.regs = s.frame->regs;
      w.preds = s.frame->preds.data();
      w.active = s.mask;
      const Instr &i = s.frame->function->code[s.pc];
      s.pc++;
      if (i.control == Control::barrier) {
        s.wait = Split::Wait::none;
        waitAtBarrier(w, i, s.mask, true);
      } else {
        meet(w, i, true);
      }
      return true;
    }
  return false;
}

template <bool observed> static void interpret(Warp &w, int64_t &budget) {
  BlockState &block = *w.block;
  enum class Out { budget, stop, control };
  while (budget > 0) {
    if (w.current >= w.splits.size() || w.splits[w.current].wait != Split::Wait::none)
      if (!pick(w) && (!wakeParked(w) || !pick(w)))
        return;
    Split *s = &w.splits[w.current];
    Frame *frame = s->frame;
    w.frame = frame;
    w.regs = frame->regs;
    w.preds = frame->preds.data();
    const Instr *code = frame->function->code.data();
    uint32_t pc = s->pc, active = s->mask;
    w.active = active;
    uint32_t stop = s->join >= 0 && !w.joins[s->join].callee && w.joins[s->join].frame == frame
                        ? w.joins[s->join].pc
                        : nowhere;
    uint64_t *counts = nullptr, *laneCounts = nullptr;
    if (observed) {
      size_t first =
          block.launch->firstInstr[frame->function - block.launch->module->program().routines.data()];
      counts = block.warpCounts->data() + first;
      laneCounts = block.laneCounts->data() + first;
    }
    const Instr *i = nullptr;
    uint32_t mask = 0;
    Out out;
    while (true) {
      if (pc == stop) {
        out = Out::stop;
        break;
      }
      if (budget <= 0) {
        out = Out::budget;
        break;
      }
      budget--;
      i = &code[pc++];
      mask = active;
      if (i->guard != noSlot)
        mask &= i->guardNegated ? ~w.preds[i->guard] : w.preds[i->guard];
      if (observed) {
        counts[pc - 1]++;
        laneCounts[pc - 1] += std::popcount(mask);
      }
      if (i->control == Control::none) {
        if (mask) {
          w.mask = mask;
          (observed && i->observed ? i->observed : i->run)(w, *i);
        }
        continue;
      }
      // The commonest flow, without leaving: all lanes go the same way.
      if (i->control == Control::bra && !mask)
        continue;
      if (i->control == Control::bra && mask == active &&
          (uint32_t(i->target) >= pc || s->backEdges < 63 ||
           (w.splits.size() == 1 && s->join < 0 && !w.spinning))) {
        s->backEdges += uint32_t(i->target) < pc;
        pc = uint32_t(i->target);
        continue;
      }
      if (i->control == Control::sync && active == w.alive && w.splits.size() == 1) {
        w.mask = mask;
        w.pc = pc;
        if (mask && i->run)
          (observed && i->observed ? i->observed : i->run)(w, *i);
        continue;
      }
      out = Out::control;
      break;
    }
    s->pc = pc;
    if (out == Out::stop) {
      int join = s->join;
      w.joins[join].arrived |= active;
      removeCurrent(w);
      settleJoin(w, join);
      w.current = ~size_t(0);
    } else if (out == Out::control) {
      step(w, *i, mask, budget);
      // Threads that have exited no longer hold up barriers of the whole block.
      if (i->control == Control::exit || i->control == Control::ret)
        recheckBarriers(block);
    }
  }
}

void runWarp(Warp &w, int64_t &budget) {
  if (w.block->launch->observe)
    interpret<true>(w, budget);
  else
    interpret<false>(w, budget);
}

} // namespace tegula::ptx
