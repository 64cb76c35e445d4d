//===- Launch.cpp - the call of a kernel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//     kernel[grid](x, y, n, BLOCK=1024)
//       bindArguments   positions and keywords -> values by parameter
//       specialise      values -> key (types, facts, constants) and slots (addresses, numbers)
//       table           key -> Entry, compiled at the first call
//       unchanged       the globals that the kernel used are what they were
//       launch          grid, slots
//
// All of it is C++ under the GIL; Python code runs only for a grid function and for objects that have nothing better
// than data_ptr().
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Specialise.h"
#include "python/bindings/Watch.h"

#include "ir/Settings.h"

#include <chrono>

namespace tegula::python {

//===----------------------------------------------------------------------===//
// The grid
//===----------------------------------------------------------------------===//

[[noreturn]] static void badGrid(const std::string &got) { throw Error(Diag::launch_bad_grid, {got}); }

static int64_t gridExtent(PyObject *value) {
  value = unwrapConstexpr(value);
  py::object index;
  if (!PyLong_CheckExact(value)) {
    index = py::reinterpret_steal<py::object>(PyNumber_Index(value));
    if (!index) {
      PyErr_Clear();
      badGrid(shortText(value) + " (" + describeValue(value) + ") as one of them");
    }
    value = index.ptr();
  }
  int overflow = 0;
  long long n = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow || n < 0 || n > 2147483647)
    badGrid(shortText(value) + " programs along one of them");
  return n;
}

/// All arguments by name, as a grid function wants them.
static py::object metaParameters(const Call &call) {
  py::object meta = py::reinterpret_steal<py::object>(PyDict_New());
  if (!meta)
    throw py::error_already_set();
  for (size_t i = 0; i < call.values.size(); ++i)
    if (PyDict_SetItem(meta.ptr(), call.fn.params[i].name, call.values[i]) < 0)
      throw py::error_already_set();
  return meta;
}

