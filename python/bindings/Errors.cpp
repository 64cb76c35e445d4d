//===- Errors.cpp - diagnostics as Python exceptions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Support.h"

namespace tegula::python {

static const char *className(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::Compile: return "CompileError";
  case ErrorKind::Unsupported: return "UnsupportedError";
  case ErrorKind::OutOfResources: return "OutOfResources";
  case ErrorKind::Launch: return "LaunchError";
  case ErrorKind::Device: return "DeviceError";
  case ErrorKind::Internal: return "InternalError";
  }
  return "TegulaError";
}

static py::object makeException(const Error &error) {
  const Diagnostic &d = error.diagnostic();
  py::object type = py::module_::import("tegula.errors").attr(className(error.kind()));
  py::object e = type(py::str(error.what()));
  py::object none = py::none();
  e.attr("message") = py::str(d.message);
  e.attr("next_step") = d.nextStep.empty() ? none : py::str(d.nextStep);
  e.attr("file") = d.span ? py::object(py::str(d.span.source->file)) : none;
  e.attr("line") = d.span ? py::object(py::int_(d.span.line())) : none;
  e.attr("column") = d.span ? py::object(py::int_(d.span.column())) : none;
  e.attr("id") = py::str(std::string(row(d.id).id));
  return e;
}

void setPythonError(const Error &error) {
  // An exception that is set already is why the compiler stopped (KeyboardInterrupt, an error in a user's __index__).
  if (PyErr_Occurred())
    return;
  try {
    py::object e = makeException(error);
    PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(e.ptr())), e.ptr());
  } catch (py::error_already_set &failed) {
    failed.restore();
  } catch (const std::exception &failed) {
    PyErr_SetString(PyExc_RuntimeError, failed.what());
  }
}

std::string toText(PyObject *object) {
  Py_ssize_t size = 0;
  const char *text = PyUnicode_AsUTF8AndSize(object, &size);
  if (!text)
    throw py::error_already_set();
  return std::string(text, size);
}

std::string shortText(PyObject *object) {
  std::string text;
  if (PyObject *str = PyObject_Str(object)) {
    Py_ssize_t size = 0;
    if (const char *utf8 = PyUnicode_AsUTF8AndSize(str, &size))
      text.assign(utf8, size);
    Py_DECREF(str);
  }
  if (PyErr_Occurred()) {
    PyErr_Clear();
    text = std::string("an object of class ") + Py_TYPE(object)->tp_name;
  }
  if (text.size() > 80) {
    size_t cut = 77;
    while (cut && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80)
      --cut;
    text = text.substr(0, cut) + "...";
  }
  return text;
}

PyObject *interned(const char *text) {
  PyObject *s = PyUnicode_InternFromString(text);
  if (!s)
    throw py::error_already_set();
  return s;
}

/// raise_(id, args, file, line): Python code of the package raises a row of the diagnostics table.
static void raiseDiagnostic(const std::string &id, const std::vector<std::string> &args) {
  for (unsigned i = 0; i < static_cast<unsigned>(Diag::count); ++i)
    if (row(static_cast<Diag>(i)).id == id)
      throw Error(static_cast<Diag>(i), args);
  throw py::key_error(id);
}

void initErrors(py::module_ &module) {
  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p)
        std::rethrow_exception(p);
    } catch (const Error &e) {
      setPythonError(e);
    }
  });
  module.def("raise_", [](const std::string &id, py::args args) {
    std::vector<std::string> texts;
    for (py::handle a : args)
      texts.push_back(py::str(a));
    raiseDiagnostic(id, texts);
  });
  module.def("diagnostics", [] {
    py::list rows;
    for (unsigned i = 0; i < static_cast<unsigned>(Diag::count); ++i) {
      const DiagRow &r = row(static_cast<Diag>(i));
      rows.append(py::make_tuple(std::string(r.id), className(r.kind), std::string(r.message),
                                 std::string(r.nextStep)));
    }
    return rows;
  });
}

} // namespace tegula::python
