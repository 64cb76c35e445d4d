//===- Image.h - what is kept of a compiled kernel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tegula::api {

enum class Stage : uint8_t { Tile, LaidOut, TargetReady, Llir, Asm, Obj, Ptx, Cubin, count };

/// How the content of a stage is held while compiling.
enum class Form : uint8_t { TileIr, LlvmIr, Text, Bytes };

const char *stageName(Stage stage);
Form formOf(Stage stage);

/// What is kept of a kernel, in memory and on disk.
struct Image {
  std::string entry;
  std::map<Stage, std::string> kept;       ///< "obj"; "ptx" and "cubin"
  int64_t scratchBytes = 0;                ///< CPU: of one worker thread
  int64_t sharedBytes = 0;                 ///< GPU: dynamic shared memory of a block
  int32_t numWarps = 0;                    ///< GPU
  int32_t registers = -1;                  ///< GPU: of a thread, as the assembler says; -1: not assembled
  int32_t spills = -1;                     ///< GPU: 4-byte words that a thread stores for want of registers
  std::optional<std::vector<int>> written; ///< Metadata::writtenArguments
};

std::string writeImage(const Image &image);
/// nullopt: these are not the bytes of an image.
std::optional<Image> readImage(std::string_view bytes);

} // namespace tegula::api
