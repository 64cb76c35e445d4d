//===- Specialise.cpp - the key and the slots of a call ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Specialise.h"

#include "ir/Settings.h"

#include "llvm/ADT/APFloat.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace tegula::python {

using lang::ScalarKind;

namespace {

/// The argument that is being looked at.
struct Argument {
  Call &call;
  Param &param;

  ArgName name() const { return {call.fn.name, param.name}; }
  uint16_t number() const { return static_cast<uint16_t>(&param - call.fn.params.data()); }
  [[noreturn]] void fail(Diag id, const std::string &more = "", const std::string &last = "") const {
    throw Error(id, {toText(param.name), toText(call.fn.name), more, last});
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// Known when compiling
//===----------------------------------------------------------------------===//

static void packText(Key &key, Tag tag, const std::string &text) {
  key.push_back(keyWord(tag, text.size()));
  for (size_t i = 0; i < text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, std::min<size_t>(8, text.size() - i));
    key.push_back(word);
  }
}

static uint64_t dtypePayload(lang::DType t) {
  return static_cast<uint64_t>(t.scalar) | static_cast<uint64_t>(t.isPointer) << 8 |
         static_cast<uint64_t>(t.isConst) << 9;
}

/// A number for the class of a named tuple (its fields are part of its type), 0 for the plain one.
static uint64_t tupleClass(PyObject *tuple) {
  PyTypeObject *type = Py_TYPE(tuple);
  if (type == &PyTuple_Type)
    return 0;
  static auto *classes = new std::vector<PyTypeObject *>(); // held: an address stays a class
  for (size_t i = 0; i < classes->size(); ++i)
    if ((*classes)[i] == type)
      return i + 1;
  Py_INCREF(type);
  classes->push_back(type);
  return classes->size();
}

/// The plain Python value of NumPy's scalars and of lists; the value itself otherwise. `call.kept` owns what is new.
static PyObject *plainConstant(Call &call, PyObject *value) {
  PyObject *made = nullptr;
  if (PyList_Check(value)) {
    made = PyList_AsTuple(value);
  } else {
    switch (argType(value).kind) {
    case ArgKind::Index: made = PyNumber_Index(value); break;
    case ArgKind::Real: made = PyNumber_Float(value); break;
    case ArgKind::Truth: made = PyBool_FromLong(PyObject_IsTrue(value)); break;
    default: return value;
    }
  }
  if (!made)
    throw py::error_already_set();
  call.kept.push_back(made);
  return made;
}

static bool packConstant(Call &call, PyObject *value);

static bool packTuple(Call &call, PyObject *tuple) {
  Py_ssize_t n = PyTuple_GET_SIZE(tuple);
  call.key.push_back(keyWord(Tag::ConstTuple, static_cast<uint64_t>(n) | tupleClass(tuple) << 24));
  for (Py_ssize_t i = 0; i < n; ++i)
    if (!packConstant(call, PyTuple_GET_ITEM(tuple, i)))
      return false;
  return true;
}

static void packInt(Key &key, lang::Constant::Int n) {
  bool wide = n != static_cast<int64_t>(n);
  key.push_back(keyWord(wide ? Tag::ConstWideInt : Tag::ConstInt));
  key.push_back(static_cast<uint64_t>(n));
  if (wide)
    key.push_back(static_cast<uint64_t>(n >> 64));
}

/// False for a value that no kernel can use.
static bool packConstant(Call &call, PyObject *value) {
  Key &key = call.key;
  value = unwrapConstexpr(value);
  if (PyLong_CheckExact(value)) {
    lang::Constant::Int n;
    if (!toInt128(value, n))
      return false;
    packInt(key, n);
    return true;
  }
  if (value == Py_None) {
    key.push_back(keyWord(Tag::ConstNone));
    return true;
  }
  if (PyBool_Check(value)) {
    key.push_back(keyWord(Tag::ConstBool, value == Py_True));
    return true;
  }
  if (PyFloat_Check(value)) {
    double d = PyFloat_AS_DOUBLE(value);
    key.push_back(keyWord(Tag::ConstFloat));
    key.push_back(d != d ? 0x7FF8000000000000ull : std::bit_cast<uint64_t>(d));
    return true;
  }
  if (PyUnicode_Check(value)) {
    packText(key, Tag::ConstText, toText(value));
    return true;
  }
  if (PyTuple_Check(value))
    return packTuple(call, value);
  if (auto *function = asFunction(value)) {
    if (!function->state)
      return false;
    key.push_back(keyWord(Tag::ConstFunction));
    key.push_back(function->state->id);
    return true;
  }
  if (auto type = dtypeOf(value)) {
    key.push_back(keyWord(Tag::ConstDType, dtypePayload(*type)));
    return true;
  }
  PyObject *plain = plainConstant(call, value);
  if (plain != value)
    return packConstant(call, plain);
  lang::Constant c = toConstant(value);
  if (auto *n = std::get_if<lang::Constant::Int>(&c.value)) { // an IntEnum
    packInt(key, *n);
    return true;
  }
  auto *builtin = std::get_if<lang::Constant::Builtin>(&c.value);
  if (builtin)
    packText(key, Tag::ConstBuiltin, builtin->name);
  return builtin;
}

//===----------------------------------------------------------------------===//
// Known when running
//===----------------------------------------------------------------------===//

static void packTensor(const Argument &a, uint64_t address, ScalarKind kind) {
  if (a.param.annotation && a.param.annotation->isPointer)
    kind = a.param.annotation->scalar;
  bool aligned = a.param.specialise && a.param.specialiseAlignment && (address & 15) == 0;
  a.call.key.push_back(keyWord(Tag::Tensor, static_cast<uint64_t>(kind) |
                                                static_cast<uint64_t>(a.param.isConst) << 8 |
                                                static_cast<uint64_t>(aligned) << 9));
  a.call.slots.push_back(address);
}

static void addTensor(const Argument &a, const ArgType &type, PyObject *value) {
  if (a.param.annotation && !a.param.annotation->isPointer)
    a.fail(Diag::launch_annotation, a.param.annotationText, "a tensor");
  TensorView view;
  PyObject *kept = nullptr;
  readTensor(type, value, a.name(), view, kept);
  if (kept)
    a.call.kept.push_back(kept);
  Call &call = a.call;
  call.ranges.push_back({view.low, view.high, static_cast<uint32_t>(call.slots.size()),
                         static_cast<int16_t>(view.device), a.number(), view.place, view.knownExtent,
                         view.readOnly});
  call.anyReadOnly |= view.readOnly;
  if (view.place == Place::Cuda && !call.streamOwner)
    call.streamOwner = &type;
  packTensor(a, view.address, view.kind);
}

/// The bits of `value` as a float of `kind`.
static uint64_t floatBits(double value, ScalarKind kind) {
  if (kind == ScalarKind::F64)
    return std::bit_cast<uint64_t>(value);
  if (kind == ScalarKind::F32)
    return std::bit_cast<uint32_t>(static_cast<float>(value));
  llvm::APFloat f(value);
  bool lost = false;
  f.convert(kind == ScalarKind::F16      ? llvm::APFloat::IEEEhalf()
            : kind == ScalarKind::BF16   ? llvm::APFloat::BFloat()
            : kind == ScalarKind::F8E4M3 ? llvm::APFloat::Float8E4M3FN()
                                         : llvm::APFloat::Float8E5M2(),
            llvm::APFloat::rmNearestTiesToEven, &lost);
  return f.bitcastToAPInt().getZExtValue();
}

static bool isFloat(ScalarKind kind) { return kind >= ScalarKind::F8E4M3; }

static void addFloat(const Argument &a, double value) {
  ScalarKind kind = ScalarKind::F32;
  if (a.param.annotation) {
    kind = a.param.annotation->scalar;
    if (a.param.annotation->isPointer || !isFloat(kind))
      a.fail(Diag::launch_annotation, a.param.annotationText, "the float " + std::to_string(value));
  }
  a.call.key.push_back(keyWord(Tag::Float, static_cast<uint64_t>(kind)));
  a.call.slots.push_back(floatBits(value, kind));
}

static void addBool(const Argument &a, bool value) {
  a.call.key.push_back(keyWord(Tag::Bool));
  a.call.slots.push_back(value);
}

static bool fits(lang::Constant::Int n, ScalarKind kind) {
  switch (kind) {
  case ScalarKind::I8: return n == static_cast<int8_t>(n);
  case ScalarKind::I16: return n == static_cast<int16_t>(n);
  case ScalarKind::I32: return n == static_cast<int32_t>(n);
  case ScalarKind::I64: return n == static_cast<int64_t>(n);
  case ScalarKind::U8: return n == static_cast<uint8_t>(n);
  case ScalarKind::U16: return n == static_cast<uint16_t>(n);
  case ScalarKind::U32: return n == static_cast<uint32_t>(n);
  case ScalarKind::U64: return n == static_cast<lang::Constant::Int>(static_cast<uint64_t>(n));
  default: return false;
  }
}

/// An integer for a parameter that is annotated with a type.
static void addTypedInt(const Argument &a, lang::Constant::Int n, PyObject *value) {
  lang::DType type = *a.param.annotation;
  if (type.isPointer)
    return packTensor(a, static_cast<uint64_t>(n), type.scalar),
           a.call.ranges.push_back({0, 0, static_cast<uint32_t>(a.call.slots.size() - 1), 0, a.number(),
                                    Place::Unknown, false, false});
  if (isFloat(type.scalar))
    return addFloat(a, PyLong_AsDouble(value));
  if (type.scalar == ScalarKind::I1)
    return addBool(a, n != 0);
  if (!fits(n, type.scalar))
    a.fail(Diag::launch_int_range, shortText(value), lang::toString(type));
  bool aligned = a.param.specialise && a.param.specialiseAlignment && (n & 15) == 0;
  a.call.key.push_back(
      keyWord(Tag::Int, static_cast<uint64_t>(type.scalar) | static_cast<uint64_t>(aligned) << 9));
  a.call.slots.push_back(static_cast<uint64_t>(n));
}

static void addInt(const Argument &a, PyObject *value) {
  int overflow = 0;
  long long n = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow || a.param.annotation) {
    lang::Constant::Int wide = n;
    if (overflow && !toInt128(value, wide))
      a.fail(Diag::launch_int_range, shortText(value), "64 bits");
    if (a.param.annotation)
      return addTypedInt(a, wide, value);
    if (!fits(wide, ScalarKind::U64))
      a.fail(Diag::launch_int_range, shortText(value), "64 bits");
    n = static_cast<long long>(static_cast<uint64_t>(wide));
  }
  Key &key = a.call.key;
  if (n == 1 && a.param.specialise && !overflow) {
    key.push_back(keyWord(Tag::ConstInt));
    key.push_back(1);
    return;
  }
  ScalarKind kind = overflow                       ? ScalarKind::U64
                    : n == static_cast<int32_t>(n) ? ScalarKind::I32
                                                   : ScalarKind::I64;
  bool aligned = a.param.specialise && a.param.specialiseAlignment && (n & 15) == 0;
  key.push_back(keyWord(Tag::Int, static_cast<uint64_t>(kind) | static_cast<uint64_t>(aligned) << 9));
  a.call.slots.push_back(static_cast<uint64_t>(n));
}

static void addValue(const Argument &a, const ArgType &type, PyObject *value);

static void addTuple(const Argument &a, PyObject *tuple) {
  Py_ssize_t n = PyTuple_GET_SIZE(tuple);
  a.call.key.push_back(keyWord(Tag::Tuple, static_cast<uint64_t>(n) | tupleClass(tuple) << 24));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject *item = PyTuple_GET_ITEM(tuple, i);
    addValue(a, argType(item), item);
  }
}

