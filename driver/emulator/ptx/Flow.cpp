//===- Flow.cpp - basic blocks and post-dominators ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Decoder.h"

#include <algorithm>

namespace tegula::ptx {

static bool endsBlock(const Instr &i) {
  return i.control == Control::bra || i.control == Control::brx || i.control == Control::ret ||
         i.control == Control::exit;
}

Blocks findBlocks(const Lowered &lowered) {
  const auto &drafts = lowered.drafts;
  Blocks blocks;
  std::vector<uint8_t> leads(drafts.size() + 1, 0);
  leads[0] = 1;
  for (size_t i = 0; i < drafts.size(); i++) {
    const Instr &in = drafts[i].instr;
    if (!endsBlock(in))
      continue;
    leads[i + 1] = 1;
    if (in.control == Control::bra)
      leads[static_cast<size_t>(in.target)] = 1;
    for (uint32_t k = 0; k < in.listSize; k++)
      leads[static_cast<size_t>(in.list32[k])] = 1;
  }
  blocks.of.resize(drafts.size());
  for (size_t i = 0; i < drafts.size(); i++) {
    if (leads[i])
      blocks.first.push_back(static_cast<int32_t>(i));
    blocks.of[i] = static_cast<int32_t>(blocks.first.size()) - 1;
  }
  size_t count = blocks.first.size();
  blocks.next.resize(count);
  for (size_t b = 0; b < count; b++) {
    size_t end = b + 1 < count ? static_cast<size_t>(blocks.first[b + 1]) : drafts.size();
    const Instr &last = drafts[end - 1].instr;
    auto &next = blocks.next[b];
    bool goesOn = !endsBlock(last) || last.guard != noSlot;
    if (last.control == Control::bra)
      next.push_back(blocks.of[static_cast<size_t>(last.target)]);
    for (uint32_t k = 0; k < last.listSize; k++)
      next.push_back(blocks.of[static_cast<size_t>(last.list32[k])]);
    if (last.control == Control::ret || last.control == Control::exit)
      next.push_back(-1);
    if (goesOn)
      next.push_back(b + 1 < count ? static_cast<int32_t>(b) + 1 : -1);
  }
  return blocks;
}

/// Cooper, Harvey and Kennedy's algorithm ("A Simple, Fast Dominance Algorithm") on the graph turned round, the exit
/// being its root.
std::vector<int32_t> postDominators(const Blocks &blocks) {
  size_t count = blocks.first.size(), exit = count;
  std::vector<std::vector<int32_t>> before(count + 1);
  for (size_t b = 0; b < count; b++)
    for (int32_t n : blocks.next[b])
      before[n < 0 ? exit : static_cast<size_t>(n)].push_back(static_cast<int32_t>(b));
  // Post-order from the exit, without recursion: functions may have many thousand blocks.
  std::vector<int32_t> order, number(count + 1, -1);
  std::vector<std::pair<size_t, size_t>> stack{{exit, 0}};
  std::vector<uint8_t> seen(count + 1, 0);
  seen[exit] = 1;
  while (!stack.empty()) {
    auto &[node, at] = stack.back();
    if (at == before[node].size()) {
      number[node] = static_cast<int32_t>(order.size());
      order.push_back(static_cast<int32_t>(node));
      stack.pop_back();
      continue;
    }
    size_t next = static_cast<size_t>(before[node][at++]);
    if (!seen[next]) {
      seen[next] = 1;
      stack.push_back({next, 0});
    }
  }
  std::vector<int32_t> dominator(count + 1, -1);
  dominator[exit] = static_cast<int32_t>(exit);
  auto common = [&](int32_t a, int32_t b) {
    while (a != b)
      if (number[static_cast<size_t>(a)] < number[static_cast<size_t>(b)])
        a = dominator[static_cast<size_t>(a)];
      else
        b = dominator[static_cast<size_t>(b)];
    return a;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t k = order.size(); k-- > 0;) {
      size_t b = static_cast<size_t>(order[k]);
      if (b == exit)
        continue;
      int32_t found = -1;
      for (int32_t n : blocks.next[b]) {
        int32_t target = n < 0 ? static_cast<int32_t>(exit) : n;
        if (dominator[static_cast<size_t>(target)] < 0)
          continue;
        found = found < 0 ? target : common(found, target);
      }
      if (found != dominator[b]) {
        dominator[b] = found;
        changed = true;
      }
    }
  }
  dominator.resize(count);
  for (int32_t &d : dominator)
    if (d == static_cast<int32_t>(exit))
      d = -1; // and blocks of endless loops have none
  return dominator;
}

} // namespace tegula::ptx
