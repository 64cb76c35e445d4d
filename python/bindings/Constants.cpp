//===- Constants.cpp - Python values as the compiler's constants ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Constants.h"
#include "python/bindings/Function.h"

#include <cstring>

namespace tegula::python {

using lang::Constant;

LanguageTypes languageTypes;

bool isConstexprWrapper(PyObject *value) {
  return languageTypes.constexpr_ && PyObject_TypeCheck(value, languageTypes.constexpr_);
}

PyObject *unwrapConstexpr(PyObject *value) {
  while (isConstexprWrapper(value)) {
    py::object inner = py::reinterpret_steal<py::object>(PyObject_GetAttrString(value, "value"));
    if (!inner)
      throw py::error_already_set();
    value = inner.ptr(); // the wrapper holds it
  }
  return value;
}

bool toInt128(PyObject *integer, Constant::Int &result) {
  int overflow = 0;
  long long small = PyLong_AsLongLongAndOverflow(integer, &overflow);
  if (!overflow) {
    result = small;
    return true;
  }
  unsigned char bytes[16];
#if PY_VERSION_HEX >= 0x030D0000
  int failed = _PyLong_AsByteArray(reinterpret_cast<PyLongObject *>(integer), bytes, sizeof bytes, 1, 1, 0);
#else
  int failed = _PyLong_AsByteArray(reinterpret_cast<PyLongObject *>(integer), bytes, sizeof bytes, 1, 1);
#endif
  if (failed) {
    PyErr_Clear();
    return false;
  }
  std::memcpy(&result, bytes, sizeof bytes);
  return true;
}

std::optional<lang::DType> dtypeOf(PyObject *value) {
  if (!languageTypes.dtype || !PyObject_TypeCheck(value, languageTypes.dtype))
    return std::nullopt;
  static PyObject *name = interned("_short");
  py::object text = py::reinterpret_steal<py::object>(PyObject_GetAttr(value, name));
  if (!text || !PyUnicode_Check(text.ptr())) {
    PyErr_Clear();
    return std::nullopt;
  }
  std::string s = toText(text.ptr());
  if (s == "void")
    return lang::DType{};
  try {
    return lang::parseDType(s);
  } catch (const Error &) {
    return std::nullopt;
  }
}

std::string describeValue(PyObject *value) {
  if (value == Py_None)
    return "None";
  if (PyModule_Check(value))
    return std::string("the module '") +
           (PyModule_GetName(value) ? PyModule_GetName(value) : (PyErr_Clear(), "?")) + "'";
  if (PyFunction_Check(value)) {
    auto *f = reinterpret_cast<PyFunctionObject *>(value);
    return "the Python function '" + toText(f->func_name) + "' (without @jit)";
  }
  if (PyType_Check(value))
    return std::string("the class '") + reinterpret_cast<PyTypeObject *>(value)->tp_name + "'";
  for (auto [type, text] : {std::pair{&PyList_Type, "a list"},
                            {&PyDict_Type, "a dict"},
                            {&PySet_Type, "a set"},
                            {&PyBytes_Type, "a bytes object"},
                            {&PyUnicode_Type, "a string"},
                            {&PyBool_Type, "a bool"},
                            {&PyLong_Type, "an int"},
                            {&PyFloat_Type, "a float"},
                            {&PyTuple_Type, "a tuple"},
                            {&PyComplex_Type, "a complex number"}})
    if (Py_TYPE(value) == type)
      return text;
  return std::string("an object of class '") + Py_TYPE(value)->tp_name + "'";
}

/// A string in the own dictionary of a module or class, such as `__tegula_space__`: one that is inherited does not count.
static std::optional<std::string> ownText(PyObject *value, PyObject *name) {
  PyObject *dict = PyModule_Check(value) ? PyModule_GetDict(value)
                   : PyType_Check(value) ? reinterpret_cast<PyTypeObject *>(value)->tp_dict
                                         : nullptr;
  PyObject *text = dict ? PyDict_GetItemWithError(dict, name) : nullptr;
  if (!text || !PyUnicode_Check(text)) {
    PyErr_Clear();
    return std::nullopt;
  }
  return toText(text);
}

static Constant tupleConstant(PyObject *value) {
  Constant::Tuple tuple;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i)
    tuple.items.push_back(toConstant(PyTuple_GET_ITEM(value, i)));
  if (Py_TYPE(value) != &PyTuple_Type) { // a named tuple says so by `_fields`
    py::object fields = py::reinterpret_steal<py::object>(PyObject_GetAttrString(value, "_fields"));
    PyErr_Clear();
    if (fields && PyTuple_Check(fields.ptr()) && PyTuple_GET_SIZE(fields.ptr()) == PyTuple_GET_SIZE(value))
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i)
        tuple.fields.push_back(shortText(PyTuple_GET_ITEM(fields.ptr(), i)));
  }
  return Constant{std::move(tuple)};
}

