//===- Driver.cpp - the emulated device, contexts and memory ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Driver.h"
#include "driver/emulator/cuda/Reports.h"
#include "driver/emulator/cuda/Stream.h"
#include "driver/emulator/ptx/Boards.h"
#include "driver/emulator/ptx/Processor.h"
#include "ir/Settings.h"
#include "ir/diag/Diagnostic.h"

#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tegula::cuda {

// --- The device

int Device::attribute(int number) const {
  if (auto value = ptx::boardOf(sm)->attribute(number))
    return *value;
  fail(CUDA_ERROR_INVALID_VALUE);
}

static Device deviceOf(const std::string &arch) {
  const ptx::Board *board = ptx::boardOf(arch);
  if (!board)
    throw Error(Diag::emulator_arch, {arch});
  uint64_t host = uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE));
  return {board->sm, arch, "Tegula emulated " + std::string(board->name), std::min(board->memory, host)};
}

// --- Beginning and end

Driver &Driver::get() {
  static Driver &it = *new Driver;
  return it;
}

static std::atomic<bool> forkedChild{false};

static void refuseForkedChild() {
  if (!forkedChild.load(std::memory_order_relaxed))
    return;
  sayOnce("fork",
          "the emulated GPU was used before this process was forked, and a forked child cannot use it; "
          "start the child by spawn (multiprocessing.set_start_method(\"spawn\"))");
  fail(CUDA_ERROR_NOT_INITIALIZED);
}

void Driver::init() {
  refuseForkedChild(); // another thread of the parent's may have held the lock
  std::lock_guard lock(mutex);
  if (ready)
    return;
  ptx::requireProcessor();
  Settings s = settings();
  emulated = deviceOf(s.emuArch);
  defaults.checks = ptx::parseChecks(s.emuChecks);
  counters = s.emuCounters;
  defaults.counters = !counters.empty();
  defaults.lazyAsync = s.emuLazy;
  defaults.seed = unsigned(s.emuSeed);
  defaults.threads = unsigned(s.numThreads);
  gpu = std::make_unique<ptx::Emulator>();
  defaultPool = currentPool = std::make_shared<Pool>();
  defaultPool->isDefault = true;
  defaultPool->properties.allocType = 1;
  defaultPool->properties.location = {locationDevice, 0};
  pools.add(defaultPool);
  pthread_atfork(nullptr, nullptr, [] { forkedChild = true; });
  // What was found and not yet printed, also of work that nobody waited for.
  atexit([] {
    Driver &driver = get();
    if (!forkedChild && (driver.defaults.counters || driver.defaults.checks.mode != ptx::Checks::off))
      drain(nullptr);
  });
  ready.store(true, std::memory_order_release);
}

void require(Needs needs) {
  if (needs == Needs::nothing)
    return;
  if (!Driver::get().initialised())
    fail(CUDA_ERROR_NOT_INITIALIZED);
  refuseForkedChild();
  if (needs == Needs::context)
    checkContext(*currentContext());
}

// --- Contexts

std::vector<std::shared_ptr<Context>> &contextStack() {
  // Not a plain thread_local: destructors of others may still call in while the thread ends.
  static thread_local auto *stack = new std::vector<std::shared_ptr<Context>>;
  return *stack;
}

std::shared_ptr<Context> currentContext() {
  auto &stack = contextStack();
  if (stack.empty() || !stack.back())
    fail(CUDA_ERROR_INVALID_CONTEXT);
  if (!Driver::get().contexts.find(stack.back().get()))
    fail(CUDA_ERROR_CONTEXT_IS_DESTROYED);
  return stack.back();
}

std::shared_ptr<Context> Driver::makeContext(unsigned flags) {
  auto context = std::make_shared<Context>();
  {
    std::lock_guard lock(mutex);
    context->id = nextId++;
  }
  context->flags = flags;
  context->limits = {{0, 1024}, {1, 1 << 20}, {2, 8 << 20}, {3, 2}, {4, 2048}, {5, 64}, {6, 0}};
  context->legacy = makeStream(*context, Stream::Kind::legacy, 0, 0);
  contexts.add(context);
  return context;
}

void Driver::destroyContext(std::shared_ptr<Context> context) {
  contexts.remove(context.get(), CUDA_ERROR_INVALID_CONTEXT);
  drain(context.get());
  for (auto &stream : streams.all())
    if (stream->context == context.get())
      streams.remove(stream.get());
  for (auto &event : events.all())
    if (event->context == context.get())
      events.remove(event.get());
  freeMemoryOf(context.get());
  for (auto &entry : contextStack())
    if (entry == context)
      entry = nullptr;
  // Never freed: streams of other threads may hold its address.
  new std::shared_ptr<Context>(std::move(context));
}

std::shared_ptr<Context> Driver::retainPrimary() {
  std::unique_lock lock(mutex);
  if (!primary) {
    unsigned flags = primaryFlags;
    lock.unlock();
    auto made = makeContext(flags);
    lock.lock();
    if (!primary) {
      made->primary = true;
      primary = made;
    }
  }
  primaryUsers++;
  return primary;
}

void Driver::releasePrimary() {
  std::unique_lock lock(mutex);
  if (!primaryUsers)
    fail(CUDA_ERROR_INVALID_CONTEXT);
  if (--primaryUsers)
    return;
  auto gone = std::move(primary);
  lock.unlock();
  destroyContext(gone);
}

void Driver::resetPrimary() {
  std::unique_lock lock(mutex);
  if (!primary)
    return;
  auto gone = std::move(primary);
  primaryUsers = 0;
  lock.unlock();
  destroyContext(gone);
}

