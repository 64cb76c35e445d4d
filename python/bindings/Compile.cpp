//===- Compile.cpp - ahead-of-time compiles and what a compiled kernel shows ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Constants.h"
#include "python/bindings/Function.h"

#include <pybind11/stl.h>

namespace tegula::python {

/// One argument of `compile`: (name, "constexpr", value), (name, type, divisibility) or (name, "tuple", [arguments]).
static lang::Argument makeArgument(const FunctionState &fn, py::handle row) {
  auto t = py::reinterpret_borrow<py::tuple>(row);
  lang::Argument arg;
  arg.name = t[0].cast<std::string>();
  std::string type = t[1].cast<std::string>();
  if (type == "constexpr") {
    py::object value = t[2];
    arg.constant = toConstant(value.ptr());
    if (auto *opaque = std::get_if<lang::Constant::Opaque>(&arg.constant->value))
      throw Error(Diag::launch_bad_constexpr, {arg.name, toText(fn.name), opaque->what});
  } else if (type == "tuple") {
    for (py::handle item : t[2])
      arg.tupleItems.push_back(makeArgument(fn, item));
    if (arg.tupleItems.empty())
      arg.constant = lang::Constant{lang::Constant::Tuple{}};
  } else {
    try {
      arg.type = lang::parseDType(type);
    } catch (const Error &) {
      throw Error(Diag::launch_bad_annotation, {arg.name, toText(fn.name), type});
    }
    arg.divisibility = t[2].cast<int>();
  }
  return arg;
}

static std::shared_ptr<api::CompiledKernel> compile(py::object function, py::list arguments,
                                                    const std::string &backend, const std::string &arch,
                                                    int warpSize, py::dict options) {
  FunctionObject *f = asFunction(function.ptr());
  if (!f || !f->state)
    throw py::type_error("the first argument must be a jit function");
  api::Request request;
  request.function = f->state->jit.get();
  for (py::handle row : arguments)
    request.arguments.push_back(makeArgument(*f->state, row));
  request.target = api::Target{backend, arch, warpSize};
  auto option = [&](const char *name, auto &field) {
    if (options.contains(name) && !options[name].is_none())
      field = options[name].cast<std::decay_t<decltype(field)>>();
  };
  option("num_warps", request.options.numWarps);
  option("num_stages", request.options.numStages);
  option("maxnreg", request.options.maxRegisters);
  option("debug", request.options.debug);
  option("enable_fp_fusion", request.options.fpFusion);
  option("disjoint", request.options.disjoint);
  option("pull", request.options.pull);
  WithoutGil nogil;
  return api::compile(request);
}

static py::dict metadata(const api::CompiledKernel &kernel) {
  const api::Metadata &m = kernel.metadata();
  py::dict d;
  d["name"] = m.name;
  d["hash"] = m.hash;
  d["target"] = py::make_tuple(m.target.backend, m.target.arch, m.target.warpSize);
  d["num_warps"] = m.options.numWarps;
  d["num_stages"] = m.options.numStages;
  d["num_ctas"] = 1;
  d["maxnreg"] = m.options.maxRegisters ? py::cast(m.options.maxRegisters) : py::none();
  d["debug"] = m.options.debug;
  d["enable_fp_fusion"] = m.options.fpFusion;
  d["disjoint"] = m.options.disjoint;
  d["shared"] = m.shared;
  d["n_regs"] = m.registers < 0 ? py::none() : py::cast(m.registers);
  d["n_spills"] = m.spills < 0 ? py::none() : py::cast(m.spills);
  d["assembler"] = m.assembler.empty() ? py::none() : py::cast(m.assembler);
  d["scratch_bytes"] = m.scratchBytes;
  d["num_arguments"] = m.numArguments;
  d["written_arguments"] = m.writtenArguments ? py::cast(*m.writtenArguments) : py::none();
  return d;
}

/// Text of a stage, or bytes for one that is no text.
static py::object stage(api::CompiledKernel &kernel, const std::string &name) {
  const std::string *text = nullptr;
  {
    WithoutGil nogil;
    text = &kernel.stage(name);
  }
  if (api::isBinaryStage(name))
    return py::bytes(*text);
  return py::str(*text);
}

void initCompile(py::module_ &module) {
  py::class_<api::CompiledKernel, std::shared_ptr<api::CompiledKernel>>(
      module, "Kernel", "The native part of a compiled kernel.")
      .def_property_readonly("stage_names", &api::CompiledKernel::stageNames)
      .def("stage", &stage)
      .def("prepare",
           [](api::CompiledKernel &kernel, const std::string &device) {
             WithoutGil nogil;
             kernel.prepare(api::deviceNamed(device));
           })
      .def("measure",
           [](api::CompiledKernel &kernel) {
             WithoutGil nogil;
             kernel.measure();
           })
      .def("metadata", &metadata)
      .def_property_readonly("times", [](const api::CompiledKernel &k) { return k.times; })
      .def_property_readonly("cache_hit", [](const api::CompiledKernel &k) { return k.cacheHit; });
  module.def("compile", &compile);
}

} // namespace tegula::python
