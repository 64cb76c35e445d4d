//===- ArgType.cpp - what kind of argument the objects of a Python type are ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Function.h"
#include "python/bindings/Tensor.h"

#include <unordered_map>

namespace tegula::python {

static py::object attribute(PyObject *object, const char *name) {
  py::object value = py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, name));
  if (!value)
    PyErr_Clear();
  return value;
}

/// A class of a module only if that module is loaded: importing NumPy or PyTorch is the user's affair.
static py::object loadedClass(const char *moduleName, const char *className) {
  PyObject *modules = PyImport_GetModuleDict(); // borrowed
  PyObject *module = modules ? PyDict_GetItemString(modules, moduleName) : nullptr;
  return module ? attribute(module, className) : py::object();
}

static bool isSubclass(PyTypeObject *type, const py::object &base) {
  return base && PyType_Check(base.ptr()) &&
         PyType_IsSubtype(type, reinterpret_cast<PyTypeObject *>(base.ptr()));
}

/// The function under a bound method, or the object itself: two classes that inherit one class method compare equal.
static py::object underlying(const py::object &method) {
  py::object function = method ? attribute(method.ptr(), "__func__") : py::object();
  return function ? function : method;
}

/// Subclasses of torch.Tensor whose own code stands between them and their memory (FakeTensor, DTensor, ...).
static std::string torchOverride(PyTypeObject *type) {
  py::object tensor = loadedClass("torch", "Tensor");
  if (!isSubclass(type, tensor) || type == reinterpret_cast<PyTypeObject *>(tensor.ptr()))
    return "";
  py::object c = loadedClass("torch", "_C");
  for (auto [name, disabled] : {std::pair{"__torch_dispatch__", "_disabled_torch_dispatch_impl"},
                                {"__torch_function__", "_disabled_torch_function_impl"}}) {
    py::object own = underlying(attribute(reinterpret_cast<PyObject *>(type), name));
    py::object base = underlying(attribute(tensor.ptr(), name));
    py::object off = c ? underlying(attribute(c.ptr(), disabled)) : py::object();
    if (own && own.ptr() != base.ptr() && (!off || own.ptr() != off.ptr()))
      return name;
  }
  return "";
}

static const dlpack::ExchangeApi *exchangeApi(PyTypeObject *type) {
  py::object capsule = attribute(reinterpret_cast<PyObject *>(type), "__dlpack_c_exchange_api__");
  if (!capsule || !PyCapsule_IsValid(capsule.ptr(), "dlpack_exchange_api"))
    return nullptr;
  auto *api =
      static_cast<const dlpack::ExchangeApi *>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
  while (api && api->version.major > 1)
    api = api->previous;
  return api && api->version.major == 1 && api->describe ? api : nullptr;
}

/// NumPy's C structure is read directly if the loaded NumPy has one of the two layouts that exist: entry 0 of its API
/// table tells (PyArray_GetNDArrayCVersion: 1.x gives 0x1000009, 2.x gives 0x2000000).
static bool knownNumPyLayout() {
  static const bool known = [] {
    for (const char *name : {"numpy._core._multiarray_umath", "numpy.core._multiarray_umath"}) {
      py::object capsule = loadedClass(name, "_ARRAY_API");
      if (!capsule || !PyCapsule_CheckExact(capsule.ptr()))
        continue;
      auto **table = static_cast<void **>(PyCapsule_GetPointer(capsule.ptr(), nullptr));
      if (!table) {
        PyErr_Clear();
        continue;
      }
      unsigned version = reinterpret_cast<unsigned (*)()>(table[0])();
      return version == 0x1000009 || version == 0x2000000;
    }
    return false;
  }();
  return known;
}

/// Whether the class comes from a package.
static bool isOfPackage(PyTypeObject *type, std::string_view package) {
  py::object module = attribute(reinterpret_cast<PyObject *>(type), "__module__");
  std::string name = module && PyUnicode_Check(module.ptr()) ? toText(module.ptr()) : "";
  return name == package || name.starts_with(std::string(package) + ".");
}

static ArgKind tensorKind(PyTypeObject *type, PyObject *sample, ArgType &result) {
  result.overrides = torchOverride(type);
  if (!result.overrides.empty())
    return ArgKind::Refused;
  result.isCupy = isOfPackage(type, "cupy");
  result.api = exchangeApi(type);
  if (result.api)
    return ArgKind::Exchange;
  if (isSubclass(type, loadedClass("numpy", "ndarray")))
    return knownNumPyLayout() ? ArgKind::NumPy : ArgKind::Buffer;
  if (isSubclass(type, loadedClass("numpy", "bool_")))
    return ArgKind::Truth;
  if (isSubclass(type, loadedClass("numpy", "integer")))
    return ArgKind::Index;
  if (isSubclass(type, loadedClass("numpy", "floating")))
    return ArgKind::Real;
  if (PyObject_HasAttrString(sample, "data_ptr") && PyObject_HasAttrString(sample, "dtype"))
    return ArgKind::DataPtr;
  if (PyObject_HasAttrString(sample, "__cuda_array_interface__"))
    return ArgKind::CudaArray;
  if (PyObject_HasAttrString(sample, "__dlpack__"))
    return ArgKind::DLPack;
  if (PyObject_CheckBuffer(sample) && type != &PyBytes_Type &&
      !isSubclass(type, loadedClass("numpy", "generic")))
    return ArgKind::Buffer;
  return ArgKind::Refused;
}

static ArgKind classify(PyTypeObject *type, PyObject *sample, ArgType &result) {
  if (sample == Py_None)
    return ArgKind::None;
  if (type == &PyBool_Type)
    return ArgKind::Bool;
  if (PyLong_Check(sample))
    return ArgKind::Int;
  if (PyFloat_Check(sample))
    return ArgKind::Float;
  if (PyTuple_Check(sample))
    return ArgKind::Tuple;
  const LanguageTypes &l = languageTypes;
  if (l.constexpr_ && PyType_IsSubtype(type, l.constexpr_))
    return ArgKind::Wrapper;
  if (l.descriptor && PyType_IsSubtype(type, l.descriptor))
    return ArgKind::Descriptor;
  bool isConstant = PyUnicode_Check(sample) || (l.dtype && PyType_IsSubtype(type, l.dtype)) ||
                    (l.function && PyType_IsSubtype(type, l.function)) || asFunction(sample);
  return isConstant ? ArgKind::Constant : tensorKind(type, sample, result);
}

const ArgType &argType(PyObject *sample) {
  static auto *types = new std::unordered_map<PyTypeObject *, std::unique_ptr<ArgType>>();
  PyTypeObject *type = Py_TYPE(sample);
  auto it = types->find(type);
  if (it != types->end())
    return *it->second;
  auto made = std::make_unique<ArgType>();
  made->type = type;
  made->kind = classify(type, sample, *made);
  Py_INCREF(type);
  return *types->emplace(type, std::move(made)).first->second;
}

} // namespace tegula::python
