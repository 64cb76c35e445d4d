//===- ImageKernel.cpp - what kernels of machine code have in common ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Dependencies.h"
#include "driver/api/Kernel.h"

namespace tegula::api {

ImageKernel::ImageKernel(Job theJob, Built built, bool hit)
    : job(std::move(theJob)), image(std::move(built.image)) {
  job.owned = frozen(*job.function, built.dependencies);
  job.function = job.owned.get();
  dependencies = std::move(built.dependencies);
  times = std::move(built.times);
  cacheHit = hit;
  meta.name = job.name();
  meta.target = job.target;
  meta.options = job.options;
  meta.hash = job.hash;
  meta.scratchBytes = image.scratchBytes;
  meta.shared = image.sharedBytes;
  meta.numArguments = int(runtimeArguments(job.arguments).size());
  meta.writtenArguments = image.written;
}

const std::string &ImageKernel::stage(const std::string &name) {
  Stage which = stageNamed(job, image, name);
  if (auto at = image.kept.find(which); at != image.kept.end())
    return at->second;
  std::lock_guard lock(mutex);
  auto at = texts.find(which);
  if (at == texts.end())
    at = texts.emplace(which, makeStage(job, which)).first;
  return at->second;
}

} // namespace tegula::api
