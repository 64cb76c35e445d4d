//===- SelectFloat.cpp - the rows of f32 and f64 instructions ---===//
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

struct Adder {
  std::vector<Row> &rows;
  /// Rounded in any direction; a sum or a product to nearest where none is written.
  template <class Op> void round(const std::string &key, Pipe pipe) {
    std::string opcode = key.substr(0, key.find('.'));
    bool needed = opcode != "add" && opcode != "sub" && opcode != "mul";
    rows.push_back({key, lanewise<Op>, pipe, rounded<Op>, true, needed});
  }
  template <class Op> void add(const std::string &key, Pipe pipe = Pipe::alu) {
    rows.push_back({key, lanewise<Op>, pipe, nullptr, false, false});
  }
};

template <bool ftz, bool sat> void addSums(Adder a) {
  std::string t = std::string(ftz ? ".ftz" : "") + (sat ? ".sat" : "") + ".f32";
  a.round<AddF32<ftz, sat>>("add" + t, Pipe::fma);
  a.round<SubF32<ftz, sat>>("sub" + t, Pipe::fma);
  a.round<MulF32<ftz, sat>>("mul" + t, Pipe::fma);
  a.round<FmaF32<ftz, sat>>("fma" + t, Pipe::fma);
  a.round<FmaF32<ftz, sat>>("mad" + t, Pipe::fma);
}

template <bool ftz, bool nan, bool xorsign> void addExtrema(Adder a) {
  std::string t =
      std::string(ftz ? ".ftz" : "") + (nan ? ".NaN" : "") + (xorsign ? ".xorsign.abs" : "") + ".f32";
  a.add<ExtremeF32<false, ftz, nan, xorsign>>("min" + t);
  a.add<ExtremeF32<true, ftz, nan, xorsign>>("max" + t);
}

template <bool ftz> void addOthers(Adder a) {
  std::string t = std::string(ftz ? ".ftz" : "") + ".f32";
  a.round<DivF32<ftz>>("div" + t, Pipe::fma);
  a.round<RcpF32<ftz>>("rcp" + t, Pipe::fma);
  a.round<SqrtF32<ftz>>("sqrt" + t, Pipe::fma);
  a.add<DivF32<ftz>>("div.full" + t, Pipe::fma);
  a.add<DivApproxF32<ftz>>("div.approx" + t, Pipe::transcendental);
  a.add<RcpF32<ftz>>("rcp.approx" + t, Pipe::transcendental);
  a.add<SqrtF32<ftz>>("sqrt.approx" + t, Pipe::transcendental);
  a.add<RsqrtF32<ftz>>("rsqrt.approx" + t, Pipe::transcendental);
  a.add<Ex2F32<ftz>>("ex2.approx" + t, Pipe::transcendental);
  a.add<Lg2F32<ftz>>("lg2.approx" + t, Pipe::transcendental);
  a.add<SinF32<ftz>>("sin.approx" + t, Pipe::transcendental);
  a.add<CosF32<ftz>>("cos.approx" + t, Pipe::transcendental);
  a.add<AbsF32<ftz>>("abs" + t);
  a.add<NegF32<ftz>>("neg" + t);
}

} // namespace

void addFloatRows(std::vector<Row> &rows) {
  Adder a{rows};
  addSums<false, false>(a);
  addSums<true, false>(a);
  addSums<false, true>(a);
  addSums<true, true>(a);
  addExtrema<false, false, false>(a);
  addExtrema<true, false, false>(a);
  addExtrema<false, true, false>(a);
  addExtrema<true, true, false>(a);
  addExtrema<false, false, true>(a);
  addExtrema<true, false, true>(a);
  addExtrema<false, true, true>(a);
  addExtrema<true, true, true>(a);
  addOthers<false>(a);
  addOthers<true>(a);
  a.add<TanhF32>("tanh.approx.f32", Pipe::transcendental);
  a.add<Copysign<uint32_t>>("copysign.f32");
  a.add<Copysign<uint64_t>>("copysign.f64");

  a.round<AddF64<double>>("add.f64", Pipe::fp64);
  a.round<SubF64<double>>("sub.f64", Pipe::fp64);
  a.round<MulF64<double>>("mul.f64", Pipe::fp64);
  a.round<FmaF64>("fma.f64", Pipe::fp64);
  a.round<FmaF64>("mad.f64", Pipe::fp64);
  a.round<DivF64>("div.f64", Pipe::fp64);
  a.round<RcpF64>("rcp.f64", Pipe::fp64);
  a.round<SqrtF64>("sqrt.f64", Pipe::fp64);
  a.add<RcpApproxF64>("rcp.approx.ftz.f64", Pipe::transcendental);
  a.add<RsqrtF64<false>>("rsqrt.approx.f64", Pipe::transcendental);
  a.add<RsqrtF64<true>>("rsqrt.approx.ftz.f64", Pipe::transcendental);
  a.add<AbsF64>("abs.f64", Pipe::fp64);
  a.add<NegF64>("neg.f64", Pipe::fp64);
  a.add<ExtremeF64<false>>("min.f64", Pipe::fp64);
  a.add<ExtremeF64<true>>("max.f64", Pipe::fp64);
}

} // namespace tegula::ptx