static PyObject *keep(Call &call, PyObject *made) {
  if (!made)
    throw py::error_already_set();
  call.kept.push_back(made);
  return made;
}

/// The fields of a TensorDescriptor as a named tuple, whose class tells its key from other tuples'.
static PyObject *descriptorFields(PyObject *value) {
  static PyObject *name = interned("_fields_tuple");
  return PyObject_CallMethodNoArgs(value, name);
}

static void addConstant(const Argument &a, PyObject *value, Diag id) {
  if (!packConstant(a.call, value))
    a.fail(id, describeValue(value));
}

static void addValue(const Argument &a, const ArgType &type, PyObject *value) {
  switch (type.kind) {
  case ArgKind::Exchange:
  case ArgKind::NumPy:
  case ArgKind::DataPtr:
  case ArgKind::CudaArray:
  case ArgKind::DLPack:
  case ArgKind::Buffer: return addTensor(a, type, value);
  case ArgKind::Int: return addInt(a, value);
  case ArgKind::Float: return addFloat(a, PyFloat_AS_DOUBLE(value));
  case ArgKind::Bool:
    if (a.param.annotation && a.param.annotation->scalar != ScalarKind::I1)
      return addTypedInt(a, value == Py_True, value);
    return addBool(a, value == Py_True);
  case ArgKind::None:
  case ArgKind::Constant:
  case ArgKind::Wrapper: return addConstant(a, value, Diag::launch_bad_argument);
  case ArgKind::Tuple: return addTuple(a, value);
  case ArgKind::Descriptor: return addTuple(a, keep(a.call, descriptorFields(value)));
  case ArgKind::Index: return addInt(a, keep(a.call, PyNumber_Index(value)));
  case ArgKind::Real: return addFloat(a, PyFloat_AsDouble(keep(a.call, PyNumber_Float(value))));
  case ArgKind::Truth: return addBool(a, PyObject_IsTrue(value) == 1);
  case ArgKind::Refused:
    if (!type.overrides.empty())
      a.fail(Diag::launch_tensor_subclass, describeValue(value), type.overrides);
    if (PyList_Check(value)) // a constexpr only
      a.fail(Diag::launch_bad_argument, describeValue(value));
    return addConstant(a, value,
                       Diag::launch_bad_argument); // classes of the language have a name, others are refused
  }
}

