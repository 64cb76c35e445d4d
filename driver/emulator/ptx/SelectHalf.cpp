//===- SelectHalf.cpp - the rows of f16, bf16 and their pairs ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Arithmetic.h"
#include "driver/emulator/ptx/Handlers.h"

namespace tegula::ptx {
namespace {

using namespace lane;

/// One and two numbers a register. `.rn` may be written where `rounds`.
template <class Op>
void add(std::vector<Row> &rows, const std::string &key, const std::string &type, bool rounds = false,
         Pipe pipe = Pipe::fp16) {
  bool needed = key.substr(0, 3) == "fma";
  rows.push_back({key + "." + type, lanewise<Op>, pipe, nullptr, rounds, needed});
  rows.push_back({key + "." + type + "x2", lanewise<Packed<Op>>, pipe, nullptr, rounds, needed});
}

template <class F, bool ftz, bool sat> void addSums(std::vector<Row> &rows, const std::string &type) {
  std::string t = std::string(ftz ? ".ftz" : "") + (sat ? ".sat" : "");
  add<Add16<F, ftz, sat>>(rows, "add" + t, type, true);
  add<Sub16<F, ftz, sat>>(rows, "sub" + t, type, true);
  add<Mul16<F, ftz, sat>>(rows, "mul" + t, type, true);
  add<Fma16<F, ftz, sat, false>>(rows, "fma" + t, type, true);
  if (!sat)
    add<Fma16<F, ftz, false, true>>(rows, "fma" + t + ".relu", type, true);
}

template <class F, bool ftz, bool nan, bool xorsign>
void addExtrema(std::vector<Row> &rows, const std::string &type) {
  std::string t = std::string(ftz ? ".ftz" : "") + (nan ? ".NaN" : "") + (xorsign ? ".xorsign.abs" : "");
  add<Extreme16<F, false, ftz, nan, xorsign>>(rows, "min" + t, type);
  add<Extreme16<F, true, ftz, nan, xorsign>>(rows, "max" + t, type);
}

template <class F, bool ftz> void addOthers(std::vector<Row> &rows, const std::string &type) {
  std::string t = ftz ? ".ftz" : "";
  add<Abs16<F, ftz>>(rows, "abs" + t, type);
  add<Neg16<F, ftz>>(rows, "neg" + t, type);
  addExtrema<F, ftz, false, false>(rows, type);
  addExtrema<F, ftz, true, false>(rows, type);
  addExtrema<F, ftz, false, true>(rows, type);
  addExtrema<F, ftz, true, true>(rows, type);
}

} // namespace

void addHalfRows(std::vector<Row> &rows) {
  addSums<Half, false, false>(rows, "f16");
  addSums<Half, true, false>(rows, "f16");
  addSums<Half, false, true>(rows, "f16");
  addSums<Half, true, true>(rows, "f16");
  addOthers<Half, false>(rows, "f16");
  addOthers<Half, true>(rows, "f16");
  addSums<Brain, false, false>(rows, "bf16");
  addOthers<Brain, false>(rows, "bf16");
  add<Ex2Half<Half, false>>(rows, "ex2.approx", "f16", false, Pipe::transcendental);
  add<Ex2Half<Brain, true>>(rows, "ex2.approx.ftz", "bf16", false, Pipe::transcendental);
  add<TanhHalf<Half>>(rows, "tanh.approx", "f16", false, Pipe::transcendental);
  add<TanhHalf<Brain>>(rows, "tanh.approx", "bf16", false, Pipe::transcendental);
}

} // namespace tegula::ptx