bool Driver::primaryActive(unsigned &flags) const {
  std::lock_guard lock(mutex);
  flags = primary ? primary->flags : primaryFlags;
  return primary != nullptr;
}

void Driver::setPrimaryFlags(unsigned flags) {
  std::lock_guard lock(mutex);
  primaryFlags = flags;
  if (primary)
    primary->flags = flags;
}

// --- Memory

static uint64_t mapHost(uint64_t bytes) {
  void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? 0 : reinterpret_cast<uint64_t>(p);
}

static const char *kindName(Allocation::Kind kind) {
  switch (kind) {
  case Allocation::Kind::device: return "device memory";
  case Allocation::Kind::pinned: return "page-locked host memory";
  case Allocation::Kind::registered: return "registered host memory";
  case Allocation::Kind::managed: return "managed memory";
  case Allocation::Kind::variable: return "a variable";
  }
  return "memory";
}

bool Driver::tracksWrites() const {
  return defaults.checks.mode != ptx::Checks::off && defaults.checks.wants(ptx::Check::globalUninitialised);
}

void Driver::written(uint64_t address, uint64_t bytes) {
  if (tracksWrites())
    gpu->written(address, bytes);
}

bool Driver::hostSharesMemory() const {
  std::lock_guard lock(mutex);
  return std::any_of(memory.begin(), memory.end(), [](auto &entry) {
    Allocation::Kind kind = entry.second.kind;
    return kind != Allocation::Kind::device && kind != Allocation::Kind::variable;
  });
}

uint64_t Driver::allocate(uint64_t bytes, Allocation::Kind kind, unsigned flags, std::shared_ptr<Pool> pool) {
  need(bytes > 0);
  auto context = contextStack().empty() ? nullptr : contextStack().back();
  bool onDevice = kind == Allocation::Kind::device;
  if (kind != Allocation::Kind::pinned) {
    if (bytes > emulated.memory || used.fetch_add(bytes) + bytes > emulated.memory) {
      if (bytes <= emulated.memory)
        used -= bytes;
      fail(CUDA_ERROR_OUT_OF_MEMORY);
    }
  }
  uint64_t address = onDevice ? gpu->allocate(bytes, tracksWrites()) : mapHost(bytes);
  if (!address) {
    if (kind != Allocation::Kind::pinned)
      used -= bytes;
    fail(CUDA_ERROR_OUT_OF_MEMORY);
  }
  if (!onDevice)
    gpu->registerRange(address, bytes, kindName(kind));
  if (pool) {
    uint64_t now = pool->used += bytes, high = pool->usedHigh.load();
    while (now > high && !pool->usedHigh.compare_exchange_weak(high, now)) {
    }
  }
  std::lock_guard lock(mutex);
  memory[address] = {address, bytes, kind, flags, nextId++, context.get(), std::move(pool)};
  return address;
}

void Driver::addRange(uint64_t address, uint64_t bytes, Allocation::Kind kind, unsigned flags,
                      const std::string &name) {
  auto context = contextStack().empty() ? nullptr : contextStack().back();
  if (kind != Allocation::Kind::variable) // the emulator knows those of its modules
    gpu->registerRange(address, bytes, name);
  std::lock_guard lock(mutex);
  memory[address] = {address, bytes, kind, flags, nextId++, context.get(), nullptr};
}

bool Driver::release(uint64_t address, std::initializer_list<Allocation::Kind> kinds) {
  Allocation gone;
  {
    std::lock_guard lock(mutex);
    auto it = memory.find(address);
    if (it == memory.end() || std::find(kinds.begin(), kinds.end(), it->second.kind) == kinds.end())
      return false;
    gone = std::move(it->second);
    memory.erase(it);
  }
  if (gone.pool)
    gone.pool->used -= gone.bytes;
  if (gone.kind == Allocation::Kind::device || gone.kind == Allocation::Kind::managed)
    used -= gone.bytes;
  if (gone.kind == Allocation::Kind::device) {
    gpu->release(address);
    return true;
  }
  if (gone.kind != Allocation::Kind::variable)
    gpu->unregisterRange(address);
  if (gone.kind == Allocation::Kind::pinned || gone.kind == Allocation::Kind::managed)
    munmap(reinterpret_cast<void *>(address), gone.bytes);
  return true;
}

Allocation Driver::find(uint64_t address, uint64_t bytes) const {
  std::lock_guard lock(mutex);
  auto after = memory.upper_bound(address);
  if (after == memory.begin())
    return {};
  const Allocation &a = std::prev(after)->second;
  if (address >= a.address && address - a.address < a.bytes && bytes <= a.bytes - (address - a.address))
    return a;
  return {};
}

bool Driver::setSyncMemops(uint64_t address, bool on) {
  std::lock_guard lock(mutex);
  auto after = memory.upper_bound(address);
  if (after == memory.begin() || address >= std::prev(after)->second.address + std::prev(after)->second.bytes)
    return false;
  std::prev(after)->second.syncMemops = on;
  return true;
}

void Driver::freeMemoryOf(const Context *context) {
  using Kind = Allocation::Kind;
  std::vector<uint64_t> gone;
  {
    std::lock_guard lock(mutex);
    for (auto &[address, a] : memory)
      if (a.context == context && a.kind != Kind::variable)
        gone.push_back(address);
  }
  for (uint64_t address : gone)
    release(address, {Kind::device, Kind::pinned, Kind::registered, Kind::managed});
}

} // namespace tegula::cuda