/// Modules, classes, functions: what has a name in the language, or members that a kernel may look up.
static std::optional<Constant> namedConstant(PyObject *value) {
  static PyObject *space = interned("__tegula_space__"), *name = interned("__tegula_name__");
  if (PyModule_Check(value) || PyType_Check(value)) {
    if (auto path = ownText(value, space))
      return Constant{Constant::Module{true, *path, nullptr}};
    if (auto own = ownText(value, name))
      return Constant{Constant::Builtin{*own}};
  }
  if (PyModule_Check(value)) {
    const char *own = PyModule_GetName(value);
    PyErr_Clear();
    return Constant{Constant::Module{false, own ? own : "module", value}};
  }
  bool isBuiltinType =
      PyType_Check(value) && !(reinterpret_cast<PyTypeObject *>(value)->tp_flags & Py_TPFLAGS_HEAPTYPE);
  if (PyCFunction_Check(value) || isBuiltinType) {
    static PyObject *builtins = PyEval_GetBuiltins();
    py::object own = py::reinterpret_steal<py::object>(PyObject_GetAttrString(value, "__name__"));
    if (own && builtins && PyDict_GetItemWithError(builtins, own.ptr()) == value)
      return Constant{Constant::Builtin{"builtins." + toText(own.ptr())}};
    PyErr_Clear();
    return std::nullopt;
  }
  if (PyType_Check(value)) // a class of the user, such as an Enum or a bag of constants: a namespace
    return Constant{Constant::Module{false, reinterpret_cast<PyTypeObject *>(value)->tp_name, value}};
  return std::nullopt;
}

namespace {
/// A Python function that is run while a kernel is compiled.
class PyHostFunction final : public lang::HostFunction {
public:
  PyHostFunction(PyObject *callable, std::string name, std::string digest)
      : HostFunction(std::move(name), std::move(digest)), callable(callable) {
    Py_INCREF(callable);
  }
  ~PyHostFunction() override {
    if (!Py_IsInitialized()) // the last owner may be a cache that outlives the interpreter
      return;
    WithGil gil;
    Py_DECREF(callable);
  }
  Outcome call(const std::vector<Constant> &positional,
               const std::vector<std::pair<std::string, Constant>> &keywords) const override {
    WithGil gil;
    try {
      py::tuple args(positional.size());
      for (size_t i = 0; i < positional.size(); ++i)
        args[i] = toPython(positional[i]);
      py::dict named;
      for (const auto &[key, value] : keywords)
        named[py::str(key)] = toPython(value);
      py::object result = py::reinterpret_borrow<py::object>(callable)(*args, **named);
      // What is given may be made anew at each call: nothing but plain values outlives it.
      Constant constant = toConstant(result.ptr());
      if (auto *module = std::get_if<Constant::Module>(&constant.value); module && module->handle)
        constant = Constant{Constant::Opaque{describeValue(result.ptr())}};
      return {std::move(constant), ""};
    } catch (py::error_already_set &error) {
      std::string text = error.what();
      return {Constant{}, text.substr(0, text.find("\n\nAt:"))};
    }
  }

private:
  PyObject *callable;
};
} // namespace

py::object toPython(const Constant &constant) {
  struct Maker {
    py::object operator()(const Constant::None &) const { return py::none(); }
    py::object operator()(bool value) const { return py::bool_(value); }
    py::object operator()(Constant::Int value) const {
      auto high = static_cast<long long>(value >> 64);
      auto low = static_cast<unsigned long long>(value);
      return py::int_(high).attr("__lshift__")(64).attr("__or__")(py::int_(low));
    }
    py::object operator()(double value) const { return py::float_(value); }
    py::object operator()(const std::string &value) const { return py::str(value); }
    py::object operator()(const lang::DType &value) const {
      return py::module_::import("tegula.language.core").attr("_dtype_named")(lang::toString(value));
    }
    py::object operator()(const Constant::Tuple &value) const {
      py::tuple items(value.items.size());
      for (size_t i = 0; i < value.items.size(); ++i)
        items[i] = toPython(value.items[i]);
      return items;
    }
    py::object operator()(const std::shared_ptr<const lang::JitFunction> &value) const {
      return py::str(value->qualifiedName);
    }
    py::object operator()(const std::shared_ptr<const lang::HostFunction> &value) const {
      return py::str(value->name);
    }
    py::object operator()(const Constant::Module &value) const { return py::str(value.path); }
    py::object operator()(const Constant::Builtin &value) const { return py::str(value.name); }
    py::object operator()(const Constant::Opaque &value) const { return py::str(value.what); }
  };
  return std::visit(Maker{}, constant.value);
}