static std::array<int64_t, 3> readGrid(const Call &call, PyObject *grid) {
  py::object computed;
  if (!PyTuple_CheckExact(grid) && PyCallable_Check(grid)) {
    py::object meta = metaParameters(call);
    computed = py::reinterpret_steal<py::object>(PyObject_CallOneArg(grid, meta.ptr()));
    if (!computed)
      throw py::error_already_set();
    grid = computed.ptr();
  }
  std::array<int64_t, 3> result = {1, 1, 1};
  bool isTuple = PyTuple_Check(grid);
  if (!isTuple && !PyList_Check(grid)) {
    if (!PyIndex_Check(grid) && !isConstexprWrapper(grid))
      badGrid(describeValue(grid));
    result[0] = gridExtent(grid);
    return result;
  }
  Py_ssize_t n = isTuple ? PyTuple_GET_SIZE(grid) : PyList_GET_SIZE(grid);
  if (n < 1 || n > 3)
    badGrid(std::to_string(n) + " dimensions");
  for (Py_ssize_t i = 0; i < n; ++i)
    result[i] = gridExtent(isTuple ? PyTuple_GET_ITEM(grid, i) : PyList_GET_ITEM(grid, i));
  return result;
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

static void noteWritten(Entry &entry) {
  const api::Metadata &m = entry.kernel->metadata();
  entry.written.clear();
  if (!m.writtenArguments)
    return;
  entry.written.assign(m.numArguments, false);
  for (int slot : *m.writtenArguments)
    if (slot >= 0 && slot < m.numArguments)
      entry.written[slot] = true;
}

/// Compiles for the call (the GIL is free meanwhile) and makes the Python object, telling the listener.
static void compileInto(Call &call, Entry &entry) {
  FunctionState &fn = call.fn;
  for (int attempt = 0;; ++attempt) {
    api::Request request;
    request.function = fn.jit.get();
    request.arguments = compilerArguments(call);
    request.target = call.device->target;
    request.options = compilerOptions(call);
    std::shared_ptr<lang::JitFunction> held = fn.jit;
    {
      WithoutGil nogil;
      entry.kernel = api::compile(request);
      entry.kernel->prepare(*call.device);
    }
    entry.device = call.device;
    releaseWatches(entry);
    if (watchDependencies(entry) || attempt == 3)
      break;
  }
  noteWritten(entry);
  entry.nanosecondsPerProgram = -1;
}

static void makeKernelObject(FunctionObject *function, Entry &entry) {
  static PyObject *factory =
      nullptr; // no initialiser: importing gives up the GIL, and a guard would then be a deadlock
  if (!factory)
    factory = py::object(py::module_::import("tegula.compiler").attr("_launched")).release().ptr();
  py::handle self(reinterpret_cast<PyObject *>(function));
  PyObject *made = py::handle(factory)(self, py::cast(entry.kernel)).release().ptr();
  PyObject *old = entry.object;
  entry.object = made;
  Py_XDECREF(old);
}

static Entry &compileEntry(FunctionObject *function, Call &call, uint64_t hash) {
  FunctionState &fn = call.fn;
  Entry made;
  made.key.assign(call.key.begin(), call.key.end());
  made.hash = hash;
  auto release = [&] {
    releaseWatches(made);
    Py_CLEAR(made.object);
  };
  try {
    compileInto(call, made);
    // Before others can find the entry: it runs Python code.
    makeKernelObject(function, made);
  } catch (...) {
    release();
    throw;
  }
  if (Entry *other = fn.table.find(hash, call.key)) { // another thread was first
    release();
    return *other;
  }
  fn.entries.push_back(std::move(made));
  Entry &entry = fn.entries.back();
  fn.table.insert(&entry);
  return entry;
}

static Entry &entryFor(FunctionObject *function, Call &call) {
  uint64_t hash = hashKey(call.key);
  Entry *entry = call.fn.table.find(hash, call.key);
  if (!entry)
    return compileEntry(function, call, hash);
  if (!unchanged(*entry)) {
    compileInto(call, *entry);
    makeKernelObject(function, *entry);
  }
  return *entry;
}

//===----------------------------------------------------------------------===//
// Launching
//===----------------------------------------------------------------------===//

/// Launches shorter than this keep the GIL: to give it up and to take it again costs a good part of their time.
static constexpr double keepGilBelow = 20e3; // nanoseconds

static void checkReadOnly(const Call &call, const Entry &entry) {
  for (const Range &r : call.ranges) {
    if (!r.readOnly || entry.written.empty() || !entry.writes(r.slot))
      continue;
    uint32_t slot = 0; // which parameter has it: parameters known when compiling have none
    std::vector<lang::Argument> args = compilerArguments(call);
    auto count = [](auto &&self, const lang::Argument &a) -> uint32_t {
      uint32_t n = a.constant || !a.tupleItems.empty() ? 0 : 1;
      for (const lang::Argument &item : a.tupleItems)
        n += self(self, item);
      return n;
    };
    for (const lang::Argument &a : args) {
      slot += count(count, a);
      if (slot > r.slot)
        throw Error(Diag::launch_read_only, {a.name, toText(call.fn.name)});
    }
  }
}

/// On a GPU a launch only puts the grid into a stream: shorter than giving up the GIL.
static void runOnGpu(const Call &call, Entry &entry, api::Launch &launch) {
  launch.stream = streamOf(call);
  entry.kernel->launch(launch);
  entry.nanosecondsPerProgram = 0;
}

static void runOnHost(Entry &entry, const api::Launch &launch) {
  using Clock = std::chrono::steady_clock;
  double programs = static_cast<double>(launch.grid[0]) * static_cast<double>(launch.grid[1]) *
                    static_cast<double>(launch.grid[2]);
  bool keepGil = entry.nanosecondsPerProgram >= 0 && entry.nanosecondsPerProgram * programs < keepGilBelow;
  Clock::time_point begin;
  double spent = 0;
  if (keepGil) {
    begin = Clock::now();
    entry.kernel->launch(launch);
    spent = std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  } else {
    std::shared_ptr<api::CompiledKernel> kernel = entry.kernel; // another thread may compile the entry anew
    WithoutGil nogil;
    begin = Clock::now();
    kernel->launch(launch);
    spent = std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  }
  entry.nanosecondsPerProgram = spent / programs;
}

static void runEntry(const Call &call, Entry &entry, const std::array<int64_t, 3> &grid) {
  api::Launch launch{.grid = grid,
                     .slots = call.slots.data(),
                     .device = entry.device,
                     .cooperative = call.given.cooperative};
  if (entry.device->kind == api::DeviceKind::Cuda)
    return runOnGpu(call, entry, launch);
  llvm::SmallVector<api::ArgumentRange, 16> ranges; // for the checks of emulated devices
  if (entry.device->kind == api::DeviceKind::Emulated)
    for (const Range &r : call.ranges)
      ranges.push_back({r.known ? r.low : 0, r.known ? r.high : 0, r.slot});
  launch.ranges = ranges.data();
  launch.rangeCount = ranges.size();
  runOnHost(entry, launch);
}

static void runHooks(const FunctionState &fn, PyObject *const *args, size_t count, PyObject *keywords) {
  py::object hooks = py::reinterpret_borrow<py::object>(fn.preRunHooks); // a hook may change the list
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hooks.ptr()); ++i) {
    PyObject *result = PyObject_Vectorcall(PyList_GET_ITEM(hooks.ptr(), i), args, count, keywords);
    if (!result)
      throw py::error_already_set();
    Py_DECREF(result);
  }
}

PyObject *callKernel(FunctionObject *function, PyObject *grid, PyObject *const *args, size_t count,
                     PyObject *keywords, bool warmup) {
  if (!function->state)
    throw py::type_error("this jit function was not initialised");
  FunctionState &fn = *function->state;
  py::object alive = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject *>(function));
  if (fn.preRunHooks && PyList_CheckExact(fn.preRunHooks) && PyList_GET_SIZE(fn.preRunHooks))
    runHooks(fn, args, count, keywords);
  Call call(fn);
  bindArguments(call, args, count, keywords);
  specialise(call);
  Entry *entry = &entryFor(function, call);
  if (!call.disjoint() && call.ranges.size() > 1 && !entry->written.empty() &&
      entry->nanosecondsPerProgram >= 0 && !writesOverlap(call, *entry)) {
    // Only arguments that it reads overlap: from its second launch on, the faster code for disjoint ones is used.
    call.key[0] |= 1ull << 63;
    entry = &entryFor(function, call);
  }
  if (warmup)
    return Py_NewRef(entry->object);
  std::array<int64_t, 3> extents = readGrid(call, grid);
  if (call.anyReadOnly)
    checkReadOnly(call, *entry);
  py::object result = py::reinterpret_borrow<py::object>(entry->object);
  if (extents[0] && extents[1] && extents[2])
    runEntry(call, *entry, extents);
  return result.release().ptr();
}

} // namespace tegula::python
