//===- Resolver.cpp - names of a kernel looked up in Python's globals and closures ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Resolver.h"

#include <algorithm>

namespace tegula::python {

using lang::Constant;

PyResolver::PyResolver(PyObject *function) : weak(PyWeakref_NewRef(function, nullptr)) {
  if (!weak)
    throw py::error_already_set();
}

PyResolver::~PyResolver() {
  // The last owner may be a cache of the compiler on any thread, or nobody before the interpreter ends.
  if (!Py_IsInitialized())
    return;
  WithGil gil;
  Py_DECREF(weak);
  for (PyObject *module : kept)
    Py_DECREF(module);
}

Constant PyResolver::keep(PyObject *value) {
  Constant constant = toConstant(value);
  auto *module = std::get_if<Constant::Module>(&constant.value);
  if (module && module->handle) {
    auto *object = static_cast<PyObject *>(const_cast<void *>(module->handle));
    if (std::find(kept.begin(), kept.end(), object) == kept.end()) {
      Py_INCREF(object);
      kept.push_back(object);
    }
  }
  return constant;
}

/// Whether `NAME: tl.constexpr = ...` stands in the module (annotations may be text).
static bool annotatedConstexpr(PyObject *globals, PyObject *name) {
  static PyObject *key = interned("__annotations__");
  PyObject *annotations = PyDict_GetItemWithError(globals, key);
  PyObject *a =
      annotations && PyDict_Check(annotations) ? PyDict_GetItemWithError(annotations, name) : nullptr;
  PyErr_Clear();
  if (!a)
    return false;
  if (PyUnicode_Check(a))
    return toText(a).find("constexpr") != std::string::npos;
  return a == reinterpret_cast<PyObject *>(languageTypes.constexpr_);
}

PyResolver::Place PyResolver::find(PyObject *name) {
  Place place;
  PyObject *function = PyWeakref_GetObject(weak);
  if (!function || !PyFunction_Check(function))
    return place;
  auto *f = reinterpret_cast<PyFunctionObject *>(function);
  if (f->func_closure) {
    py::object free = py::reinterpret_steal<py::object>(PyObject_GetAttrString(f->func_code, "co_freevars"));
    if (!free)
      throw py::error_already_set();
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(free.ptr()); ++i)
      if (PyUnicode_Compare(PyTuple_GET_ITEM(free.ptr(), i), name) == 0) {
        place.holder = py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(f->func_closure, i));
        place.value =
            py::reinterpret_borrow<py::object>(PyCell_GET(place.holder.ptr())); // null: not assigned yet
        place.isConstexpr = place.value && isConstexprWrapper(place.value.ptr());
        return place;
      }
  }
  place.holder = py::reinterpret_borrow<py::object>(f->func_globals);
  if (PyObject *v = PyDict_GetItemWithError(f->func_globals, name)) {
    place.value = py::reinterpret_borrow<py::object>(v);
    place.isConstexpr = isConstexprWrapper(v) || annotatedConstexpr(f->func_globals, name);
    return place;
  }
  if (PyErr_Occurred())
    throw py::error_already_set();
  PyObject *builtins = PyEval_GetBuiltins();
  PyObject *v = builtins ? PyDict_GetItemWithError(builtins, name) : nullptr;
  PyErr_Clear();
  if (v)
    place.value = py::reinterpret_borrow<py::object>(v);
  return place;
}

std::optional<lang::Resolver::Found> PyResolver::lookup(const std::string &name) {
  WithGil gil;
  try {
    Place place = find(py::str(name).ptr());
    if (!place.value)
      return std::nullopt;
    return Found{keep(place.value.ptr()), place.isConstexpr};
  } catch (py::error_already_set &e) {
    return Found{Constant{Constant::Opaque{std::string("a value that cannot be read (") + e.what() + ")"}},
                 false};
  }
}

std::optional<lang::Resolver::Found> PyResolver::attribute(const Constant::Module &module,
                                                           const std::string &name) {
  WithGil gil;
  auto *object = static_cast<PyObject *>(const_cast<void *>(module.handle));
  if (!object)
    return std::nullopt;
  py::object value = py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, name.c_str()));
  if (!value) {
    PyErr_Clear();
    return std::nullopt;
  }
  try {
    return Found{keep(value.ptr()), true}; // as Triton: members of modules need no annotation
  } catch (py::error_already_set &e) {
    return Found{Constant{Constant::Opaque{std::string("a value that cannot be read (") + e.what() + ")"}},
                 false};
  }
}

} // namespace tegula::python