//===----------------------------------------------------------------------===//
// The whole call
//===----------------------------------------------------------------------===//

/// Reads the settings again if one changed; kernels compiled under the old ones are not used any more.
static void refreshSettings(FunctionState &fn) {
  unsigned epoch = settingsEpoch();
  if (fn.epoch == epoch)
    return;
  Settings s = settings();
  fn.device = s.device.empty() ? nullptr : &api::deviceNamed(s.device);
  fn.base = api::CompileOptions{};
  fn.base.debug = s.debug || fn.debug == 1;
  fn.base.fpFusion = s.fpFusion;
  fn.base.pull = s.cpuPull;
  fn.table.clear();
  fn.epoch = epoch;
}

/// No two arguments share a byte (a tensor of unknown extent may).
static bool allDisjoint(const Call &call) {
  for (size_t i = 0; i < call.ranges.size(); ++i) {
    const Range &a = call.ranges[i];
    if (!a.known)
      return false;
    for (size_t j = 0; j < i; ++j)
      if (a.low < call.ranges[j].high && call.ranges[j].low < a.high)
        return false;
  }
  return true;
}

bool writesOverlap(const Call &call, const Entry &entry) {
  for (size_t i = 0; i < call.ranges.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const Range &a = call.ranges[i], &b = call.ranges[j];
      if (!entry.writes(a.slot) && !entry.writes(b.slot))
        continue;
      if (!a.known || !b.known || (a.low < b.high && b.low < a.high))
        return true;
    }
  return false;
}

