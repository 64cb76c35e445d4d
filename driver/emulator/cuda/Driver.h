//===- Driver.h - the state of the emulated driver: device, contexts, streams, memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// One device, whose memory is the host's: a device address is a host address. Everything here lives until the process
// ends, because worker threads and exit handlers of a program may call in at any time.

#pragma once

#include "driver/emulator/cuda/Api.h"
#include "driver/emulator/ptx/Emulator.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace tegula::cuda {

/// The live objects of a kind: handles are their addresses, and any handle is looked up before it is followed.
template <typename T> class Registry {
public:
  T *add(std::shared_ptr<T> object) {
    std::lock_guard lock(mutex);
    T *handle = object.get();
    live.emplace(handle, std::move(object));
    return handle;
  }
  /// Null for what is no live handle.
  std::shared_ptr<T> find(T *handle) const {
    std::lock_guard lock(mutex);
    auto it = live.find(handle);
    return it == live.end() ? nullptr : it->second;
  }
  std::shared_ptr<T> get(T *handle, CUresult otherwise = CUDA_ERROR_INVALID_HANDLE) const {
    auto object = find(handle);
    if (!object)
      fail(otherwise);
    return object;
  }
  std::shared_ptr<T> remove(T *handle, CUresult otherwise = CUDA_ERROR_INVALID_HANDLE) {
    std::lock_guard lock(mutex);
    auto it = live.find(handle);
    if (it == live.end())
      fail(otherwise);
    auto object = std::move(it->second);
    live.erase(it);
    return object;
  }
  std::vector<std::shared_ptr<T>> all() const {
    std::lock_guard lock(mutex);
    std::vector<std::shared_ptr<T>> list;
    for (auto &[handle, object] : live)
      list.push_back(object);
    return list;
  }

private:
  mutable std::mutex mutex;
  std::unordered_map<T *, std::shared_ptr<T>> live;
};

struct Context {
  uint64_t id = 0;
  unsigned flags = 0;
  bool primary = false;
  int cacheConfig = 0, sharedConfig = 0;
  std::map<int, size_t> limits;
  std::atomic<CUresult> broken{CUDA_SUCCESS}; ///< by a kernel: sticky
  std::shared_ptr<Stream> legacy;             ///< its default stream
};

/// A piece of memory that device addresses may point into.
struct Allocation {
  enum class Kind : uint8_t { device, pinned, registered, managed, variable };
  uint64_t address = 0, bytes = 0;
  Kind kind = Kind::device;
  unsigned flags = 0; ///< of cuMemHostAlloc, cuMemHostRegister, cuMemAllocManaged
  uint64_t id = 0;
  Context *context = nullptr;
  std::shared_ptr<Pool> pool; ///< of stream-ordered ones
  bool syncMemops = false;
};

struct Pool {
  bool isDefault = false;
  CUmemPoolProps properties = {};
  uint64_t releaseThreshold = 0;
  int reuse[3] = {1, 1, 1}; ///< FOLLOW_EVENT_DEPENDENCIES, ALLOW_OPPORTUNISTIC, ALLOW_INTERNAL_DEPENDENCIES
  std::atomic<uint64_t> used{0}, usedHigh{0};
};

/// The device that is emulated, from the settings.
struct Device {
  int sm = 80;
  std::string arch, name;
  uint64_t memory = 0;             ///< bytes: the board's, or the host's where that has less
  int attribute(int number) const; ///< throws Failure for an unknown number
};

class Driver {
public:
  static Driver &get();

  void init(); ///< throws
  bool initialised() const { return ready.load(std::memory_order_acquire); }
  const Device &device() const { return emulated; }
  ptx::Emulator &emulator() { return *gpu; }
  const std::string &countersFile() const { return counters; }
  ptx::LaunchSettings launchSettings() const { return defaults; } ///< checks, counters and the like

  // Contexts
  std::shared_ptr<Context> retainPrimary();
  void releasePrimary();
  void resetPrimary();
  bool primaryActive(unsigned &flags) const;
  void setPrimaryFlags(unsigned flags);
  std::shared_ptr<Context> makeContext(unsigned flags);
  void destroyContext(std::shared_ptr<Context> context);
  Registry<Context> contexts;

  // Memory
  /// Registers what `make` gave; Failure(OUT_OF_MEMORY) for 0.
  uint64_t allocate(uint64_t bytes, Allocation::Kind kind, unsigned flags = 0,
                    std::shared_ptr<Pool> pool = {});
  void addRange(uint64_t address, uint64_t bytes, Allocation::Kind kind, unsigned flags,
                const std::string &name);
  /// Forgets and frees; false when no such piece begins at the address.
  bool release(uint64_t address, std::initializer_list<Allocation::Kind> kinds);
  /// The piece that holds [address, address + bytes); id 0 when there is none.
  Allocation find(uint64_t address, uint64_t bytes = 1) const;
  /// A copy or a fill writes these bytes now: for the check of uninitialised memory.
  void written(uint64_t address, uint64_t bytes);
  /// Whether there is memory that the host may write to while a kernel runs.
  bool hostSharesMemory() const;
  bool setSyncMemops(uint64_t address, bool on);
  void freeMemoryOf(const Context *context);
  uint64_t memoryUsed() const { return used.load(); }
  std::shared_ptr<Pool> defaultPool, currentPool;
  Registry<Pool> pools;

private:
  bool tracksWrites() const;

  mutable std::mutex mutex;
  std::atomic<bool> ready{false};
  std::unique_ptr<ptx::Emulator> gpu;
  Device emulated;
  ptx::LaunchSettings defaults;
  std::string counters;
  std::shared_ptr<Context> primary;
  unsigned primaryUsers = 0, primaryFlags = 0;
  std::map<uint64_t, Allocation> memory;
  std::atomic<uint64_t> used{0};
  uint64_t nextId = 1;
};

/// The contexts that this thread has pushed; the last is current.
std::vector<std::shared_ptr<Context>> &contextStack();
/// Throws INVALID_CONTEXT when there is none.
std::shared_ptr<Context> currentContext();

} // namespace tegula::cuda
