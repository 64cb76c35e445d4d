//===- Pool.cpp - the worker threads of the CPU device ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cpu/Pool.h"

#include "ir/Settings.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>
#include <signal.h>

namespace tegula::cpu {

namespace {

struct Job {
  const std::function<void()> *work;
  int wanted; ///< helpers that may still join
  int active = 0;
};

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class Pool {
public:
  void run(int helpers, const std::function<void()> &work, const std::function<void()> &idle) {
    Job job{&work, helpers};
    {
      std::lock_guard lock(mutex);
      startThreads(helpers);
      jobs.push_back(&job);
      pending.fetch_add(1, std::memory_order_release);
      if (sleepers > 0)
        helpers == 1 ? wake.notify_one() : wake.notify_all();
    }
    work();
    std::unique_lock lock(mutex);
    retire(job);
    while (job.active > 0) {
      done.wait_for(lock, std::chrono::milliseconds(50));
      if (job.active > 0) {
        lock.unlock();
        idle();
        lock.lock();
      }
    }
  }

  int started() {
    std::lock_guard lock(mutex);
    return threads;
  }

  std::mutex mutex;

private:
  /// Nobody joins `job` from now on.
  void retire(Job &job) {
    auto at = std::find(jobs.begin(), jobs.end(), &job);
    if (at == jobs.end())
      return;
    jobs.erase(at);
    pending.fetch_sub(1, std::memory_order_release);
  }

  void startThreads(int helpers) {
    if (threads >= helpers)
      return;
    // Signals are the main thread's: Python's handlers run there.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; threads < helpers; ++threads) {
      try {
        std::thread([this] { loop(); }).detach();
      } catch (const std::system_error &) {
        break; // no more threads to be had: the caller does the work
      }
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void loop() {
    pthread_setname_np(pthread_self(), "tegula");
    std::unique_lock lock(mutex);
    for (;;) {
      if (jobs.empty()) {
        // A short spin catches the next launch of a loop of launches without two system calls.
        lock.unlock();
        for (int i = 0; i < 400 && pending.load(std::memory_order_acquire) == 0; ++i)
          pause();
        lock.lock();
      }
      ++sleepers;
      wake.wait(lock, [&] { return !jobs.empty(); });
      --sleepers;
      Job &job = *jobs.front();
      ++job.active;
      if (--job.wanted == 0)
        retire(job);
      lock.unlock();
      (*job.work)();
      lock.lock();
      // A job is finished by whoever leaves it last; the one that left with work done retires it for the others too.
      retire(job);
      if (--job.active == 0)
        done.notify_all();
    }
  }

  std::condition_variable wake, done;
  std::vector<Job *> jobs;
  std::atomic<int> pending{0};
  int sleepers = 0;
  int threads = 0;
};

/// Never destroyed: helpers live until the process ends. A forked child has the memory and none of the threads, so it
/// starts with a new pool.
alignas(Pool) std::byte storage[sizeof(Pool)];
Pool *current = nullptr;
std::mutex creation;

void beforeFork() {
  creation.lock();
  if (current)
    current->mutex.lock();
}
void inParent() {
  if (current)
    current->mutex.unlock();
  creation.unlock();
}
void inChild() {
  current = nullptr;
  new (&creation) std::mutex;
}

Pool &pool() {
  std::lock_guard lock(creation);
  if (!current) {
    static bool registered = pthread_atfork(beforeFork, inParent, inChild) == 0;
    (void)registered;
    current = new (storage) Pool;
  }
  return *current;
}

/// Processors that the scheduler grants to this process: its affinity mask, cut by a container's quota.
int availableProcessors() {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
                                                           : int(std::thread::hardware_concurrency());
  if (FILE *file = std::fopen("/sys/fs/cgroup/cpu.max", "re")) {
    long long quota = 0, period = 0;
    if (std::fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
      count = std::min<long long>(count, std::max<long long>(1, (quota + period - 1) / period));
    std::fclose(file);
  }
  return std::max(count, 1);
}

} // namespace

void runOnPool(int helpers, const std::function<void()> &work, const std::function<void()> &idle) {
  if (helpers <= 0)
    return work();
  pool().run(helpers, work, idle);
}

int numThreads() {
  // (epoch << 32 | count): a launch must not copy the settings.
  static std::atomic<uint64_t> known{0};
  uint64_t seen = known.load(std::memory_order_relaxed);
  unsigned epoch = settingsEpoch();
  if (seen >> 32 == epoch && seen & 0xffffffff)
    return int(seen & 0xffffffff);
  int count = settings().numThreads;
  if (count == 0)
    count = availableProcessors();
  count = std::min(count, 1024);
  known.store(uint64_t(epoch) << 32 | unsigned(count), std::memory_order_relaxed);
  return count;
}

int startedHelpers() { return pool().started(); }

} // namespace tegula::cpu
