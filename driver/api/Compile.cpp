//===- Compile.cpp - from a request to a kernel: memory, disk, compiler ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//     request ─▶ key ─▶ in memory? ─▶ (one thread a key) on disk? ─▶ lang, passes, codegen ─▶ disk, memory
//
// In memory and on disk a key leads to a list of variants, which differ in the values of globals (Dependencies.h).
//

#include "driver/api/Cache.h"
#include "driver/api/Dependencies.h"
#include "driver/api/Flights.h"
#include "driver/api/Kernel.h"
#include "driver/api/Stages.h"
#include "driver/cpu/Grid.h"
#include "driver/cpu/Pool.h"
#include "lang/lower/builtins/Signatures.h"

#include <algorithm>
#include <map>

namespace tegula::api {

using KernelPointer = std::shared_ptr<CompiledKernel>;

//===----------------------------------------------------------------------===//
// Kernels in memory
//===----------------------------------------------------------------------===//

namespace {

/// A kernel lives as long as somebody uses it; this table only finds it.
struct Variant {
  std::vector<DependencyKey> dependencies;
  std::weak_ptr<CompiledKernel> kernel;
};

struct Table {
  ForkSafeMutex mutex;
  std::map<Digest, std::vector<Variant>> variants;
  Flights<Digest, CompiledKernel> flights;
};

Table &table() {
  static Table &it = *new Table;
  return it;
}

KernelPointer findInMemory(const Job &job) {
  std::vector<Variant> variants;
  {
    std::lock_guard lock(table().mutex);
    auto at = table().variants.find(job.key);
    if (at == table().variants.end())
      return nullptr;
    std::erase_if(at->second, [](const Variant &variant) { return variant.kernel.expired(); });
    variants = at->second;
  }
  // Without the lock: resolvers may wait for another's.
  for (const Variant &variant : variants)
    if (KernelPointer kernel = variant.kernel.lock())
      if (match(variant.dependencies, job.resolvers, job.placed()))
        return kernel;
  return nullptr;
}

void keepInMemory(const Job &job, std::vector<DependencyKey> dependencies, const KernelPointer &kernel) {
  std::lock_guard lock(table().mutex);
  table().variants[job.key].push_back({std::move(dependencies), kernel});
}

//===----------------------------------------------------------------------===//
// Kernels on disk
//===----------------------------------------------------------------------===//

struct StoredVariant {
  std::vector<DependencyKey> dependencies;
  Digest image;
};

/// A kernel whose global changes with every run must not grow its list for ever.
constexpr size_t mostVariants = 32;

std::string writeVariants(const std::vector<StoredVariant> &variants) {
  ByteWriter out;
  out.pod(uint64_t(variants.size()));
  for (const StoredVariant &variant : variants) {
    out.pod(uint64_t(variant.dependencies.size()));
    for (const DependencyKey &key : variant.dependencies) {
      out.pod(key.resolver);
      out.text(key.name);
      out.pod(key.value);
    }
    out.pod(variant.image);
  }
  return std::move(out.bytes);
}

std::vector<StoredVariant> readVariants(const Job &job) {
  auto bytes = readEntry(job.key, EntryKind::Variants);
  if (!bytes)
    return {};
  ByteReader in(*bytes);
  std::vector<StoredVariant> variants;
  for (uint64_t i = 0, count = in.pod<uint64_t>(); i < count && in.ok; ++i) {
    StoredVariant variant;
    for (uint64_t j = 0, keys = in.pod<uint64_t>(); j < keys && in.ok; ++j) {
      DependencyKey key;
      key.resolver = in.pod<uint32_t>();
      key.name = in.text();
      key.value = in.pod<Digest>();
      variant.dependencies.push_back(std::move(key));
    }
    variant.image = in.pod<Digest>();
    variants.push_back(std::move(variant));
  }
  if (!in.ok || !in.atEnd())
    return {};
  return variants;
}

/// Replaced stages are edited between runs, and no digest of theirs is in the key.
bool usesDisk(const Job &job) { return job.backend->onDisk && job.settings.overrideDir.empty(); }

KernelPointer findOnDisk(const Job &job) {
  if (!usesDisk(job) || job.settings.alwaysCompile)
    return nullptr;
  for (StoredVariant &variant : readVariants(job)) {
    auto dependencies = match(variant.dependencies, job.resolvers, job.placed());
    if (!dependencies)
      continue;
    auto bytes = readEntry(variant.image, EntryKind::Kernel);
    auto image = bytes ? readImage(*bytes) : std::nullopt;
    if (!image)
      continue;
    Built built{std::move(*image), std::nullopt, std::move(*dependencies), {}};
    auto kernel = job.backend->load(job, std::move(built), true);
    keepInMemory(job, std::move(variant.dependencies), kernel);
    return kernel;
  }
  return nullptr;
}

void keepOnDisk(const Job &job, const std::vector<DependencyKey> &dependencies, const Image &image) {
  ByteWriter material;
  material.pod(job.key);
  material.text(writeVariants({{dependencies, {}}}));
  Digest name = digestOf(material.bytes);
  // The kernel before the list that leads to it.
  if (!writeEntry(name, EntryKind::Kernel, writeImage(image)))
    return;
  auto variants = readVariants(job);
  std::erase_if(variants, [&](const StoredVariant &variant) { return variant.dependencies == dependencies; });
  variants.insert(variants.begin(), {dependencies, name});
  variants.resize(std::min(variants.size(), mostVariants));
  writeEntry(job.key, EntryKind::Variants, writeVariants(variants));
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

void printLine(const std::string &text) { cpu::writeOut(text.ends_with('\n') ? text : text + "\n"); }

KernelPointer compileAnew(const Job &job) {
  Built built = build(job, printLine);
  auto keys = describe(built.dependencies, job.resolvers, job.placed());
  if (keys && usesDisk(job))
    keepOnDisk(job, *keys, built.image);
  KernelPointer kernel = job.backend->load(job, std::move(built), false);
  if (keys)
    keepInMemory(job, std::move(*keys), kernel);
  return kernel;
}

} // namespace

std::shared_ptr<CompiledKernel> compile(const Request &request) {
  Job job = makeJob(request);
  return table().flights.get(
      job.key, [&] { return findInMemory(job); },
      [&] {
        KernelPointer kernel = findOnDisk(job);
        if (!kernel)
          kernel = compileAnew(job);
        dumpStages(job, *kernel);
        return kernel;
      });
}

void setInterruptCheck(bool (*check)()) { cpu::setInterruptCheck(check); }
void setPrintSink(void (*sink)(const char *text, size_t size)) { cpu::setPrintSink(sink); }
int numThreads() { return cpu::numThreads(); }
std::string languageSignatures() { return lang::builtinSignaturesJson(); }

} // namespace tegula::api
