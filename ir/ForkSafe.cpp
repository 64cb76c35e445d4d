//===- ForkSafe.cpp - a lock that a forked child finds free ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ForkSafe.h"

#include <memory>

#include <pthread.h>

namespace tegula {

/// The list of them, in a lock of its own.
struct ForkSafeMutex::All {
  std::mutex mutex;
  ForkSafeMutex *first = nullptr;

  static All &get() {
    static All &it = *new All;
    static const bool watching = pthread_atfork(before, inParent, inChild) == 0;
    (void)watching;
    return it;
  }

private:
  static void before() {
    get().mutex.lock();
    for (ForkSafeMutex *each = get().first; each; each = each->next)
      each->lock();
  }
  static void inParent() {
    for (ForkSafeMutex *each = get().first; each; each = each->next)
      each->unlock();
    get().mutex.unlock();
  }
  static void inChild() {
    // Made anew, not unlocked: a waiting thread of the parent's may have left its mark.
    std::construct_at(&get().mutex);
    for (ForkSafeMutex *each = get().first; each; each = each->next) {
      std::construct_at(static_cast<std::mutex *>(each));
      if (each->inChild)
        each->inChild();
    }
  }
};

ForkSafeMutex::ForkSafeMutex(std::function<void()> inChild) : inChild(std::move(inChild)) {
  All &all = All::get();
  std::lock_guard lock(all.mutex);
  next = all.first;
  all.first = this;
}

ForkSafeMutex::~ForkSafeMutex() {
  All &all = All::get();
  std::lock_guard lock(all.mutex);
  ForkSafeMutex **link = &all.first;
  while (*link != this)
    link = &(*link)->next;
  *link = next;
}

} // namespace tegula
