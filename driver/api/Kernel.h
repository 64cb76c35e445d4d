//===- Kernel.h - compiled kernels of each backend ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Stages.h"

#include <mutex>

namespace tegula::api {

/// A kernel that is an image: its stages are kept or made anew.
class ImageKernel : public CompiledKernel {
public:
  ImageKernel(Job job, Built built, bool cacheHit);

  std::vector<std::string> stageNames() const override { return api::stageNames(job, image); }
  const std::string &stage(const std::string &name) override;

protected:
  Job job; ///< its function is a frozen copy
  Image image;
  std::mutex mutex; ///< of loading and of `texts`

private:
  std::map<Stage, std::string> texts;
};

// Backend::load of each.
std::shared_ptr<CompiledKernel> makeCpuKernel(Job job, Built built, bool cacheHit);
std::shared_ptr<CompiledKernel> makeGpuKernel(Job job, Built built, bool cacheHit);
std::shared_ptr<CompiledKernel> makeReferenceKernel(Job job, Built built, bool cacheHit);

} // namespace tegula::api
