//===- JitOp.h - one element-wise operation, compiled and run over arrays ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/cpu/Cpu.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tegula::cpu::test {

/// Machine code in this process.
class Jit {
public:
  /// `write` makes a function "f" in the module, by which the code is found.
  Jit(const Target &target, const std::function<void(llvm::Module &)> &write);
  void *address() const { return entry; }
  const std::string &assembly() const { return text; }
  static inline bool keepAssembly = false;

private:
  void *entry = nullptr;
  std::string text;
};

/// The object code of one operation, not loaded: any target. See JitOp for the arguments.
std::string compileOp(const std::string &operation, const std::vector<std::string> &types, unsigned lanes,
                      const Target &target);

/// `operation` is what stands in a function of scalars a, b, c: "math.exp %a : f32"; `types` are the operands' and,
/// last, the result's.
class JitOp {
public:
  JitOp(const std::string &operation, std::vector<std::string> types, unsigned lanes,
        const Target &target = targetNamed("native"));

  /// n elements, a multiple of `lanes`. An i1 is a byte.
  void run(void *out, std::vector<const void *> in, size_t n) const;
  template <typename Out, typename... In> std::vector<Out> operator()(const std::vector<In> &...in) const {
    size_t n = std::min({in.size()...});
    std::vector<Out> out(n);
    run(out.data(), {in.data()...}, n);
    return out;
  }
  const std::string &assembly() const { return jit->assembly(); }

private:
  std::unique_ptr<Jit> jit;
};

} // namespace tegula::cpu::test
