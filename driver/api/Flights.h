//===- Flights.h - one thread works at a key, others wait ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/ForkSafe.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <set>

namespace tegula::api {

/// `find` and `make` return null or a result. The first thread to ask for a key makes it; those that come meanwhile wait
/// and look again. When making fails by an exception, the next of them tries: its world may differ.
template <typename Key, typename Result> class Flights {
public:
  std::shared_ptr<Result> get(const Key &key, const std::function<std::shared_ptr<Result>()> &find,
                              const std::function<std::shared_ptr<Result>()> &make) {
    for (;;) {
      if (auto found = find())
        return found;
      std::unique_lock<std::mutex> lock(mutex);
      if (underWay.insert(key).second)
        break;
      landed.wait(lock, [&] { return !underWay.contains(key); });
    }
    Landing landing{*this, key};
    // Between our look and our start another thread may have landed.
    if (auto found = find())
      return found;
    return make();
  }

private:
  struct Landing {
    Flights &flights;
    const Key &key;
    ~Landing() {
      std::lock_guard lock(flights.mutex);
      flights.underWay.erase(key);
      flights.landed.notify_all();
    }
  };

  /// In a forked child the other threads are gone, and what they were making will never land.
  ForkSafeMutex mutex{[this] {
    std::construct_at(&landed);
    underWay.clear();
  }};
  std::condition_variable landed;
  std::set<Key> underWay;
};

} // namespace tegula::api
