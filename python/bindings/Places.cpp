//===- Places.cpp - which device a call goes to, and whether its tensors are there ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Specialise.h"

#include <algorithm>

namespace tegula::python {

static const api::Device &cpuDevice() {
  static const api::Device &cpu = api::deviceNamed("cpu");
  return cpu;
}

/// Where no device was chosen: that of the first tensor on a GPU; else the CPU, unless all that is passed are objects
/// which do not say where they are and there is a GPU.
static const api::Device &deviceOfTensors(const Call &call) {
  bool allUnknown = !call.ranges.empty();
  for (const Range &r : call.ranges) {
    if (r.place == Place::Cuda)
      return api::cudaDevice(r.device < 0 ? api::currentCudaDevice() : r.device);
    allUnknown &= r.place == Place::Unknown;
  }
  return allUnknown && api::cudaDeviceCount() > 0 ? api::cudaDevice(api::currentCudaDevice()) : cpuDevice();
}

/// Every tensor must be where the kernel runs.
static void checkPlaces(const Call &call) {
  const api::Device &device = *call.device;
  auto fail = [&](Diag id, const Range &r, const std::string &more, const std::string &last) {
    throw Error(id, {toText(call.fn.params[r.parameter].name), toText(call.fn.name), more, last});
  };
  for (const Range &r : call.ranges) {
    bool elsewhere =
        r.place == Place::Cuda && (device.seesHostMemory() || (r.device >= 0 && r.device != device.number));
    if (elsewhere)
      fail(Diag::launch_wrong_device, r, "cuda:" + std::to_string(std::max<int>(r.device, 0)), device.name);
    bool asks = !device.seesHostMemory() && (r.place == Place::Host || r.place == Place::Unknown);
    if (asks && call.slots[r.slot] && !api::isReachable(device, call.slots[r.slot]))
      fail(Diag::gpu_host_pointer, r, device.name, "");
  }
}

void chooseDevice(Call &call) {
  call.device = call.fn.device ? call.fn.device : &deviceOfTensors(call);
  checkPlaces(call);
  if (call.given.unsupported.first && call.device->target.backend == "cuda")
    throw Error(Diag::gpu_option,
                {toText(call.given.unsupported.first), shortText(call.given.unsupported.second)});
}

} // namespace tegula::python