/// A function that was declared to run while kernels are compiled: by constexpr_function, or wrapped in constexpr.
static std::optional<Constant> hostFunction(PyObject *value, bool isWrapped) {
  bool declared = languageTypes.hostFunction && PyObject_TypeCheck(value, languageTypes.hostFunction);
  if (!declared && !(isWrapped && PyFunction_Check(value)))
    return std::nullopt;
  py::object made = py::module_::import("tegula.runtime.host").attr("describe")(py::handle(value));
  auto [callable, name, digest] = made.cast<std::tuple<py::object, std::string, std::string>>();
  return Constant{std::shared_ptr<const lang::HostFunction>(
      std::make_shared<PyHostFunction>(callable.ptr(), std::move(name), std::move(digest)))};
}

Constant toConstant(PyObject *value) {
  bool isWrapped = isConstexprWrapper(value);
  value = unwrapConstexpr(value);
  if (value == Py_None)
    return Constant{Constant::None{}};
  if (PyBool_Check(value))
    return Constant{value == Py_True};
  if (PyLong_Check(value)) {
    Constant::Int n;
    if (toInt128(value, n))
      return Constant{n};
    return Constant{Constant::Opaque{"an integer of more than 128 bits"}};
  }
  if (PyFloat_Check(value))
    return Constant{PyFloat_AS_DOUBLE(value)};
  if (PyUnicode_Check(value))
    return Constant{toText(value)};
  if (PyTuple_Check(value))
    return tupleConstant(value);
  if (auto type = dtypeOf(value))
    return Constant{*type};
  if (auto *function = asFunction(value); function && function->state)
    return Constant{function->state->jit};
  if (languageTypes.function && PyObject_TypeCheck(value, languageTypes.function)) {
    py::object name = py::reinterpret_steal<py::object>(PyObject_GetAttrString(value, "__tegula_name__"));
    if (!name)
      throw py::error_already_set();
    return Constant{Constant::Builtin{toText(name.ptr())}};
  }
  if (auto host = hostFunction(value, isWrapped))
    return *host;
  if (auto named = namedConstant(value))
    return *named;
  return Constant{Constant::Opaque{describeValue(value)}};
}

namespace {
struct Same {
  bool operator()(const Constant::None &, const Constant::None &) const { return true; }
  bool operator()(bool a, bool b) const { return a == b; }
  bool operator()(Constant::Int a, Constant::Int b) const { return a == b; }
  bool operator()(double a, double b) const {
    return (a != a && b != b) || std::memcmp(&a, &b, sizeof a) == 0;
  }
  bool operator()(const std::string &a, const std::string &b) const { return a == b; }
  bool operator()(const lang::DType &a, const lang::DType &b) const { return a == b; }
  bool operator()(const Constant::Tuple &a, const Constant::Tuple &b) const {
    if (a.items.size() != b.items.size() || a.fields != b.fields)
      return false;
    for (size_t i = 0; i < a.items.size(); ++i)
      if (!same(a.items[i], b.items[i]))
        return false;
    return true;
  }
  bool operator()(const std::shared_ptr<const lang::JitFunction> &a,
                  const std::shared_ptr<const lang::JitFunction> &b) const {
    return a == b;
  }
  bool operator()(const std::shared_ptr<const lang::HostFunction> &a,
                  const std::shared_ptr<const lang::HostFunction> &b) const {
    return a->name == b->name && a->digest == b->digest;
  }
  bool operator()(const Constant::Module &a, const Constant::Module &b) const {
    return a.isLanguage == b.isLanguage && (a.isLanguage ? a.path == b.path : a.handle == b.handle);
  }
  bool operator()(const Constant::Builtin &a, const Constant::Builtin &b) const { return a.name == b.name; }
  bool operator()(const Constant::Opaque &, const Constant::Opaque &) const { return false; }
  template <typename A, typename B> bool operator()(const A &, const B &) const { return false; }
};
} // namespace

bool same(const Constant &a, const Constant &b) {
  if (a.value.index() != b.value.index())
    return false;
  return std::visit(Same{}, a.value, b.value);
}

} // namespace tegula::python