// The first word of a key: warps, stages (8 bits each), debug, fusion, pull, 5 bits free, device (8), epoch (23),
// registers (8), disjoint (1).
static constexpr int deviceShift = 24, epochShift = 32, registersShift = 55, disjointShift = 63;

void specialise(Call &call) {
  FunctionState &fn = call.fn;
  refreshSettings(fn);
  const CallOptions &g = call.given;
  const api::CompileOptions &o = fn.base;
  uint64_t warps = g.numWarps < 0 ? o.numWarps : g.numWarps,
           stages = g.numStages < 0 ? o.numStages : g.numStages;
  uint64_t debug = o.debug || g.debug == 1, fusion = g.fpFusion < 0 ? o.fpFusion : g.fpFusion;
  uint64_t registers = g.maxRegisters < 0 ? 0 : g.maxRegisters;
  call.key.push_back(warps | stages << 8 | debug << 16 | fusion << 17 | static_cast<uint64_t>(o.pull) << 18 |
                     static_cast<uint64_t>(fn.epoch & 0x7FFFFF) << epochShift | registers << registersShift);
  for (size_t i = 0; i < fn.params.size(); ++i) {
    Param &p = fn.params[i];
    PyObject *value = call.values[i];
    Argument a{call, p};
    if (p.isConstexpr) {
      addConstant(a, value, Diag::launch_bad_constexpr);
      continue;
    }
    if (Py_TYPE(value) != p.lastType) {
      p.lastArgType = &argType(value);
      p.lastType = Py_TYPE(value);
    }
    addValue(a, *p.lastArgType, value);
  }
  chooseDevice(call);
  call.key[0] |= static_cast<uint64_t>(call.device->index) << deviceShift;
  if (allDisjoint(call))
    call.key[0] |= 1ull << disjointShift;
}

//===----------------------------------------------------------------------===//
// Back from the key
//===----------------------------------------------------------------------===//

