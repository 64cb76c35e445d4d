//===- Module.cpp - the extension module ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Support.h"

PYBIND11_MODULE(_tegula, module) {
  using namespace tegula::python;
  module.doc() = "The compiler. Use the package tegula, not this module.";
  initErrors(module);
  initFunction(module);
  initCompile(module);
  initSettings(module);
  initBounds(module);
  initDevices(module);
  initEmulator(module);
}
