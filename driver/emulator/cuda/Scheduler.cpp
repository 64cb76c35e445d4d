//===- Scheduler.cpp - streams do their tasks ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Reports.h"
#include "driver/emulator/cuda/Stream.h"

#include <csignal>
#include <thread>

namespace tegula::cuda {

Registry<Stream> &streams = *new Registry<Stream>;
Registry<Event> &events = *new Registry<Event>;

static std::mutex &schedulerMutex = *new std::mutex;
/// Every stream that lives, also one that the program has destroyed while it had work.
static auto &living = *new std::vector<std::weak_ptr<Stream>>;

static std::vector<std::shared_ptr<Stream>> livingLocked() {
  std::vector<std::shared_ptr<Stream>> all;
  for (auto &weak : living)
    if (auto stream = weak.lock())
      all.push_back(std::move(stream));
  return all;
}

std::shared_ptr<Stream> makeStream(Context &context, Stream::Kind kind, unsigned flags, int priority) {
  static std::atomic<uint64_t> nextId{1};
  auto stream = std::make_shared<Stream>();
  stream->context = &context;
  stream->kind = kind;
  stream->flags = flags;
  stream->nonBlocking = flags & 1;
  stream->priority = std::clamp(priority, -5, 0);
  stream->id = nextId++;
  streams.add(stream);
  std::lock_guard lock(schedulerMutex);
  std::erase_if(living, [](auto &weak) { return weak.expired(); });
  living.push_back(stream);
  return stream;
}

/// How long a stream's thread waits for more before it ends.
constexpr auto idleTime = std::chrono::milliseconds(200);

static bool doneLocked(const Ticket &t) { return !t.stream || t.stream->finished >= t.number; }

static void waitLocked(std::unique_lock<std::mutex> &lock, const Ticket &t) {
  if (t.stream)
    t.stream->changed.wait(lock, [&] { return t.stream->finished >= t.number; });
}

/// Runs a task of the stream outside of the lock; its failures break the context.
static void perform(Stream &stream, Task &task) {
  if (stream.context->broken.load() && !task.always)
    return;
  try {
    task.run();
  } catch (...) {
    CUresult code = resultOfException(nullptr);
    CUresult none = CUDA_SUCCESS;
    stream.context->broken.compare_exchange_strong(none, code);
  }
}

static void startThread(Stream &stream);

static void serve(std::shared_ptr<Stream> stream) {
  std::unique_lock lock(schedulerMutex);
  auto ready = [&] { return !stream->busy && !stream->queue.empty(); };
  while (stream->changed.wait_for(lock, idleTime, ready)) {
    Task task = std::move(stream->queue.front());
    stream->queue.pop_front();
    stream->busy = true;
    for (const Ticket &t : task.after)
      waitLocked(lock, t);
    lock.unlock();
    perform(*stream, task);
    task = {}; // what it held is released before others hear that it is done
    lock.lock();
    stream->busy = false;
    stream->finished++;
    stream->changed.notify_all();
  }
  stream->hasThread = false;
  if (!stream->queue.empty()) // a caller runs a task for so long
    startThread(*stream);
}

static void startThread(Stream &stream) {
  stream.hasThread = true;
  // The program's signal handlers are for its own threads.
  sigset_t all, before;
  sigfillset(&all);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP})
    sigdelset(&all, fault);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread(serve, stream.shared_from_this()).detach();
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    stream.hasThread = false;
    fail(CUDA_ERROR_OPERATING_SYSTEM, "no thread can be had for a stream");
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

/// The legacy stream waits for the blocking streams of its context, and they wait for it.
static bool inOrder(const Stream &a, const Stream &b) {
  return a.context == b.context && !a.nonBlocking && !b.nonBlocking &&
         (a.kind == Stream::Kind::legacy || b.kind == Stream::Kind::legacy);
}

bool hasCompany(const Stream &stream) {
  std::lock_guard lock(schedulerMutex);
  auto all = livingLocked();
  return std::any_of(all.begin(), all.end(),
                     [&](auto &other) { return other.get() != &stream && !inOrder(*other, stream); });
}

static void addDefaultStreamRules(Stream &stream, Task &task) {
  if (stream.nonBlocking)
    return;
  auto add = [&](const std::shared_ptr<Stream> &other) {
    if (other && other.get() != &stream && other->context == stream.context && !other->nonBlocking &&
        other->finished < other->issued)
      task.after.push_back({other, other->issued});
  };
  if (stream.kind == Stream::Kind::legacy)
    for (auto &other : livingLocked())
      add(other);
  else
    add(stream.context->legacy);
}

static bool canRunHere(const Stream &stream, const Task &task) {
  if (stream.busy || stream.finished != stream.issued)
    return false;
  for (const Ticket &t : task.after)
    if (!doneLocked(t))
      return false;
  return true;
}

Ticket enqueue(Stream &stream, Task task, bool quick) {
  std::unique_lock lock(schedulerMutex);
  addDefaultStreamRules(stream, task);
  Ticket ticket{stream.shared_from_this(), stream.issued + 1};
  if (quick && canRunHere(stream, task)) {
    stream.issued++;
    stream.busy = true;
    lock.unlock();
    perform(stream, task);
    task = {};
    lock.lock();
    stream.busy = false;
    stream.finished++;
    stream.changed.notify_all();
    return ticket;
  }
  if (!stream.hasThread)
    startThread(stream);
  stream.issued++;
  stream.queue.push_back(std::move(task));
  stream.changed.notify_all();
  return ticket;
}

void runNow(Stream &stream, std::function<void()> run) {
  auto context = stream.context;
  wait(enqueue(stream, {std::move(run), {}}, true));
  printFindings();
  checkContext(*context);
}

bool isDone(const Ticket &ticket) {
  std::lock_guard lock(schedulerMutex);
  return doneLocked(ticket);
}

void wait(const Ticket &ticket) {
  std::unique_lock lock(schedulerMutex);
  waitLocked(lock, ticket);
}

Ticket latest(Stream &stream) {
  std::lock_guard lock(schedulerMutex);
  return {stream.shared_from_this(), stream.issued};
}

void drain(const Context *context) {
  std::unique_lock lock(schedulerMutex);
  for (auto &stream : livingLocked())
    if (!context || stream->context == context)
      waitLocked(lock, {stream, stream->issued});
  lock.unlock();
  printFindings();
}

void checkContext(const Context &context) {
  if (CUresult code = context.broken.load())
    fail(code);
}

void recordEvent(Event &event, Stream &stream) {
  std::lock_guard lock(event.mutex);
  auto moment = std::make_shared<Event::Moment>();
  event.moment = moment;
  event.recorded = true;
  event.last = enqueue(stream,
                       {[moment] {
                          moment->time = std::chrono::steady_clock::now();
                          moment->passed.store(true, std::memory_order_release);
                        },
                        {},
                        true},
                       true);
}

} // namespace tegula::cuda
