//===- Builtins.cpp - functions of the device that have no body in PTX ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Access.h"
#include "ir/diag/Diagnostic.h"

#include <cstdio>
#include <cstring>

namespace tegula::ptx {

namespace {

constexpr uint64_t maxHeap = uint64_t(1) << 30; ///< of one malloc()

uint64_t argument(WarpState &w, const CallInfo &call, size_t k, int lane) {
  if (k >= call.arguments.size())
    return 0;
  const Passed &p = call.arguments[k];
  if (p.slot != noSlot)
    return readLane(w, p.slot, p.bytes == 8 ? 8 : 4, lane);
  uint64_t value = 0;
  memcpy(&value, w.frame->params.data() + size_t(lane) * w.frame->function->paramBytes + p.offset,
         std::min(p.bytes, 8u));
  return value;
}

void giveResult(WarpState &w, const CallInfo &call, int lane, uint64_t value) {
  if (call.results.empty())
    return;
  const Passed &p = call.results[0];
  if (p.slot != noSlot)
    writeLane(w, p.slot, p.bytes == 8 ? 8 : 4, lane, value);
  else
    memcpy(w.frame->params.data() + size_t(lane) * w.frame->function->paramBytes + p.offset, &value,
           std::min(p.bytes, 8u));
}

std::string readString(WarpState &w, const Instr &i, uint64_t address, int lane) {
  std::string text;
  while (text.size() < 4096) {
    const uint8_t *c = locate(w, i, Space::generic, address + text.size(), 1, lane, false);
    if (!c || !*c)
      break;
    text += char(*c);
  }
  return text;
}

/// printf: each argument has 8 or 4 bytes in the buffer, aligned to its size.
std::string format(WarpState &w, const Instr &i, const std::string &text, uint64_t buffer, int lane) {
  std::string out;
  uint64_t at = 0;
  auto next = [&](uint32_t bytes) {
    at = (at + bytes - 1) & ~uint64_t(bytes - 1);
    uint64_t value = 0;
    if (const uint8_t *from = locate(w, i, Space::generic, buffer + at, bytes, lane, false))
      memcpy(&value, from, bytes);
    at += bytes;
    return value;
  };
  for (size_t k = 0; k < text.size(); k++) {
    if (text[k] != '%') {
      out += text[k];
      continue;
    }
    std::string spec = "%";
    int longs = 0;
    for (k++; k < text.size() && strchr("-+ #0123456789.*hlLzjtq", text[k]); k++) {
      if (text[k] == '*')
        spec += std::to_string(std::clamp(int32_t(next(4)), -400, 400));
      else if (text[k] >= '0' && text[k] <= '9' && spec.size() > 12)
        continue; // no width is that large
      else if (strchr("hlLzjtq", text[k]))
        longs += text[k] == 'l' || text[k] == 'z' || text[k] == 'j' || text[k] == 't' || text[k] == 'q';
      else
        spec += text[k];
    }
    char kind = k < text.size() ? text[k] : '%';
    char piece[512];
    if (kind == '%') {
      out += '%';
      continue;
    }
    if (strchr("di", kind)) {
      long long value = longs ? (long long)next(8) : int32_t(next(4));
      snprintf(piece, sizeof piece, (spec + "lld").c_str(), value);
    } else if (strchr("uxXo", kind)) {
      unsigned long long value = longs ? next(8) : uint32_t(next(4));
      snprintf(piece, sizeof piece, (spec + "ll" + kind).c_str(), value);
    } else if (strchr("fFeEgGaA", kind)) {
      double value = std::bit_cast<double>(next(8));
      snprintf(piece, sizeof piece, (spec + kind).c_str(), value);
    } else if (kind == 'c') {
      snprintf(piece, sizeof piece, (spec + "c").c_str(), int(next(4)));
    } else if (kind == 's') {
      std::string value = readString(w, i, next(8), lane);
      snprintf(piece, sizeof piece, (spec + "s").c_str(), value.c_str());
    } else if (kind == 'p') {
      snprintf(piece, sizeof piece, "0x%llx", static_cast<unsigned long long>(next(8)));
    } else {
      out += spec + kind;
      continue;
    }
    out += piece;
  }
  return out;
}

} // namespace

void runBuiltin(WarpState &w, const Instr &i, const CallInfo &call) {
  changed(w);
  LaunchState &launch = *w.block->launch;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    auto arg = [&](size_t k) { return argument(w, call, k, l); };
    if (call.builtin == "vprintf") {
      std::string text = format(w, i, readString(w, i, arg(0), l), arg(1), l);
      std::lock_guard lock(launch.mutex);
      if (launch.settings.print)
        launch.settings.print(text);
      else
        fwrite(text.data(), 1, text.size(), stdout);
      giveResult(w, call, l, text.size());
    } else if (call.builtin == "__assertfail") {
      throw Error(Diag::emulator_assert,
                  {launch.entry->name,
                   readString(w, i, arg(1), l) + ":" + std::to_string(uint32_t(arg(2))) + ": assertion `" +
                       readString(w, i, arg(0), l) + "` failed in block (" + std::to_string(w.block->id[0]) +
                       ", " + std::to_string(w.block->id[1]) + ", " + std::to_string(w.block->id[2]) +
                       "), thread " + std::to_string(w.index * warpSize + uint32_t(l))});
    } else if (call.builtin == "malloc") {
      uint64_t size = std::max<uint64_t>(arg(0), 1);
      uint64_t address = size > maxHeap ? 0 : launch.emulator->allocate(size, launch.checks);
      launch.fromHeap = true;
      launch.anyFresh = launch.anyFresh || launch.checks;
      giveResult(w, call, l, address);
    } else if (call.builtin == "free") {
      uint64_t address = arg(0);
      if (address && launch.emulator->release(address, true)) {
        std::lock_guard lock(launch.mutex);
        launch.freed.push_back(address);
      } else if (address) {
        report(w, i, l, Check::invalidFree,
               "frees " + hexadecimal(address) + ", which is no live allocation");
      }
    } else {
      throw Error(Diag::emulator_trap,
                  {launch.entry->name, "PTX line " + std::to_string(i.line) + " calls `" +
                                           std::string(call.builtin) + "`, which has no body"});
    }
  }
  if (call.builtin == "vprintf" && !launch.settings.print)
    fflush(stdout);
}

} // namespace tegula::ptx
