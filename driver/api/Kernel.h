//===- Kernel.h - compiled kernels of each device ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Job.h"

namespace tegula::api {

/// What is kept of a kernel for the CPU, in memory and on disk.
struct Image {
  std::string entry, object;
  int64_t scratchBytes = 0;
  std::optional<std::vector<int>> written;
};
std::string writeImage(const Image &image);
/// nullopt: these are not the bytes of an image.
std::optional<Image> readImage(std::string_view bytes);

/// `job.function` is replaced by a frozen copy, for the stages that are made when asked for.
std::shared_ptr<CompiledKernel> makeCpuKernel(Job job, Image image,
                                              std::vector<lang::Dependency> dependencies, StageTimes times,
                                              bool cacheHit);

/// Lowers and returns a kernel for the interpreter of tile IR.
std::shared_ptr<CompiledKernel> makeReferenceKernel(Job job,
                                                    const std::function<void(const std::string &)> &print);

} // namespace tegula::api
