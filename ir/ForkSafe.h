//===- ForkSafe.h - a lock that a forked child finds free ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A fork copies the thread that called it and no other: a lock that another thread holds at that moment stays locked in
// the child for ever, and what it guards may be half changed. These locks are all taken before a fork and given back
// after it, in parent and child. So one must be held briefly, and no other of them taken or made meanwhile.
//
// What is shared by the process is made once and never destroyed, because threads may use it while the process ends:
//
//     struct Table { ForkSafeMutex mutex; ... };
//     static Table &table() {
//       static Table &it = *new Table;
//       return it;
//     }
//
//===----------------------------------------------------------------------===//

#pragma once

#include <functional>
#include <mutex>

namespace tegula {

class ForkSafeMutex : public std::mutex {
public:
  /// `inChild` mends what else a forked child must not take over; the lock is free by then, and there are no other threads.
  explicit ForkSafeMutex(std::function<void()> inChild = {});
  ~ForkSafeMutex();
  ForkSafeMutex(const ForkSafeMutex &) = delete;

private:
  struct All;
  std::function<void()> inChild;
  ForkSafeMutex *next = nullptr;
};

} // namespace tegula
