//===- Reference.h - the meaning of every operation, and how far a result may be from it ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The reference device runs tile IR operation by operation on whole blocks, one program after the other. It is slow
// and simple on purpose: it is what the other devices are compared with.
//
// With a ShadowMemory it also carries, for every float, the value that fp64 arithmetic gives and a bound of the
// error that a device may make that rounds each operation (in any order of summation). That bound is the tolerance
// of every numeric comparison.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Value.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

namespace tegula::reference {

/// What a float (or what was decided by one) may be: any d with |d - value| <= error. `undecided`: a comparison or a
/// conversion to integer on the way could have gone either way within its bound, so nothing is claimed.
struct Shadow {
  double value = 0;
  double error = 0;
  bool undecided = false;
};

/// Shadows of global memory by byte address, of elements that a kernel has stored.
using ShadowMemory = std::unordered_map<uint64_t, Shadow>;

/// Whose errors shadows are to allow for: math functions are of other accuracy on GPUs.
enum class Devices : uint8_t { Cpu, Gpu };

struct Block;

struct Hooks {
  /// device_print: a finished line.
  std::function<void(const std::string &line)> print;
  /// Asked between operations of a long launch; true stops it.
  std::function<bool()> interrupted;
  /// Every value each time that it gets one: results, arguments of loop bodies, arguments of the kernel. For tests.
  std::function<void(mlir::Value, const Block &)> observe;
};

/// Launches of this thread record shadows for `devices` into `memory` until it is set to null. Returns what was set before.
ShadowMemory *recordInto(ShadowMemory *memory, Devices devices = Devices::Cpu);

/// Runs every program of the grid, axis 0 fastest. `slots`: 8 bytes per run-time argument as in cpu::Launch.
/// Throws Error: device_assert failed, an operation that is not implemented.
void run(mlir::ModuleOp module, std::array<int64_t, 3> grid, const uint64_t *slots, const Hooks &hooks = {});

} // namespace tegula::reference
