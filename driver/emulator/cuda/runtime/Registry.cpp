//===- Registry.cpp - the code that a program brings along, contexts and errors ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// nvcc makes every program register its fat binaries, kernels and variables before main. Nothing is loaded then: a fat
// binary is when something of it is used first, or, for managed variables, at the first call that needs a context.

#include "driver/emulator/cuda/runtime/Runtime.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace tegula::cudart {

namespace {

struct Binary {
  const void *image = nullptr;
  bool loaded = false;
  cudaError_t error = cudaSuccess; ///< of loading
  CUlibrary library = nullptr;
  struct Managed {
    void **host;
    std::string name;
  };
  std::vector<Managed> managed;
};

struct Symbol {
  Binary *binary = nullptr;
  std::string name;
};

struct State {
  std::recursive_mutex mutex;
  std::vector<std::unique_ptr<Binary>> binaries;
  std::map<const void *, Symbol> kernels, variables;
  bool managedPending = false;
};
State &state() {
  static State &it = *new State;
  return it;
}

std::atomic<unsigned> epoch{1}; ///< of the primary context

struct Thread {
  cudaError_t last = cudaSuccess;
  unsigned epoch = 0;
  bool perThread = false;
  struct Configuration {
    dim3 grid, block;
    size_t shared;
    CUstream stream;
  };
  std::vector<Configuration> configurations;
};
Thread &thread() {
  static thread_local auto *it = new Thread;
  return *it;
}

cudaError_t load(Binary &b) {
  if (b.loaded)
    return b.error;
  b.loaded = true;
  return b.error = cuLibraryLoadData(&b.library, b.image, nullptr, nullptr, 0, nullptr, nullptr, 0);
}

/// The host side of a managed variable is a pointer to it.
void bindManaged() {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (!s.managedPending)
    return;
  s.managedPending = false;
  for (auto &b : s.binaries)
    for (const Binary::Managed &m : b->managed) {
      CUdeviceptr address = 0;
      size_t bytes = 0;
      if (!load(*b) && !cuLibraryGetManaged(&address, &bytes, b->library, m.name.c_str()))
        *m.host = reinterpret_cast<void *>(address);
    }
}

} // namespace

// --- Contexts and errors

cudaError_t leave(cudaError_t code) {
  if (code != cudaSuccess && code != cudaErrorNotReady)
    thread().last = code;
  return code;
}

cudaError_t prepare() {
  Thread &t = thread();
  unsigned now = epoch.load();
  if (t.epoch == now) {
    CUcontext current = nullptr;
    if (!cuCtxGetCurrent(&current) && current)
      return cudaSuccess;
  }
  cudaError_t bad = cuInit(0);
  CUcontext current = nullptr;
  if (!bad)
    bad = cuCtxGetCurrent(&current);
  if (!bad && !current) {
    bad = cuDevicePrimaryCtxRetain(&current, 0);
    if (!bad)
      bad = cuCtxSetCurrent(current);
  }
  if (bad)
    return leave(bad);
  t.epoch = now;
  bindManaged();
  return cudaSuccess;
}

void forgetContext() {
  epoch++;
  cuCtxSetCurrent(nullptr);
}

PerThread::PerThread() : before(thread().perThread) { thread().perThread = true; }
PerThread::~PerThread() { thread().perThread = before; }
CUstream S(CUstream stream) {
  return !stream && thread().perThread ? reinterpret_cast<CUstream>(perThreadStreamHandle) : stream;
}

CUDART_EXPORT cudaGetLastError() {
  cudaError_t last = thread().last;
  thread().last = cudaSuccess;
  return last;
}
CUDART_EXPORT cudaPeekAtLastError() { return thread().last; }

extern "C" __attribute__((visibility("default"))) const char *cudaGetErrorName(cudaError_t code) {
  switch (code) {
#define RESULT(name, value)                                                                                  \
  case value: return #name;
#define OWN_RESULT(name, value, text) RESULT(name, value)
#include "driver/emulator/cuda/runtime/RuntimeResults.def"
#undef RESULT
#undef OWN_RESULT
  default: return "unrecognized error code";
  }
}

