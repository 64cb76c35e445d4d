//===- Stream.cpp - which stream of a GPU a launch goes to ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// PyTorch and CuPy each have a current stream a thread and a device, and work on their tensors goes there. Asking costs
// some 20 ns: by DLPack's exchange API where the tensor's class has it, else by functions that are looked up once.

#include "python/bindings/Specialise.h"

namespace tegula::python {

//===----------------------------------------------------------------------===//
// A stream that was given
//===----------------------------------------------------------------------===//

static std::optional<uint64_t> number(const py::object &value) {
  if (!value)
    return std::nullopt;
  PyObject *v = value.ptr();
  if (!PyLong_Check(v))
    return std::nullopt;
  uint64_t n = PyLong_AsUnsignedLongLongMask(v);
  if (PyErr_Occurred())
    throw py::error_already_set();
  return n;
}

static py::object attributeOf(PyObject *object, const char *name) {
  py::object value = py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, name));
  if (!value)
    PyErr_Clear();
  return value;
}

/// An integer, or an object with PyTorch's `cuda_stream`, CuPy's `ptr`, or the protocol __cuda_stream__ (a method that
/// gives (version, address)).
static uint64_t givenStream(PyObject *stream) {
  if (auto n = number(py::reinterpret_borrow<py::object>(stream)))
    return *n;
  for (const char *name : {"cuda_stream", "ptr"})
    if (auto n = number(attributeOf(stream, name)))
      return *n;
  if (py::object protocol = attributeOf(stream, "__cuda_stream__");
      protocol && PyCallable_Check(protocol.ptr())) {
    py::object pair = protocol();
    if (PyTuple_Check(pair.ptr()) && PyTuple_GET_SIZE(pair.ptr()) == 2)
      if (auto n = number(py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(pair.ptr(), 1))))
        return *n;
  }
  throw Error(Diag::gpu_bad_stream, {describeValue(stream)});
}

//===----------------------------------------------------------------------===//
// The current one
//===----------------------------------------------------------------------===//

namespace {
/// Functions of packages that are imported by now. Looked for again when the number of imported modules has changed.
struct Packages {
  Py_ssize_t modules = -1;
  PyObject *torch = nullptr; ///< torch._C._cuda_getCurrentRawStream(device) -> int
  PyObject *cupy = nullptr;  ///< cupy.cuda.get_current_stream() -> an object with ptr
};
} // namespace

static PyObject *functionOf(PyObject *modules, const char *module, const char *function) {
  PyObject *found = PyDict_GetItemString(modules, module); // borrowed
  PyObject *value = found ? PyObject_GetAttrString(found, function) : nullptr;
  PyErr_Clear();
  return value;
}

static const Packages &packages() {
  static Packages known;
  PyObject *modules = PyImport_GetModuleDict(); // borrowed
  if (PyDict_GET_SIZE(modules) != known.modules) {
    known.modules = PyDict_GET_SIZE(modules);
    if (!known.torch)
      known.torch = functionOf(modules, "torch._C", "_cuda_getCurrentRawStream");
    if (!known.cupy)
      known.cupy = functionOf(modules, "cupy.cuda", "get_current_stream");
  }
  return known;
}

static uint64_t torchStream(PyObject *function, int device) {
  py::object index = py::reinterpret_steal<py::object>(PyLong_FromLong(device));
  py::object stream = py::reinterpret_steal<py::object>(PyObject_CallOneArg(function, index.ptr()));
  auto n = number(stream);
  if (!n)
    throw py::error_already_set();
  return *n;
}

static uint64_t cupyStream(PyObject *function) {
  py::object stream = py::reinterpret_steal<py::object>(PyObject_CallNoArgs(function));
  if (!stream)
    throw py::error_already_set();
  return givenStream(stream.ptr());
}

uint64_t streamOf(const Call &call) {
  if (call.given.stream)
    return givenStream(call.given.stream);
  const ArgType *owner = call.streamOwner;
  if (owner && owner->api && owner->api->currentStream) {
    void *stream = nullptr;
    if (owner->api->currentStream(dlpack::Cuda, call.device->number, &stream) != 0)
      throw py::error_already_set();
    return reinterpret_cast<uint64_t>(stream);
  }
  const Packages &known = packages();
  if (known.cupy && (!known.torch || (owner && owner->isCupy)))
    return cupyStream(known.cupy);
  return known.torch ? torchStream(known.torch, call.device->number) : 0;
}

} // namespace tegula::python
