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

/// What visit() fills.
struct Dict {
  py::dict made;
  template <typename T> void value(const char *name, const T &v) { made[name] = v; }
  template <size_t n> void value(const char *name, const uint32_t (&v)[n]) {
    py::tuple all(n);
    for (size_t k = 0; k < n; k++)
      all[k] = v[k];
    made[name] = all;
  }
  template <typename Body> void object(const char *name, Body body) {
    Dict inner;
    body(inner);
    made[name] = inner.made;
  }
  template <typename Items, typename Each> void list(const char *name, const Items &items, Each each) {
    py::list all;
    for (auto &item : items) {
      Dict inner;
      each(inner, item);
      all.append(inner.made);
    }
    made[name] = all;
  }
};

py::dict toDict(const ptx::Counters &counters) {
  Dict dict;
  ptx::visit(dict, counters);
  return dict.made;
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

/// Launches on emulated devices by this thread between start and stop, counted.
class LaunchRecorder {
public:
  ~LaunchRecorder() { stop(); }
  void start() { api::recordEmulatedInto(&launches); }
  void stop() { api::recordEmulatedInto(nullptr); }
  py::list look() const {
    py::list all;
    for (const api::EmulatedLaunch &l : launches)
      all.append(py::make_tuple(l.kernel, l.device, py::make_tuple(l.grid[0], l.grid[1], l.grid[2]),
                                l.numWarps, toDict(l.report.counters), toList(l.report.findings)));
    return all;
  }

private:
  std::vector<api::EmulatedLaunch> launches;
};

} // namespace

void initEmulator(py::module_ &module) {
  module.def("share_memory", &api::shareMemory);
  module.def("unshare_memory", &api::unshareMemory);
  py::class_<LaunchRecorder>(module, "LaunchRecorder")
      .def(py::init<>())
      .def("start", &LaunchRecorder::start)
      .def("stop", &LaunchRecorder::stop)
      .def("look", &LaunchRecorder::look);
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
    using ptx::Attribute;
    for (const ptx::Board &board : ptx::boards())
      all.append(py::make_tuple(board.arch(), board.name, board.memory,
                                board.attribute(Attribute::MULTIPROCESSOR_COUNT),
                                board.attribute(Attribute::MAX_SHARED_MEMORY_PER_MULTIPROCESSOR),
                                board.attribute(Attribute::MAX_THREADS_PER_MULTIPROCESSOR)));
    return all;
  });
}

} // namespace tegula::python