static size_t constantWords(const Key &key, size_t at) {
  switch (static_cast<Tag>(key[at] & 0xFF)) {
  case Tag::ConstInt:
  case Tag::ConstFloat:
  case Tag::ConstFunction: return 2;
  case Tag::ConstWideInt: return 3;
  case Tag::ConstText:
  case Tag::ConstBuiltin: return 1 + ((key[at] >> 8) + 7) / 8;
  case Tag::ConstTuple: {
    size_t n = (key[at] >> 8) & 0xFFFFFF, next = at + 1;
    while (n--)
      next += constantWords(key, next);
    return next - at;
  }
  default: return 1;
  }
}

/// A constant as the compiler sees it: NumPy's scalars and lists as specialise() took them.
static lang::Constant argumentConstant(PyObject *value) {
  value = unwrapConstexpr(value);
  if (PyList_Check(value) || PyTuple_Check(value)) {
    py::object tuple = PyList_Check(value) ? py::reinterpret_steal<py::object>(PyList_AsTuple(value))
                                           : py::reinterpret_borrow<py::object>(value);
    lang::Constant whole = toConstant(tuple.ptr());
    auto &items = std::get<lang::Constant::Tuple>(whole.value).items;
    for (size_t i = 0; i < items.size(); ++i)
      items[i] = argumentConstant(PyTuple_GET_ITEM(tuple.ptr(), i));
    return whole;
  }
  py::object made;
  switch (argType(value).kind) {
  case ArgKind::Index: made = py::reinterpret_steal<py::object>(PyNumber_Index(value)); break;
  case ArgKind::Real: made = py::reinterpret_steal<py::object>(PyNumber_Float(value)); break;
  case ArgKind::Truth:
    made = py::reinterpret_steal<py::object>(PyBool_FromLong(PyObject_IsTrue(value)));
    break;
  default: return toConstant(value);
  }
  return toConstant(made.ptr());
}

static lang::Argument readArgument(const Key &key, size_t &at, std::string name, PyObject *value) {
  lang::Argument arg;
  arg.name = std::move(name);
  uint64_t payload = key[at] >> 8;
  auto kind = static_cast<ScalarKind>(payload & 0xFF);
  switch (static_cast<Tag>(key[at] & 0xFF)) {
  case Tag::Tensor: arg.type = lang::DType{kind, true, (payload & 0x100) != 0}; break;
  case Tag::Int:
  case Tag::Float: arg.type = lang::DType{kind}; break;
  case Tag::Bool: arg.type = lang::DType{ScalarKind::I1}; break;
  case Tag::Tuple: {
    size_t n = payload & 0xFFFFFF;
    py::object held;
    if (languageTypes.descriptor && PyObject_TypeCheck(value, languageTypes.descriptor)) {
      arg.isDescriptor = true;
      held = py::reinterpret_steal<py::object>(descriptorFields(value));
      if (!held)
        throw py::error_already_set();
      value = held.ptr();
    }
    py::object fields = py::reinterpret_steal<py::object>(PyObject_GetAttrString(value, "_fields"));
    PyErr_Clear();
    ++at;
    for (size_t i = 0; i < n; ++i) {
      std::string item =
          fields && PyTuple_Check(fields.ptr()) ? shortText(PyTuple_GET_ITEM(fields.ptr(), i)) : "";
      arg.tupleItems.push_back(readArgument(key, at, item, PyTuple_GET_ITEM(value, i)));
    }
    if (n == 0) // an empty tuple has nothing that runs
      arg.constant = lang::Constant{lang::Constant::Tuple{}};
    return arg;
  }
  default:
    arg.constant = argumentConstant(value);
    at += constantWords(key, at);
    return arg;
  }
  arg.divisibility = payload & 0x200 ? 16 : 1;
  ++at;
  return arg;
}

std::vector<lang::Argument> compilerArguments(const Call &call) {
  std::vector<lang::Argument> args;
  size_t at = 1;
  for (size_t i = 0; i < call.fn.params.size(); ++i)
    args.push_back(readArgument(call.key, at, toText(call.fn.params[i].name), call.values[i]));
  return args;
}

api::CompileOptions compilerOptions(const Call &call) {
  api::CompileOptions o;
  uint64_t word = call.key[0];
  o.numWarps = word & 0xFF;
  o.numStages = word >> 8 & 0xFF;
  o.debug = word >> 16 & 1;
  o.fpFusion = word >> 17 & 1;
  o.pull = word >> 18 & 1;
  o.maxRegisters = word >> registersShift & 0xFF;
  o.assemble = call.device->kind != api::DeviceKind::Emulated; // it runs PTX
  o.disjoint = call.disjoint();
  return o;
}

} // namespace tegula::python
