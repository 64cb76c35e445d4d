//===- CounterNames.h - what a launch did, by name ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The one list of names, for every form that counters are given out in: `visit(out, counters)` calls, in the order of
// a report,
//
//   out.value(name, number, text or array of numbers)
//   out.object(name, body)         body(Out &) visits what lies in it
//   out.list(name, items, each)    each(Out &, item) visits an object

#pragma once

#include "driver/emulator/ptx/Counters.h"

namespace tegula::ptx {

template <typename Out> void visit(Out &out, const MemoryCounts &memory, const MemoryCounts::Space &space) {
  out.object(space.name, [&](Out &o) {
    const MemoryCount &m = memory.*space.count;
    o.value("requests", m.requests);
    o.value(space.units, m.units);
    o.value("ideal", m.ideal);
    o.value("bytes", m.bytes);
  });
}

template <typename Out> void visit(Out &out, const LineCounters &l, bool isInstruction) {
  out.value("file", l.file);
  out.value("line", l.sourceLine);
  if (isInstruction) {
    out.value("function", l.function);
    out.value("ptx_line", l.ptxLine);
    out.value("block", l.block);
    out.value("class", std::string(pipeName(l.pipe)));
  }
  out.value("instructions", l.instructions);
  out.value("lanes", l.lanes);
  for (const MemoryCounts::Space &space : MemoryCounts::spaces)
    if ((l.memory.*space.count).requests)
      visit(out, l.memory, space);
}

template <typename Out> void visit(Out &out, const BlockCounters &b) {
  const uint32_t ptxLines[] = {b.firstPtxLine, b.lastPtxLine},
                 lines[] = {b.firstSourceLine, b.lastSourceLine};
  out.value("function", b.function);
  out.value("block", b.block);
  out.value("ptx_lines", ptxLines);
  out.value("file", b.file);
  out.value("lines", lines);
  out.value("size", b.size);
  out.value("executions", b.executions);
  out.value("lanes", b.lanes);
  out.value("instructions", b.instructions);
}

template <typename Out> void visit(Out &out, const Counters &c) {
  out.value("kernel", c.kernel);
  out.value("arch", c.arch);
  out.value("grid", c.grid);
  out.value("block", c.block);
  out.value("instructions", c.instructions);
  out.value("lane_instructions", c.lanes);
  out.value("active_lanes", c.activeLanes());
  out.object("by_class", [&](Out &o) {
    for (size_t p = 0; p < size_t(Pipe::count); p++)
      if (c.byPipe[p])
        o.value(pipeName(static_cast<Pipe>(p)), c.byPipe[p]);
  });
  for (const MemoryCounts::Space &space : MemoryCounts::spaces)
    visit(out, c.memory, space);
  out.value("barriers", c.barriers);
  out.value("matrix_operations", c.matrixOperations);
  out.value("multiply_adds", c.multiplyAdds);
  out.object("by_unit", [&](Out &o) {
    for (const UnitBound &b : c.bounds)
      o.object(b.unit.c_str(), [&](Out &unit) {
        unit.value("instructions", b.instructions);
        unit.value("clocks", b.cycles);
      });
  });
  out.list("by_instruction", c.perInstruction, [](Out &o, const LineCounters &l) { visit(o, l, true); });
  out.list("by_line", c.perLine, [](Out &o, const LineCounters &l) { visit(o, l, false); });
  out.list("by_block", c.blocks, [](Out &o, const BlockCounters &b) { visit(o, b); });
}

} // namespace tegula::ptx
