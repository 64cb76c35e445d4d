//===- Api.h - compile, load, launch: the one C++ interface ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Python's bindings, the command line and C++ programs all come in here. Thread-safe throughout.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/diag/Diagnostic.h"
#include "lang/Lang.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tegula::api {

/// ("cpu", "native" | "x86-64-v3" | "aarch64" ..., 1); ("reference", "", 1); ("cuda", "80", 32); ("hip", "gfx942", 64).
struct Target {
  std::string backend = "cpu";
  std::string arch = "native";
  int warpSize = 1;
};

struct CompileOptions {
  int numWarps = 4;
  int numStages = 3;
  int maxRegisters = 0; ///< GPUs: of a thread; 0: as many as the architecture has
  bool assemble = true; ///< GPUs: false: stop at PTX, all that an emulated device needs
  bool debug = false;
  bool fpFusion = true;
  bool disjoint = false; ///< every written pointer argument overlaps no other: a fact of the launch
  bool pull = true;      ///< false: the CPU's oracle form
};

/// Where the time of one compile went: (stage name, microseconds), in order.
using StageTimes = std::vector<std::pair<std::string, double>>;

struct Metadata {
  std::string name;
  Target target;
  CompileOptions options;
  std::string hash;      ///< cache key, hexadecimal
  int64_t shared = 0;    ///< GPU: bytes of dynamic shared memory of a block
  int registers = -1;    ///< GPU: of a thread; -1: not assembled
  int spills = -1;       ///< GPU: 4-byte words that a thread spills; -1: not assembled
  std::string assembler; ///< GPU: "nvjitlink 13.0", "ptxas ..."; empty: none was there, the driver gets PTX
  int64_t scratchBytes = 0; ///< CPU: of one worker thread
  int numArguments = 0;     ///< run-time arguments
  /// Run-time pointer arguments that the kernel may write through, by their number; nullopt: not known, any of them.
  std::optional<std::vector<int>> writtenArguments;
};

struct Device;

/// The bytes that a pointer argument leads to, for the bounds checks of emulated devices.
struct ArgumentRange {
  uint64_t low, high;
  uint32_t argument; ///< run-time argument
};

/// One launch of a kernel.
struct Launch {
  std::array<int64_t, 3> grid{1, 1, 1};
  const uint64_t *slots = nullptr; ///< one of 8 bytes per run-time argument, as cpu::Launch says
  const Device *device = nullptr;  ///< null: the device of the kernel's target, where it is the only one
  uint64_t stream = 0;             ///< GPU: a CUstream; 0: the default one
  bool cooperative = false;        ///< GPU: all programs run at once, or none
  const ArgumentRange *ranges = nullptr;
  size_t rangeCount = 0;
};

/// A compiled kernel, loaded on first launch. Its stages by name are those of Stages.h. Text stages that compile() did
/// not need are made when asked for.
class CompiledKernel {
public:
  virtual ~CompiledKernel() = default;
  const Metadata &metadata() const { return meta; }
  virtual std::vector<std::string> stageNames() const = 0;
  /// Throws Error for an unknown name.
  virtual const std::string &stage(const std::string &name) = 0;
  /// Runs the grid and returns when it is done; on a GPU, when it is in its stream. May be called from several threads
  /// at once. Throws Error (device_assert, interrupt, ...).
  virtual void launch(const Launch &launch) = 0;
  void launch(std::array<int64_t, 3> grid, const uint64_t *slots) {
    launch(Launch{.grid = grid, .slots = slots});
  }
  /// Does what the first launch on a device would have to do first (loading machine code). Throws Error.
  virtual void prepare(const Device &device) {}
  /// GPUs: fills in Metadata::registers and spills where compiling stopped at PTX, if there is an assembler. Throws Error.
  virtual void measure() {}
  /// Nanoseconds that a launch of so many programs would take on one thread, judged by the launches so far; negative:
  /// not known. Cheap: for deciding whether to let go of a lock (Python's GIL) around a launch.
  virtual double expectedNs(int64_t programs) const { return -1; }

  StageTimes times; ///< empty stages when it came from the cache
  bool cacheHit = false;
  std::vector<lang::Dependency> dependencies; ///< names this specialisation took from outside

protected:
  Metadata meta;
};

struct Request {
  const lang::JitFunction *function = nullptr;
  std::vector<lang::Argument> arguments;
  Target target;
  CompileOptions options;
};

/// Compiles, or takes from memory or the disk cache. One compile at a time for a key; others wait for it. It calls the
/// resolvers of the request's functions, from this thread and without locks of its own: the caller must not hold a lock
/// that they take (Python's GIL: let go of it first), as another thread may hold it and wait for this compile.
/// The request is copied; the kernel stays valid without it.
std::shared_ptr<CompiledKernel> compile(const Request &request);

/// Whether the content of a stage is bytes and no text.
bool isBinaryStage(const std::string &name);

/// Called from launching threads every ~50 ms of a long grid; returns true to stop it (Python: pending signals).
void setInterruptCheck(bool (*check)());

/// Takes what kernels print (device_print, whole lines, between two parts of a grid or at its end) and static_print.
/// Called on the thread that launches or compiles, no other, so it may take a lock which that thread's caller let go of.
/// Null: standard output.
void setPrintSink(void (*sink)(const char *text, size_t size));

/// Every function of the language, for stubs and documentation: a JSON array of {"name" (dotted, under tl), "signature",
/// "doc", "isMethod" (of tensors), "supported"}.
std::string languageSignatures();

/// Number of worker threads of the CPU device (TEGULA_NUM_THREADS, else the processors this process may use).
int numThreads();

} // namespace tegula::api
