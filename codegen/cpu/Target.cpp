//===- Target.cpp - processors by name ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Isa.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"

#include <algorithm>

using namespace llvm;

namespace tegula::cpu {

/// "+a,+b,-c", sorted: the string is part of cache keys.
static std::string joinFeatures(std::vector<std::string> features) {
  std::sort(features.begin(), features.end(),
            [](const std::string &a, const std::string &b) { return a.substr(1) < b.substr(1); });
  std::string joined;
  for (const std::string &feature : features)
    joined += (joined.empty() ? "" : ",") + feature;
  return joined;
}

static Isa readIsa(const Target &target) {
  SmallVector<StringRef, 128> list;
  StringRef(target.features).split(list, ',');
  auto has = [&](StringRef name) {
    return std::any_of(list.begin(), list.end(),
                       [&](StringRef f) { return f.starts_with("+") && f.drop_front() == name; });
  };
  Isa isa;
  isa.x86 = Triple(target.triple).isX86();
  if (!isa.x86) {
    isa.sse41 = isa.fma = isa.f16 = true; // every AArch64
    return isa;
  }
  isa.sse41 = has("sse4.1");
  isa.fma = has("fma");
  isa.f16 = has("f16c");
  isa.avx2 = has("avx2");
  isa.avx512 = has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl");
  return isa;
}

const Isa &isaOf(const Target &target) {
  thread_local std::string lastTriple, lastFeatures;
  thread_local Isa last;
  if (lastTriple.empty() || lastFeatures != target.features || lastTriple != target.triple) {
    last = readIsa(target);
    lastFeatures = target.features, lastTriple = target.triple;
  }
  return last;
}

static void setVectorBits(Target &target) {
  const Isa &isa = isaOf(target);
  target.vectorBits = isa.avx512 ? 512 : isa.avx2 ? 256 : 128;
}

static Target host() {
  Target target;
  target.triple = sys::getProcessTriple();
  target.cpu = sys::getHostCPUName().str();
  std::vector<std::string> features;
  for (const auto &feature : sys::getHostCPUFeatures())
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  target.features = joinFeatures(std::move(features));
  target.isHost = true;
  setVectorBits(target);
  return target;
}

Target targetNamed(const std::string &arch) {
  if (arch == "native") {
    static const Target target = host();
    return target;
  }
  Target target;
  if (arch == "aarch64") {
    target.triple = "aarch64-unknown-linux-gnu";
    target.cpu = "generic";
    target.features = "+fp-armv8,+neon";
  } else if (arch == "x86-64" || arch == "x86-64-v2" || arch == "x86-64-v3" || arch == "x86-64-v4") {
    target.triple = "x86_64-unknown-linux-gnu";
    target.cpu = arch;
    SmallVector<StringRef, 64> names;
    X86::getFeaturesForCPU(arch, names);
    StringMap<bool> all;
    for (StringRef name : names) {
      all[name] = true;
      X86::updateImpliedFeatures(name, true, all);
    }
    std::vector<std::string> features;
    for (const auto &feature : all)
      features.push_back("+" + feature.first().str());
    target.features = joinFeatures(std::move(features));
  } else {
    throw Error(Diag::codegen_unknown_arch, {arch});
  }
  setVectorBits(target);
  return target;
}

} // namespace tegula::cpu