extern "C" __attribute__((visibility("default"))) const char *cudaGetErrorString(cudaError_t code) {
  const char *text = nullptr;
  switch (code) {
#define RESULT(name, value)
#define OWN_RESULT(name, value, text)                                                                        \
  case value: return text;
#include "driver/emulator/cuda/runtime/RuntimeResults.def"
#undef RESULT
#undef OWN_RESULT
  default: return cuGetErrorString(code, &text) ? "unrecognized error code" : text;
  }
}

// --- What is used by its host address

cudaError_t kernelOf(const void *host, CUkernel &kernel) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  auto it = s.kernels.find(host);
  if (it == s.kernels.end()) {
    kernel =
        const_cast<CUkernel>(static_cast<const cuda::Function *>(host)); // a cudaKernel_t, or nothing of ours
    const char *name = nullptr;
    return cuFuncGetName(&name, kernel) ? cudaErrorInvalidDeviceFunction : cudaSuccess;
  }
  if (cudaError_t bad = load(*it->second.binary))
    return bad;
  int bad = cuLibraryGetKernel(&kernel, it->second.binary->library, it->second.name.c_str());
  return bad == cudaErrorSymbolNotFound ? cudaErrorInvalidDeviceFunction : bad;
}

cudaError_t variableOf(const void *host, CUdeviceptr &address, size_t &bytes) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  auto it = s.variables.find(host);
  if (it == s.variables.end())
    return cudaErrorInvalidSymbol;
  if (cudaError_t bad = load(*it->second.binary))
    return bad;
  int bad = cuLibraryGetGlobal(&address, &bytes, it->second.binary->library, it->second.name.c_str());
  return bad == cudaErrorSymbolNotFound ? cudaErrorInvalidSymbol : bad;
}

// --- What nvcc's code calls

#define CUDART_HIDDEN extern "C" __attribute__((visibility("default")))

CUDART_HIDDEN void **__cudaRegisterFatBinary(void *image) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  s.binaries.push_back(std::make_unique<Binary>());
  s.binaries.back()->image = image;
  return reinterpret_cast<void **>(s.binaries.back().get());
}
CUDART_HIDDEN void __cudaRegisterFatBinaryEnd(void **) {}
CUDART_HIDDEN void __cudaUnregisterFatBinary(void **handle) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  auto *b = reinterpret_cast<Binary *>(handle);
  auto ofBinary = [&](auto &entry) { return entry.second.binary == b; };
  std::erase_if(s.kernels, ofBinary);
  std::erase_if(s.variables, ofBinary);
  if (b->library)
    cuLibraryUnload(b->library);
  std::erase_if(s.binaries, [&](auto &p) { return p.get() == b; });
}
CUDART_HIDDEN void __cudaRegisterFunction(void **handle, const char *host, char *, const char *name, int,
                                          void *, void *, void *, void *, int *) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  s.kernels[host] = {reinterpret_cast<Binary *>(handle), name};
}
CUDART_HIDDEN void __cudaRegisterVar(void **handle, char *host, char *, const char *name, int, size_t, int,
                                     int) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  s.variables[host] = {reinterpret_cast<Binary *>(handle), name};
}
CUDART_HIDDEN void __cudaRegisterManagedVar(void **handle, void **host, char *, const char *name, int, size_t,
                                            int, int) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  auto *b = reinterpret_cast<Binary *>(handle);
  b->managed.push_back({host, name});
  s.variables[host] = {b, name};
  s.managedPending = true;
  epoch++; // so that each thread's next call comes by
}
/// Code that reads a managed variable calls this first.
CUDART_HIDDEN char __cudaInitModule(void **) { return prepare() == cudaSuccess; }

CUDART_HIDDEN unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, CUstream stream) {
  thread().configurations.push_back({grid, block, shared, stream});
  return 0;
}
CUDART_EXPORT __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream) {
  auto &stack = thread().configurations;
  if (stack.empty())
    return leave(cudaErrorMissingConfiguration);
  *grid = stack.back().grid;
  *block = stack.back().block;
  *shared = stack.back().shared;
  *static_cast<CUstream *>(stream) = stack.back().stream;
  stack.pop_back();
  return cudaSuccess;
}

} // namespace tegula::cudart
