//===- Stream.h - queues of work, and what waits for what ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Each stream does its tasks in order on a thread of its own, which exists while there is work. A task may wait for
// earlier tasks of other streams: tickets (stream, number). That is all there is: an event is the ticket of the task
// that recorded it, and the rules of the legacy default stream are tickets that `enqueue` adds. As every ticket names a
// task that was there before, waiting cannot go round in a circle.

#pragma once

#include "driver/emulator/cuda/Driver.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>

namespace tegula::cuda {

struct Ticket {
  std::shared_ptr<Stream> stream; ///< null: nothing to wait for
  uint64_t number = 0;
};

struct Task {
  std::function<void()> run;
  std::vector<Ticket> after;
  bool always = false; ///< runs also when a kernel has broken the context: events, callbacks, releases
};

struct Stream : std::enable_shared_from_this<Stream> {
  enum class Kind : uint8_t { legacy, perThread, created };
  Context *context = nullptr;
  Kind kind = Kind::created;
  bool nonBlocking = false; ///< does not order itself with the legacy stream
  unsigned flags = 0;
  int priority = 0;
  uint64_t id = 0;

  // Under the scheduler's mutex:
  std::deque<Task> queue;
  uint64_t issued = 0, finished = 0;
  bool busy = false;      ///< a task runs, on the stream's thread or on a caller's
  bool hasThread = false; ///< which waits for tasks
  std::condition_variable changed;
};

struct Event {
  unsigned flags = 0;
  Context *context = nullptr;
  std::mutex mutex;
  bool recorded = false;
  Ticket last; ///< the task of the latest record
  struct Moment {
    std::atomic<bool> passed{false};
    std::chrono::steady_clock::time_point time;
  };
  std::shared_ptr<Moment> moment;
};

extern Registry<Stream> &streams; ///< those with a handle
extern Registry<Event> &events;

/// The stream of a handle; the default stream (legacy, or the thread's own) for the special ones.
std::shared_ptr<Stream> streamOf(CUstream handle);
std::shared_ptr<Stream> makeStream(Context &context, Stream::Kind kind, unsigned flags, int priority);

/// Appends a task. An idle stream runs it at once on the calling thread when `quick`.
Ticket enqueue(Stream &stream, Task task, bool quick = false);
/// Appends a task and waits until it is done; throws Failure when a kernel has broken the context.
void runNow(Stream &stream, std::function<void()> run);
bool isDone(const Ticket &ticket);
void wait(const Ticket &ticket);
/// The ticket of the stream's latest task.
Ticket latest(Stream &stream);
/// Whether another stream may do something while a kernel of this one runs.
bool hasCompany(const Stream &stream);
/// Waits for all streams of a context, or all there are (null).
void drain(const Context *context);
/// Throws the sticky error of the stream's context.
void checkContext(const Context &context);
void recordEvent(Event &event, Stream &stream);

} // namespace tegula::cuda
