//===- Assembler.h - machine code of PTX ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// NVIDIA's assembler is found in one of two forms:
//
//     libnvJitLink.so   in this process: some 10 ms for a small kernel       (PyPI's nvidia-nvjitlink, the toolkit)
//     ptxas             a process of its own: some 35 ms                     (PyPI's nvidia-cuda-nvcc, the toolkit, PATH)
//
// Without either kernels go to the driver as PTX, which has an assembler of its own. TEGULA_ASSEMBLER chooses: nvjitlink,
// ptxas, none, or the path of one.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/ForkSafe.h"

#include <memory>
#include <string>
#include <vector>

namespace tegula::cuda {

struct Assembled {
  std::string cubin;
  int registers = -1; ///< of a thread
  int spills = -1;    ///< 4-byte words that a thread stores for want of registers
};

/// What an assembler is told of a kernel.
struct AssemblyRequest {
  const std::string &ptx;
  std::string arch; ///< "sm_80"
  bool lineInfo = true;
  std::string kernel; ///< for errors
};

class Assembler {
public:
  virtual ~Assembler() = default;
  const std::string &name() const { return shownName; } ///< "nvjitlink" or "ptxas"
  const std::string &path() const { return file; }
  /// Differs between any two that may make different code of one text: name, path, size and time of the file.
  const std::string &identity() const { return key; }

  /// From any thread. Throws Error: assembler_resources, assembler_too_old, assembler_refused (Internal),
  /// assembler_unusable (the tool itself cannot be run: another may do).
  virtual Assembled assemble(const AssemblyRequest &request) const = 0;

protected:
  Assembler(std::string name, std::string path);

private:
  std::string shownName, file, key;
};

/// The first that is found, by the setting, looking into `packageFolders` of Python too. Looks at files only, loads and
/// runs nothing; remembered until a setting changes. Null: there is none, or none is wanted. Throws Error
/// (assembler_missing) when the setting names one that is not there.
std::shared_ptr<const Assembler> findAssembler();
/// The next to try after `broken` could not be run; null: none.
std::shared_ptr<const Assembler> findAssemblerAfter(const Assembler &broken);

/// Where packages of an interpreter lie (site-packages); called at most once, without locks.
void setPackageFolders(std::vector<std::string> (*folders)());

// For the two forms.

/// Of what is remembered about assemblers.
ForkSafeMutex &assemblerMutex();

std::shared_ptr<const Assembler> makeNvJitLink(const std::string &path);
std::shared_ptr<const Assembler> makePtxas(const std::string &path);
/// Fills what the assembler's own text ("-v") says of registers and spills.
void readStatistics(const std::string &log, Assembled &result);
/// What an assembler that refused a text has to say, as an Error.
[[noreturn]] void failRefused(const Assembler &assembler, const AssemblyRequest &request,
                              const std::string &log);

} // namespace tegula::cuda
