//===- Bind.cpp - arguments of a call to parameters of a kernel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Specialise.h"

namespace tegula::python {

namespace {
enum class Option : int16_t {
  NumWarps,
  NumStages,
  MaxRegisters,
  Debug,
  FpFusion,
  Stream,
  Cooperative,
  OneOnly, ///< GPUs have it, and the value 1 alone is supported
  Refused, ///< GPUs have it, and it is not supported
  Ignored  ///< a hint, or of other devices
};
struct OptionRow {
  const char *name;
  Option option;
};
// What Triton's launch takes; a device without the thing takes it and lets it be.
constexpr OptionRow optionRows[] = {
    {"num_warps", Option::NumWarps},  {"num_stages", Option::NumStages},
    {"num_ctas", Option::OneOnly},    {"maxnreg", Option::MaxRegisters},
    {"debug", Option::Debug},         {"enable_fp_fusion", Option::FpFusion},
    {"stream", Option::Stream},       {"launch_cooperative_grid", Option::Cooperative},
    {"launch_pdl", Option::Ignored},  {"ptx_options", Option::Refused},
    {"ir_override", Option::Refused}, {"waves_per_eu", Option::Ignored},
    {"kpack", Option::Ignored},       {"matrix_instr_nonkdim", Option::Ignored},
};
} // namespace

int launchOption(PyObject *name) {
  static PyObject *names[std::size(optionRows)];
  if (!names[0])
    for (size_t i = 0; i < std::size(optionRows); ++i)
      names[i] = interned(optionRows[i].name);
  for (size_t i = 0; i < std::size(optionRows); ++i)
    if (names[i] == name)
      return static_cast<int>(i);
  for (size_t i = 0; i < std::size(optionRows); ++i)
    if (PyUnicode_Compare(names[i], name) == 0)
      return static_cast<int>(i);
  return -1;
}

std::string launchOptionNames() {
  std::string text;
  for (const OptionRow &row : optionRows)
    text += (text.empty() ? "" : ", ") + std::string(row.name);
  return text;
}

static int integerOption(PyObject *name, PyObject *value, int low, int high) {
  std::string range = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
  py::object n = py::reinterpret_steal<py::object>(PyNumber_Index(value));
  if (!n) {
    PyErr_Clear();
    throw Error(Diag::launch_bad_option, {toText(name), range, shortText(value)});
  }
  int overflow = 0;
  long long v = PyLong_AsLongLongAndOverflow(n.ptr(), &overflow);
  if (overflow || v < low || v > high)
    throw Error(Diag::launch_bad_option, {toText(name), range, shortText(value)});
  return static_cast<int>(v);
}

static bool isTrue(PyObject *value) {
  int truth = PyObject_IsTrue(value);
  if (truth < 0)
    throw py::error_already_set();
  return truth;
}

static void setOption(CallOptions &given, int index, PyObject *name, PyObject *value) {
  if (value == Py_None)
    return;
  value = unwrapConstexpr(value);
  switch (optionRows[index].option) {
  case Option::NumWarps: given.numWarps = integerOption(name, value, 1, 64); break;
  case Option::NumStages: given.numStages = integerOption(name, value, 0, 64); break;
  case Option::MaxRegisters: given.maxRegisters = integerOption(name, value, 0, 255); break;
  case Option::Debug: given.debug = isTrue(value); break;
  case Option::FpFusion: given.fpFusion = isTrue(value); break;
  case Option::Stream: given.stream = value; break;
  case Option::Cooperative: given.cooperative = isTrue(value); break;
  case Option::OneOnly:
    if (integerOption(name, value, 1, 64) != 1)
      given.unsupported = {name, value};
    break;
  case Option::Refused:
    if (isTrue(value))
      given.unsupported = {name, value};
    break;
  case Option::Ignored: break;
  }
}

/// What the keyword at one place of a call is; a kernel's own parameter may bear the name of an option (then both).
static Binding resolveKeyword(FunctionState &fn, PyObject *name) {
  Binding b;
  for (int pass = 0; pass < 2 && b.param < 0; ++pass)
    for (size_t i = 0; i < fn.params.size(); ++i)
      if (pass == 0 ? fn.params[i].name == name : PyUnicode_Compare(fn.params[i].name, name) == 0) {
        b.param = static_cast<int16_t>(i);
        break;
      }
  if (b.param >= 0 && fn.params[b.param].kind == Param::Kind::VarPositional)
    b.param = -1;
  b.option = static_cast<int16_t>(launchOption(name));
  if (b.param < 0 && b.option < 0)
    throw Error(Diag::launch_unknown_keyword,
                {toText(fn.name), toText(name), parameterList(fn), launchOptionNames()});
  return b;
}

static void resolveKeywords(FunctionState &fn, PyObject *keywords) {
  if (fn.lastKeywords == keywords) // the tuple belongs to the code of the call, so it is the same every time
    return;
  std::vector<Binding> bindings;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keywords); ++i)
    bindings.push_back(resolveKeyword(fn, PyTuple_GET_ITEM(keywords, i)));
  fn.lastBindings = std::move(bindings);
  Py_XSETREF(fn.lastKeywords, Py_NewRef(keywords));
}

static void bindExtraPositional(Call &call, PyObject *const *args, size_t count) {
  FunctionState &fn = call.fn;
  if (fn.varPositional < 0)
    throw Error(Diag::launch_too_many_arguments,
                {toText(fn.name), std::to_string(fn.positional), std::to_string(count), parameterList(fn)});
  PyObject *rest = PyTuple_New(static_cast<Py_ssize_t>(count) - fn.positional);
  if (!rest)
    throw py::error_already_set();
  for (size_t i = fn.positional; i < count; ++i)
    PyTuple_SET_ITEM(rest, i - fn.positional, Py_NewRef(args[i]));
  call.kept.push_back(rest);
  call.values[fn.varPositional] = rest;
}

void bindArguments(Call &call, PyObject *const *args, size_t count, PyObject *keywords) {
  FunctionState &fn = call.fn;
  size_t params = fn.params.size();
  size_t direct = std::min<size_t>(count, fn.positional);
  call.values.append(args, args + direct);
  call.values.resize(params, nullptr);
  if (count > direct)
    bindExtraPositional(call, args, count);
  if (keywords) {
    resolveKeywords(fn, keywords);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keywords); ++i) {
      PyObject *name = PyTuple_GET_ITEM(keywords, i);
      // An option's value may run Python code, and that may call this very kernel with other keywords.
      Binding b = fn.lastKeywords == keywords ? fn.lastBindings[i] : resolveKeyword(fn, name);
      PyObject *value = args[count + i];
      if (b.param >= 0) {
        if (call.values[b.param])
          throw Error(Diag::launch_repeated_argument, {toText(fn.name), toText(fn.params[b.param].name)});
        call.values[b.param] = value;
      }
      if (b.option >= 0)
        setOption(call.given, b.option, name, value);
    }
  }
  for (size_t i = 0; i < params; ++i) {
    if (call.values[i])
      continue;
    Param &p = fn.params[i];
    if (p.defaultValue) {
      call.values[i] = p.defaultValue;
    } else if (p.kind == Param::Kind::VarPositional) {
      call.kept.push_back(PyTuple_New(0));
      call.values[i] = call.kept.back();
    } else {
      throw Error(Diag::launch_missing_argument, {toText(fn.name), toText(p.name), parameterList(fn)});
    }
  }
}

} // namespace tegula::python
