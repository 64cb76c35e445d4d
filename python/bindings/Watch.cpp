//===- Watch.cpp - noticing that a global of a kernel changed ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Watch.h"

#include <map>

namespace tegula::python {

using lang::Constant;

/// What `name` is bound to in the holder now (borrowed or null). The caller holds the GIL and keeps nothing.
static PyObject *current(const WatchGroup &group, const Watch &watch, py::object &owned) {
  if (PyDict_CheckExact(group.holder)) {
    PyObject *v = PyDict_GetItemWithError(group.holder, watch.name);
    if (!v)
      PyErr_Clear();
    return v;
  }
  if (PyCell_Check(group.holder))
    return PyCell_GET(group.holder);
  owned = py::reinterpret_steal<py::object>(PyObject_GetAttr(group.holder, watch.name));
  if (!owned)
    PyErr_Clear();
  return owned.ptr();
}

static uint64_t versionOf(PyObject *holder) {
#if PY_VERSION_HEX < 0x030C0000
  if (PyDict_CheckExact(holder))
    return reinterpret_cast<PyDictObject *>(holder)->ma_version_tag;
#endif
  return 0; // unknown: names are looked up one by one
}

/// Where a dependency is found: (holder, name, value).
static bool locate(const lang::Dependency &d, const std::map<std::string, PyObject *> &modules,
                   PyObject *&holder, py::object &name, py::object &value) {
  auto *resolver = dynamic_cast<PyResolver *>(d.resolver.get());
  if (!resolver)
    return false; // the library's own
  size_t dot = d.name.rfind('.');
  if (dot != std::string::npos) {
    auto module = modules.find(d.name.substr(0, dot));
    if (module == modules.end())
      return false;
    holder = Py_NewRef(module->second);
    name = py::str(d.name.substr(dot + 1));
    value = py::reinterpret_steal<py::object>(PyObject_GetAttr(holder, name.ptr()));
    if (!value)
      PyErr_Clear();
  } else {
    name = py::str(d.name);
    PyResolver::Place place = resolver->find(name.ptr());
    if (!place.holder)
      return false;
    holder = place.holder.release().ptr();
    value = place.value;
    if (value && PyDict_CheckExact(holder) && !PyDict_GetItemWithError(holder, name.ptr()))
      value = py::object(); // one of Python's builtins: watch that the global stays undefined
    PyErr_Clear();
  }
  return true;
}

bool watchDependencies(Entry &entry) {
  const auto &dependencies = entry.kernel->dependencies;
  std::map<std::string, PyObject *> modules;
  for (size_t i = 0; i < dependencies.size(); ++i) {
    PyObject *holder = nullptr;
    py::object name, value;
    if (auto *m = std::get_if<Constant::Module>(&dependencies[i].value.value); m && m->handle)
      modules.emplace(m->path, static_cast<PyObject *>(const_cast<void *>(m->handle)));
    if (!locate(dependencies[i], modules, holder, name, value))
      continue;
    auto group = std::find_if(entry.watches.begin(), entry.watches.end(),
                              [&](const WatchGroup &g) { return g.holder == holder; });
    if (group == entry.watches.end())
      group = entry.watches.insert(group, WatchGroup{holder, versionOf(holder), {}});
    else
      Py_DECREF(holder);
    PyObject *key = name.release().ptr();
    PyUnicode_InternInPlace(&key); // kept for ever, as the names of code are
    group->watches.push_back({key, value.release().ptr(), i});
    PyObject *now = group->watches.back().value;
    if (now && !same(toConstant(now), dependencies[i].value))
      return false;
  }
  return true;
}

void releaseWatches(Entry &entry) {
  for (WatchGroup &g : entry.watches) {
    Py_CLEAR(g.holder);
    for (Watch &w : g.watches)
      Py_CLEAR(w.value);
  }
  entry.watches.clear();
}

static bool sameValue(const Entry &entry, Watch &watch, PyObject *now) {
  if (!now || !watch.value)
    return false;
  if (!same(toConstant(now), entry.kernel->dependencies[watch.dependency].value))
    return false;
  Py_INCREF(now);
  Py_SETREF(watch.value, now);
  return true;
}

bool unchanged(Entry &entry) {
  for (WatchGroup &group : entry.watches) {
    uint64_t version = versionOf(group.holder);
    if (version && version == group.version)
      continue;
    for (Watch &watch : group.watches) {
      py::object owned;
      PyObject *now = current(group, watch, owned);
      if (now == watch.value || sameValue(entry, watch, now))
        continue;
      return false;
    }
    group.version = version;
  }
  return true;
}

} // namespace tegula::python
