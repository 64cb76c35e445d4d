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

using MemoryRange = std::tuple<uint64_t, uint64_t, std::string>;

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

py::dict toDict(const ptx::Counters &c) {
  py::dict d, pipes;
  d["instructions"] = c.instructions;
  d["lane_instructions"] = c.lanes;
  for (size_t p = 0; p < size_t(ptx::Pipe::count); p++)
    if (c.byPipe[p])
      pipes[ptx::pipeName(static_cast<ptx::Pipe>(p))] = c.byPipe[p];
  d["by_pipe"] = pipes;
  d["global_requests"] = c.globalRequests;
  d["global_sectors"] = c.globalSectors;
  d["global_sectors_ideal"] = c.globalSectorsIdeal;
  d["global_bytes"] = c.globalBytes;
  d["shared_requests"] = c.sharedRequests;
  d["shared_wavefronts"] = c.sharedWavefronts;
  d["shared_wavefronts_ideal"] = c.sharedWavefrontsIdeal;
  d["shared_bytes"] = c.sharedBytes;
  d["barriers"] = c.barriers;
  py::list lines;
  for (const ptx::LineCounters &l : c.lines)
    lines.append(py::make_tuple(l.ptxLine, l.sourceLine, l.block, l.instructions, l.lanes));
  d["lines"] = lines;
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
  s.checks = static_cast<ptx::Checks>(option("checks", int(0)));
  s.counters = option("counters", false);
  s.lazyAsync = option("lazy", true);
  s.seed = option("seed", uint64_t(0));
  s.threads = option("threads", 0u);
  s.cooperative = option("cooperative", false);
  s.hardwareAccumulate = option("hardware_accumulate", false);
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
    for (auto &[address, size, what] : memory)
      m.emulator.registerRange(address, size, what);
    struct Forget {
      ptx::Emulator &emulator;
      const std::vector<MemoryRange> &memory;
      ~Forget() {
        for (auto &range : memory)
          emulator.unregisterRange(std::get<0>(range));
      }
    } forget{m.emulator, memory};
    report = m.emulator.launch(*m.module, name, s, bytes);
  }
  return py::make_tuple(toDict(report.counters), toList(report.findings));
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
  module.def("emulated_devices", [] {
    py::list all;
    for (const api::EmulatedDevice &d : api::emulatedDevices())
      all.append(py::make_tuple(d.arch, d.board, d.memory, d.multiprocessors, d.sharedPerSm, d.threadsPerSm));
    return all;
  });
}

} // namespace tegula::python
