//===- Image.h - what a program gives as code: PTX, fat binaries, cubins that carry PTX ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The emulated GPU runs PTX only. A cubin made by the front for ptxas (Ptxas.cpp) is the one that the real tool made, or
// an empty one, with two sections more: `.tegula.ptx`, the text, and `.tegula.info`, a line for each kernel with what
// the real tool said of it: "name registers stack-bytes".

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tegula::cuda {

struct KernelInfo {
  int registers = 0, localBytes = 0;
};

struct Image {
  std::string ptx;
  std::map<std::string, KernelInfo> info; ///< of those kernels that the real ptxas has seen
};

/// Finds the PTX in an image for an architecture. `size` 0: not known, as cuModuleLoadData has it. Throws tegula::Error.
Image readImage(const void *data, size_t size, int sm);

/// A cubin that carries PTX: `cubin` with the sections appended, or a new one where it is empty.
std::string packImage(const Image &image, std::string_view cubin, int sm);

/// One text from several, as a linker makes it: declarations of what another text defines go, names that are private to
/// a text are made different from those of the others. Throws tegula::Error for names that two texts define.
std::string linkTexts(const std::vector<std::string> &texts);

/// The bytes of an ELF file that begins at `data`, from its headers.
size_t elfSize(const uint8_t *data);

} // namespace tegula::cuda
