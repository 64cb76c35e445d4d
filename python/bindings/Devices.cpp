//===- Devices.cpp - what Python asks of devices ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Support.h"

#include <pybind11/stl.h>

namespace tegula::python {

static py::dict facts(const std::string &name) {
  api::DeviceFacts f;
  {
    WithoutGil nogil;
    f = api::deviceFacts(api::deviceNamed(name));
  }
  py::dict d; // by Triton's names
  d["name"] = f.name;
  d["arch"] = f.sm;
  d["multiprocessor_count"] = f.multiprocessors;
  d["max_shared_mem"] = f.sharedPerBlock;
  d["max_shared_mem_per_multiprocessor"] = f.sharedPerMultiprocessor;
  d["max_num_regs"] = f.registersPerBlock;
  d["max_threads_per_multiprocessor"] = f.threadsPerMultiprocessor;
  d["max_threads_per_block"] = f.threadsPerBlock;
  d["warpSize"] = f.warpSize;
  return d;
}

/// Folders of sys.path that hold packages; asked by a compile, which does not hold the GIL.
static std::vector<std::string> packageFolders() {
  std::vector<std::string> folders;
  if (!Py_IsInitialized())
    return folders;
  WithGil gil;
  try {
    for (py::handle entry : py::module_::import("sys").attr("path"))
      if (py::isinstance<py::str>(entry) && py::len(entry))
        folders.push_back(entry.cast<std::string>());
  } catch (py::error_already_set &) { // somebody put something odd in there
  }
  return folders;
}

void initDevices(py::module_ &module) {
  module.def("device_names", &api::deviceNames);
  module.def("device_facts", &facts);
  /// The name that a device is known by; raises for one that is not there.
  module.def("check_device", [](const std::string &name) {
    WithoutGil nogil;
    return api::deviceNamed(name).name;
  });
  module.def("device_target", [](const std::string &name) {
    const api::Device &device = api::deviceNamed(name);
    return py::make_tuple(device.target.backend, device.target.arch, device.target.warpSize);
  });
  module.def("cuda_device_count", &api::cudaDeviceCount);
  module.def("current_cuda_device", &api::currentCudaDevice);
  module.def("synchronize", [](const std::string &name) {
    WithoutGil nogil;
    api::synchronize(api::deviceNamed(name));
  });
  py::class_<api::GpuTimer>(module, "GpuTimer", "Times on a GPU, by events of its stream.")
      .def(py::init([](const std::string &device, uint64_t stream, size_t flushBytes) {
        return std::make_unique<api::GpuTimer>(api::deviceNamed(device), stream, flushBytes);
      }))
      .def("flush", &api::GpuTimer::flush)
      .def("start", &api::GpuTimer::start)
      .def("stop", &api::GpuTimer::stop)
      .def("milliseconds", [](api::GpuTimer &timer) {
        WithoutGil nogil;
        return timer.milliseconds();
      });
  api::setPackageFolders(&packageFolders);
}

} // namespace tegula::python
