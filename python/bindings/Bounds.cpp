//===- Bounds.cpp - error bounds that the reference device records ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Reference.h"
#include "python/bindings/Support.h"

#include <pybind11/stl.h>

namespace tegula::python {

namespace {

/// Launches on the reference device by this thread are recorded between start and stop.
class BoundsRecorder {
public:
  ~BoundsRecorder() { stop(); }
  void start(bool gpu) {
    reference::recordInto(&memory, gpu ? reference::Devices::Gpu : reference::Devices::Cpu);
  }
  void stop() { reference::recordInto(nullptr); }

  /// For `count` elements at byte offsets from `address`: (value, error, undecided, stored) as native doubles and bytes.
  py::tuple look(uint64_t address, const std::vector<int64_t> &shape,
                 const std::vector<int64_t> &byteStrides) const {
    std::vector<double> values, errors;
    std::string undecided, stored;
    std::vector<int64_t> index(shape.size(), 0);
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    for (int64_t i = 0; i < count; ++i) {
      uint64_t at = address;
      for (size_t d = 0; d < index.size(); ++d)
        at += uint64_t(index[d] * byteStrides[d]);
      auto found = memory.find(at);
      reference::Shadow shadow = found == memory.end() ? reference::Shadow() : found->second;
      values.push_back(shadow.value);
      errors.push_back(shadow.error);
      undecided += char(shadow.undecided);
      stored += char(found != memory.end());
      for (size_t d = index.size(); d-- > 0 && ++index[d] == shape[d];)
        index[d] = 0;
    }
    auto doubles = [](const std::vector<double> &v) {
      return py::bytes(reinterpret_cast<const char *>(v.data()), v.size() * sizeof(double));
    };
    return py::make_tuple(doubles(values), doubles(errors), py::bytes(undecided), py::bytes(stored));
  }

private:
  reference::ShadowMemory memory;
};

} // namespace

void initBounds(py::module_ &module) {
  py::class_<BoundsRecorder>(module, "BoundsRecorder")
      .def(py::init<>())
      .def("start", &BoundsRecorder::start)
      .def("stop", &BoundsRecorder::stop)
      .def("look", &BoundsRecorder::look);
}

} // namespace tegula::python
