//===- Support.h - references, errors and types shared by the bindings ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <pybind11/pybind11.h>

#include "driver/api/Device.h"

#include <string>

#include <unistd.h>

namespace tegula::python {

namespace py = pybind11;

/// Runs `take`, which takes the interpreter's lock. A thread that is late, because the interpreter ends, is ended by
/// CPython before 3.14 through forced unwinding, which would abort in the first destructor on its way and pull the
/// memory of a grid from under its helpers. It waits for the end of the process instead, as since 3.14.
template <typename Take> auto takeGil(Take &&take) noexcept {
  try {
    return take();
  } catch (...) {
    for (;;)
      ::pause();
  }
}

/// Holds the interpreter's lock while it lives.
class WithGil {
public:
  WithGil() : state(takeGil([] { return PyGILState_Ensure(); })) {}
  ~WithGil() { PyGILState_Release(state); }
  WithGil(const WithGil &) = delete;

private:
  PyGILState_STATE state;
};

/// Leaves the interpreter's lock to others while it lives.
class WithoutGil {
public:
  WithoutGil() : state(PyEval_SaveThread()) {}
  ~WithoutGil() {
    takeGil([this] { PyEval_RestoreThread(state); });
  }
  WithoutGil(const WithoutGil &) = delete;

private:
  PyThreadState *state;
};

/// The Python classes that Constants.cpp recognises; filled by `register_types` when tegula.language is imported.
struct LanguageTypes {
  PyTypeObject *constexpr_ = nullptr;   ///< tl.constexpr: has `value`
  PyTypeObject *dtype = nullptr;        ///< tl.dtype: has `_short`, "fp32"
  PyTypeObject *pointer = nullptr;      ///< tl.pointer_type, a dtype: `_short` is "*fp32"
  PyTypeObject *function = nullptr;     ///< tl.load and the like: has `__tegula_name__`
  PyTypeObject *hostFunction = nullptr; ///< what constexpr_function makes
  PyTypeObject *descriptor = nullptr;   ///< TensorDescriptor: has `_fields_tuple()`
};
extern LanguageTypes languageTypes;

/// Sets the Python exception (tegula.errors) that stands for `error`.
void setPythonError(const Error &error);

/// Runs `body` and turns whatever it throws into a Python exception; returns `failed` then. For functions that
/// CPython calls.
template <typename Result, typename Body> Result guarded(Result failed, Body &&body) noexcept {
  try {
    return body();
  } catch (const Error &e) {
    setPythonError(e);
  } catch (py::error_already_set &e) {
    e.restore();
  } catch (const py::builtin_exception &e) {
    e.set_error();
  } catch (const std::bad_alloc &) {
    PyErr_NoMemory();
  } catch (const std::exception &e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
  return failed;
}

/// `object` as C++ text. Throws error_already_set for text that is not valid UTF-8.
std::string toText(PyObject *object);
/// `str(object)`, or the name of its class if that fails; cut to 80 characters.
std::string shortText(PyObject *object);
/// The interned string `text`, a reference that lives for ever.
PyObject *interned(const char *text);

void initErrors(py::module_ &module);
void initFunction(py::module_ &module);
void initCompile(py::module_ &module);
void initSettings(py::module_ &module);
void initBounds(py::module_ &module);
void initDevices(py::module_ &module);
void initEmulator(py::module_ &module);

} // namespace tegula::python
