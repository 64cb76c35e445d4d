//===- Emulator.cpp - tegula._tegula.EmulatedModule ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The package tegula.emulator packs arguments and names memory; here are only the calls.

#include "driver/api/Emulator.h"
#include "python/bindings/Support.h"

#include <pybind11/stl.h>

namespace tegula::python {

namespace {

using MemoryRange =
    std::tuple<uint64_t, uint64_t, std::string, bool>; // address, bytes, name, nothing written yet

struct EmulatedModule {
  ptx::Emulator emulator;
  std::shared_ptr<ptx::LoadedModule> module;
};

const ptx::Routine &entryOf(const EmulatedModule &m, const std::string &name) {
  if (const ptx::Routine *entry = m.module->entry(name))
    return *entry;
  std::string names;
  for (const ptx::Routine &r : m.module->program().routines)
    if (r.isEntry)
      names += (names.empty() ? "" : ", ") + r.name;
  throw Error(Diag::emulator_no_kernel, {name, names.empty() ? "none" : names});
}

py::list parametersOf(const EmulatedModule &m, const std::string &name) {
  const ptx::Routine &entry = entryOf(m, name);
  py::list all;
  for (size_t k = 0; k < entry.params.size(); k++) {
    std::string kind = "b";
    if (entry.ast && k < entry.ast->params.size()) {
      ptx::Type type = m.module->program().module.variables[size_t(entry.ast->params[k])].type;
      if (type == ptx::Type::f32 || type == ptx::Type::f64)
        kind = "f";
    }
    all.append(py::make_tuple(entry.params[k].offset, entry.params[k].bytes, kind));
  }
  return all;
}

py::dict toDict(const ptx::MemoryCount &m, const char *units) {
  py::dict d;
  d["requests"] = m.requests;
  d[units] = m.units;
  d["ideal"] = m.ideal;
  d["bytes"] = m.bytes;
  return d;
}
py::dict toDict(const ptx::LineCounters &l, bool isInstruction) {
  py::dict d;
  d["file"] = l.file;
  d["line"] = l.sourceLine;
  if (isInstruction) {
    d["function"] = l.function;
    d["ptx_line"] = l.ptxLine;
    d["block"] = l.block;
    d["class"] = ptx::pipeName(l.pipe);
  }
  d["instructions"] = l.instructions;
  d["lanes"] = l.lanes;
  if (l.memory.global.requests)
    d["global"] = toDict(l.memory.global, "sectors");
  if (l.memory.shared.requests)
    d["shared"] = toDict(l.memory.shared, "wavefronts");
  if (l.memory.local.requests)
    d["local"] = toDict(l.memory.local, "sectors");
  return d;
}

py::dict toDict(const ptx::Counters &c) {
  py::dict d, classes;
  d["kernel"] = c.kernel;
  d["arch"] = c.arch;
  d["grid"] = py::make_tuple(c.grid[0], c.grid[1], c.grid[2]);
  d["block"] = py::make_tuple(c.block[0], c.block[1], c.block[2]);
  d["instructions"] = c.instructions;
  d["lane_instructions"] = c.lanes;
  d["active_lanes"] = c.activeLanes();
  for (size_t p = 0; p < size_t(ptx::Pipe::count); p++)
    if (c.byPipe[p])
      classes[ptx::pipeName(static_cast<ptx::Pipe>(p))] = c.byPipe[p];
  d["by_class"] = classes;
  d["global"] = toDict(c.memory.global, "sectors");
  d["shared"] = toDict(c.memory.shared, "wavefronts");
  d["local"] = toDict(c.memory.local, "sectors");
  d["barriers"] = c.barriers;
  d["matrix_operations"] = c.matrixOperations;
  d["multiply_adds"] = c.multiplyAdds;
  py::dict units;
  for (const ptx::UnitBound &b : c.bounds) {
    py::dict unit;
    unit["instructions"] = b.instructions;
    unit["clocks"] = b.cycles;
    units[b.unit.c_str()] = unit;
  }
  d["by_unit"] = units;
  py::list instructions, lines, blocks;
  for (const ptx::LineCounters &l : c.perInstruction)
    instructions.append(toDict(l, true));
  for (const ptx::LineCounters &l : c.perLine)
    lines.append(toDict(l, false));
  for (const ptx::BlockCounters &b : c.blocks) {
    py::dict block;
    block["function"] = b.function;
    block["block"] = b.block;
    block["ptx_lines"] = py::make_tuple(b.firstPtxLine, b.lastPtxLine);
    block["file"] = b.file;
    block["lines"] = py::make_tuple(b.firstSourceLine, b.lastSourceLine);
    block["size"] = b.size;
    block["executions"] = b.executions;
    block["lanes"] = b.lanes;
    block["instructions"] = b.instructions;
    blocks.append(block);
  }
  d["by_instruction"] = instructions;
  d["by_line"] = lines;
  d["by_block"] = blocks;
  return d;
}

py::list toList(const std::vector<ptx::Finding> &findings) {
  py::list all;
  for (const ptx::Finding &f : findings) {
    py::dict d;
    d["kind"] = f.kind;
    d["text"] = f.text;
    d["kernel"] = f.kernel;
    d["file"] = f.file;
    d["ptx_line"] = f.ptxLine;
    d["line"] = f.sourceLine;
    d["block"] = py::make_tuple(f.block[0], f.block[1], f.block[2]);
    d["thread"] = py::make_tuple(f.thread[0], f.thread[1], f.thread[2]);
    d["count"] = f.count;
    if (f.hasOther) {
      py::dict other;
      other["file"] = f.other.file;
      other["line"] = f.other.line;
      other["ptx_line"] = f.other.ptxLine;
      other["block"] = py::make_tuple(f.other.block[0], f.other.block[1], f.other.block[2]);
      other["thread"] = py::make_tuple(f.other.thread[0], f.other.thread[1], f.other.thread[2]);
      d["other"] = other;
    } else {
      d["other"] = py::none();
    }
    all.append(d);
  }
  return all;
}

py::tuple launch(EmulatedModule &m, const std::string &name, const std::array<uint32_t, 3> &grid,
                 const std::array<uint32_t, 3> &block, const py::bytes &arguments,
                 const std::vector<MemoryRange> &memory, const py::dict &options) {
  ptx::LaunchSettings s;
  std::copy(grid.begin(), grid.end(), s.grid);
  std::copy(block.begin(), block.end(), s.block);
  auto option = [&](const char *key, auto fallback) {
    return options.contains(key) ? options[key].cast<decltype(fallback)>() : fallback;
  };
  s.sharedBytes = option("shared", uint32_t(0));
  s.checks = ptx::parseChecks(option("checks", std::string("off")));
  s.counters = option("counters", false);
  s.lazyAsync = option("lazy", true);
  s.seed = option("seed", uint64_t(0));
  s.threads = option("threads", 0u);
  s.cooperative = option("cooperative", false);
  s.hardwareAccumulate = option("hardware_accumulate", false);
  s.instructionLimit = option("instruction_limit", uint64_t(0));
  s.interrupted = [] {
    WithGil gil;
    return PyErr_CheckSignals() != 0;
  };
  s.print = [](const std::string &text) {
    WithGil gil;
    try {
      py::print(text, py::arg("end") = "");
    } catch (py::error_already_set &e) {
      e.discard_as_unraisable("printf of an emulated kernel");
    }
  };
  std::string packed = arguments;
  std::vector<uint8_t> bytes(packed.begin(), packed.end());
  ptx::Report report;
  {
    WithoutGil nogil;
    for (auto &[address, size, what, fresh] : memory)
      m.emulator.registerRange(address, size, what, fresh);
    struct Forget {
      ptx::Emulator &emulator;
      const std::vector<MemoryRange> &memory;
      ~Forget() {
        for (auto &range : memory)
          emulator.unregisterRange(std::get<0>(range));
      }
    } forget{m.emulator, memory};
    try {
      report = m.emulator.launch(*m.module, name, s, bytes);
    } catch (const Error &) {
      WithGil gil;
      if (PyErr_Occurred()) // Ctrl-C
        throw py::error_already_set();
      throw;
    }
  }
  return py::make_tuple(s.counters ? py::object(toDict(report.counters)) : py::object(py::dict()),
                        toList(report.findings), s.counters ? ptx::table(report.counters) : std::string());
}

} // namespace

void initEmulator(py::module_ &module) {
  py::class_<EmulatedModule>(module, "EmulatedModule")
      .def(py::init([](const std::string &text, const std::string &arch, const std::string &name) {
        auto m = std::make_unique<EmulatedModule>();
        m->module = m->emulator.load(text, arch, name);
        return m;
      }))
      .def("entries",
           [](const EmulatedModule &m) {
             std::vector<std::string> names;
             for (const ptx::Routine &r : m.module->program().routines)
               if (r.isEntry)
                 names.push_back(r.name);
             return names;
           })
      .def("parameters", &parametersOf)
      .def("variable",
           [](const EmulatedModule &m, const std::string &name) { return m.module->variable(name); })
      .def("launch", &launch);
  module.def("check_emulator_checks", [](const std::string &text) { ptx::parseChecks(text); });
  module.def("emulated_devices", [] {
    py::list all;
    for (const api::EmulatedDevice &d : api::emulatedDevices())
      all.append(py::make_tuple(d.arch, d.board, d.memory, d.multiprocessors, d.sharedPerSm, d.threadsPerSm));
    return all;
  });
}

} // namespace tegula::python
