//===- Function.cpp - the Python types behind @jit functions and function[grid] ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Function.h"

#include <structmember.h>

#include <algorithm>
#include <cstddef>

namespace tegula::python {

PyTypeObject *functionType = nullptr;

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

Entry *KernelTable::find(uint64_t hash, const Key &key) const {
  if (slots.empty())
    return nullptr;
  for (size_t i = hash & (slots.size() - 1);; i = (i + 1) & (slots.size() - 1)) {
    Entry *e = slots[i];
    if (!e)
      return nullptr;
    if (e->hash == hash && e->key.size() == key.size() && std::equal(key.begin(), key.end(), e->key.begin()))
      return e;
  }
}

void KernelTable::insert(Entry *entry) {
  if ((used + 1) * 2 > slots.size()) {
    std::vector<Entry *> old = std::move(slots);
    slots.assign(std::max<size_t>(16, old.size() * 2), nullptr);
    used = 0;
    for (Entry *e : old)
      if (e)
        insert(e);
  }
  size_t i = entry->hash & (slots.size() - 1);
  while (slots[i])
    i = (i + 1) & (slots.size() - 1);
  slots[i] = entry;
  ++used;
}

void KernelTable::clear() {
  slots.clear();
  used = 0;
}

std::string parameterList(const FunctionState &fn) {
  std::string text;
  for (const Param &p : fn.params)
    text += (text.empty() ? "" : ", ") + std::string(p.kind == Param::Kind::VarPositional ? "*" : "") +
            toText(p.name);
  return text;
}

//===----------------------------------------------------------------------===//
// function[grid]
//===----------------------------------------------------------------------===//

static PyObject *boundCall(PyObject *self, PyObject *const *args, size_t flags, PyObject *keywords) {
  auto *b = reinterpret_cast<BoundObject *>(self);
  return guarded<PyObject *>(nullptr, [&] {
    return callKernel(b->function, b->grid, args, PyVectorcall_NARGS(flags), keywords, false);
  });
}

static int boundTraverse(PyObject *self, visitproc visit, void *arg) {
  auto *b = reinterpret_cast<BoundObject *>(self);
  Py_VISIT(b->function);
  Py_VISIT(b->grid);
  return 0;
}

static int boundClear(PyObject *self) {
  auto *b = reinterpret_cast<BoundObject *>(self);
  Py_CLEAR(b->function);
  Py_CLEAR(b->grid);
  return 0;
}

static void boundDealloc(PyObject *self) {
  PyObject_GC_UnTrack(self);
  boundClear(self);
  PyObject_GC_Del(self);
}

static PyTypeObject boundType = [] {
  PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
  t.tp_name = "tegula._tegula.BoundKernel";
  t.tp_basicsize = sizeof(BoundObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL;
  t.tp_doc = "A kernel with its grid: call it with the kernel's arguments.";
  t.tp_vectorcall_offset = offsetof(BoundObject, call);
  t.tp_call = PyVectorcall_Call;
  t.tp_traverse = boundTraverse;
  t.tp_clear = boundClear;
  t.tp_dealloc = boundDealloc;
  return t;
}();

static PyObject *functionSubscript(PyObject *self, PyObject *grid) {
  auto *f = reinterpret_cast<FunctionObject *>(self);
  auto *b = reinterpret_cast<BoundObject *>(f->bound);
  if (b && Py_REFCNT(b) == 1 && b->function) { // only we have it
    if (b->grid != grid) {
      Py_INCREF(grid);
      Py_SETREF(b->grid, grid);
    }
    return Py_NewRef(f->bound);
  }
  b = PyObject_GC_New(BoundObject, &boundType);
  if (!b)
    return nullptr;
  b->call = boundCall;
  b->function = reinterpret_cast<FunctionObject *>(Py_NewRef(self));
  b->grid = Py_NewRef(grid);
  PyObject_GC_Track(b);
  PyObject *made = reinterpret_cast<PyObject *>(b);
  Py_XSETREF(f->bound, Py_NewRef(made));
  return made;
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

/// One row of the list that tegula.runtime.jit makes: (name, kind, has default, default, annotation, constexpr, const,
/// specialise, specialise alignment).
static Param makeParam(const std::string &function, py::tuple row) {
  Param p;
  p.name = interned(toText(py::object(row[0]).ptr()).c_str());
  p.kind = static_cast<Param::Kind>(row[1].cast<int>());
  if (row[2].cast<bool>())
    p.defaultValue = py::object(row[3]).release().ptr();
  p.annotationText = row[4].cast<std::string>();
  p.isConstexpr = row[5].cast<bool>();
  p.isConst = row[6].cast<bool>();
  p.specialise = row[7].cast<bool>();
  p.specialiseAlignment = row[8].cast<bool>();
  if (!p.annotationText.empty() && !p.isConstexpr) {
    try {
      p.annotation = lang::parseDType(p.annotationText);
    } catch (const Error &) {
      throw Error(Diag::launch_bad_annotation, {toText(p.name), function, p.annotationText});
    }
    if (p.annotation->isPointer && p.annotation->isConst)
      p.isConst = true;
  }
  return p;
}

static int functionInit(PyObject *self, PyObject *args, PyObject *) {
  return guarded<int>(-1, [&] {
    static uint64_t nextId = 0;
    py::tuple a = py::reinterpret_borrow<py::tuple>(
        args); // (fn, name, qualified name, file, line, text, rows, debug, noinline)
    if (a.size() != 9)
      throw py::type_error("Function takes 9 arguments");
    auto state = std::make_unique<FunctionState>();
    state->id = ++nextId;
    state->name = interned(a[1].cast<std::string>().c_str());
    for (py::handle row : a[6]) {
      state->params.push_back(makeParam(toText(state->name), py::reinterpret_borrow<py::tuple>(row)));
      Param::Kind kind = state->params.back().kind;
      int index = static_cast<int>(state->params.size()) - 1;
      if (kind == Param::Kind::Positional)
        state->positional = index + 1;
      else if (kind == Param::Kind::VarPositional)
        state->varPositional = index;
    }
    state->resolver = std::make_shared<PyResolver>(py::object(a[0]).ptr());
    SourceFile source{a[3].cast<std::string>(), a[4].cast<int>(), a[5].cast<std::string>()};
    state->jit =
        std::make_shared<lang::JitFunction>(std::move(source), a[2].cast<std::string>(), state->resolver);
    for (const Param &p : state->params)
      if (p.defaultValue)
        state->jit->defaults.emplace_back(toText(p.name), toConstant(p.defaultValue));
    if (!a[7].is_none())
      state->debug = a[7].cast<bool>();
    state->jit->noinline = !a[8].is_none() && a[8].cast<bool>();
    auto *f = reinterpret_cast<FunctionObject *>(self);
    delete f->state;
    f->state = state.release();
    return 0;
  });
}

static int visitEntry(const Entry &e, visitproc visit, void *arg) {
  Py_VISIT(e.object);
  for (const WatchGroup &g : e.watches) {
    Py_VISIT(g.holder);
    for (const Watch &w : g.watches)
      Py_VISIT(w.value);
  }
  return 0;
}

static void releaseEntry(Entry &e) {
  Py_CLEAR(e.object);
  for (WatchGroup &g : e.watches) {
    Py_CLEAR(g.holder);
    for (Watch &w : g.watches)
      Py_CLEAR(w.value);
  }
  e.watches.clear();
}

static int functionTraverse(PyObject *self, visitproc visit, void *arg) {
  auto *f = reinterpret_cast<FunctionObject *>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(f->bound);
  if (!f->state)
    return 0;
  for (const Param &p : f->state->params)
    Py_VISIT(p.defaultValue);
  Py_VISIT(f->state->preRunHooks);
  for (const Entry &e : f->state->entries)
    if (int r = visitEntry(e, visit, arg))
      return r;
  return 0;
}

static int functionClear(PyObject *self) {
  auto *f = reinterpret_cast<FunctionObject *>(self);
  Py_CLEAR(f->bound);
  if (!f->state)
    return 0;
  for (Param &p : f->state->params)
    Py_CLEAR(p.defaultValue);
  Py_CLEAR(f->state->preRunHooks);
  Py_CLEAR(f->state->lastKeywords);
  f->state->table.clear();
  for (Entry &e : f->state->entries)
    releaseEntry(e);
  return 0;
}

static void functionDealloc(PyObject *self) {
  PyObject_GC_UnTrack(self);
  functionClear(self);
  delete reinterpret_cast<FunctionObject *>(self)->state;
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static FunctionState &stateOf(PyObject *self) {
  FunctionState *state = reinterpret_cast<FunctionObject *>(self)->state;
  if (!state)
    throw py::type_error("this jit function was not initialised");
  return *state;
}

static PyObject *functionCall(PyObject *self, PyObject *, PyObject *) {
  return guarded<PyObject *>(
      nullptr, [&]() -> PyObject * { throw Error(Diag::launch_no_grid, {toText(stateOf(self).name)}); });
}

/// _warmup(*args, **kwargs): compiles for these arguments and launches nothing.
static PyObject *functionWarmup(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
  return guarded<PyObject *>(nullptr, [&] {
    return callKernel(reinterpret_cast<FunctionObject *>(self), nullptr, args, count, keywords, true);
  });
}

static PyObject *functionSetHooks(PyObject *self, PyObject *hooks) {
  return guarded<PyObject *>(nullptr, [&]() -> PyObject * {
    Py_XSETREF(stateOf(self).preRunHooks, Py_NewRef(hooks));
    Py_RETURN_NONE;
  });
}

/// _forget(): drops every compiled kernel of this function (tests; a changed source).
static PyObject *functionForget(PyObject *self, PyObject *) {
  return guarded<PyObject *>(nullptr, [&]() -> PyObject * {
    stateOf(self).table.clear();
    Py_RETURN_NONE;
  });
}

static PyMethodDef functionMethods[] = {
    {"_warmup", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(functionWarmup)),
     METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_set_pre_run_hooks", functionSetHooks, METH_O, nullptr},
    {"_forget", functionForget, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

static PyType_Slot functionSlots[] = {{Py_tp_doc, const_cast<char *>("The native part of a @jit function.")},
                                      {Py_tp_init, reinterpret_cast<void *>(functionInit)},
                                      {Py_tp_new, reinterpret_cast<void *>(PyType_GenericNew)},
                                      {Py_tp_dealloc, reinterpret_cast<void *>(functionDealloc)},
                                      {Py_tp_traverse, reinterpret_cast<void *>(functionTraverse)},
                                      {Py_tp_clear, reinterpret_cast<void *>(functionClear)},
                                      {Py_tp_call, reinterpret_cast<void *>(functionCall)},
                                      {Py_tp_methods, functionMethods},
                                      {Py_mp_subscript, reinterpret_cast<void *>(functionSubscript)},
                                      {0, nullptr}};

static PyType_Spec functionSpec = {"tegula._tegula.Function", sizeof(FunctionObject), 0,
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                                   functionSlots};

void initFunction(py::module_ &module) {
  if (PyType_Ready(&boundType) < 0)
    throw py::error_already_set();
  PyObject *type = PyType_FromSpec(&functionSpec);
  if (!type)
    throw py::error_already_set();
  functionType = reinterpret_cast<PyTypeObject *>(type);
  module.add_object("Function", type);
  module.def("register_types", [](py::object constexpr_, py::object dtype, py::object pointer,
                                  py::object function, py::object hostFunction, py::object descriptor) {
    auto hold = [](py::object o) { return reinterpret_cast<PyTypeObject *>(o.release().ptr()); };
    languageTypes = {hold(constexpr_), hold(dtype),        hold(pointer),
                     hold(function),   hold(hostFunction), hold(descriptor)};
  });
}

} // namespace tegula::python
