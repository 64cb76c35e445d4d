//===- Streams.cpp - streams, events, callbacks ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Reports.h"
#include "driver/emulator/cuda/Stream.h"

#include <thread>

namespace tegula::cuda {

// --- Which stream a handle means

static thread_local bool perThreadDefault = false;

PerThreadDefault::PerThreadDefault() : before(perThreadDefault) { perThreadDefault = true; }
PerThreadDefault::~PerThreadDefault() { perThreadDefault = before; }

/// The calling thread's own default stream in the current context.
static std::shared_ptr<Stream> ownStream() {
  struct Own {
    std::map<uint64_t, std::shared_ptr<Stream>> streams; ///< by context
    ~Own() {                                             // what is queued still runs
      for (auto &[id, stream] : streams)
        if (cuda::streams.find(stream.get()))
          cuda::streams.remove(stream.get());
    }
  };
  static thread_local Own own;
  auto context = currentContext();
  auto &stream = own.streams[context->id];
  if (!stream)
    stream = makeStream(*context, Stream::Kind::perThread, 0, 0);
  return stream;
}

std::shared_ptr<Stream> streamOf(CUstream handle) {
  auto number = reinterpret_cast<uintptr_t>(handle);
  if (number == perThreadStreamHandle || (!number && perThreadDefault))
    return ownStream();
  if (number == legacyStreamHandle || !number)
    return currentContext()->legacy;
  auto stream = streams.get(handle);
  checkContext(*stream->context);
  return stream;
}

// --- Streams

static CUresult create(CUstream *stream, unsigned flags, int priority) {
  need(stream && flags <= 1);
  *stream = makeStream(*currentContext(), Stream::Kind::created, flags, priority).get();
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuStreamCreate, (CUstream * stream, unsigned flags), (stream, flags)) {
  return create(stream, flags, 0);
}
CU_FUNCTION(context, cuStreamCreateWithPriority, (CUstream * stream, unsigned flags, int priority),
            (stream, flags, priority)) {
  return create(stream, flags, priority);
}

CU_FUNCTION(init, cuStreamDestroy_v2, (CUstream handle), (handle)) {
  auto stream = streams.get(handle);
  need(stream->kind == Stream::Kind::created, CUDA_ERROR_INVALID_HANDLE);
  streams.remove(handle); // what is queued still runs
  return CUDA_SUCCESS;
}

CU_STREAM_FUNCTION(context, cuStreamSynchronize, _ptsz, (CUstream handle), (handle)) {
  auto stream = streamOf(handle);
  if (stream->kind == Stream::Kind::legacy) // an empty task waits for all that the legacy stream waits for
    wait(enqueue(*stream, {[] {}, {}, true}, true));
  else
    wait(latest(*stream));
  printFindings();
  checkContext(*stream->context);
  return CUDA_SUCCESS;
}

CU_STREAM_FUNCTION(context, cuStreamQuery, _ptsz, (CUstream handle), (handle)) {
  auto stream = streamOf(handle);
  Ticket ticket =
      stream->kind == Stream::Kind::legacy ? enqueue(*stream, {[] {}, {}, true}, true) : latest(*stream);
  if (!isDone(ticket))
    return CUDA_ERROR_NOT_READY;
  checkContext(*stream->context);
  return CUDA_SUCCESS;
}

CU_STREAM_FUNCTION(context, cuStreamGetFlags, _ptsz, (CUstream handle, unsigned *flags), (handle, flags)) {
  need(flags);
  *flags = streamOf(handle)->flags;
  return CUDA_SUCCESS;
}

CU_STREAM_FUNCTION(context, cuStreamGetPriority, _ptsz, (CUstream handle, int *priority),
                   (handle, priority)) {
  need(priority);
  *priority = streamOf(handle)->priority;
  return CUDA_SUCCESS;
}

CU_STREAM_FUNCTION(context, cuStreamGetId, _ptsz, (CUstream handle, unsigned long long *id), (handle, id)) {
  need(id);
  *id = streamOf(handle)->id;
  return CUDA_SUCCESS;
}

CU_STREAM_FUNCTION(context, cuStreamGetDevice, _ptsz, (CUstream handle, CUdevice *device), (handle, device)) {
  need(device);
  streamOf(handle);
  *device = 0;
  return CUDA_SUCCESS;
}

CU_STREAM_FUNCTION(context, cuStreamGetCtx, _ptsz, (CUstream handle, CUcontext *context), (handle, context)) {
  need(context);
  *context = streamOf(handle)->context;
  return CUDA_SUCCESS;
}
CU_STREAM_FUNCTION(context, cuStreamGetCtx_v2, _ptsz, (CUstream handle, CUcontext *context, void **green),
                   (handle, context, green)) {
  need(context);
  *context = streamOf(handle)->context;
  if (green)
    *green = nullptr;
  return CUDA_SUCCESS;
}

/// Stream attributes are hints: kept nowhere, those that change nothing are taken.
CU_STREAM_FUNCTION(context, cuStreamCopyAttributes, _ptsz, (CUstream to, CUstream from), (to, from)) {
  streamOf(to);
  streamOf(from);
  return CUDA_SUCCESS;
}
CU_STREAM_FUNCTION(context, cuStreamSetAttribute, _ptsz, (CUstream handle, int attribute, const void *value),
                   (handle, attribute, value)) {
  need(value);
  streamOf(handle);
  return CUDA_SUCCESS;
}

// --- Capture: there are no graphs, so no stream is ever capturing

CU_STREAM_FUNCTION(context, cuStreamIsCapturing, _ptsz, (CUstream handle, int *status), (handle, status)) {
  need(status);
  streamOf(handle);
  *status = 0;
  return CUDA_SUCCESS;
}
static CUresult captureInfo(CUstream handle, int *status, unsigned long long *id) {
  need(status);
  streamOf(handle);
  *status = 0;
  if (id)
    *id = 0;
  return CUDA_SUCCESS;
}
CU_STREAM_FUNCTION(context, cuStreamGetCaptureInfo, _ptsz,
                   (CUstream handle, int *status, unsigned long long *id), (handle, status, id)) {
  return captureInfo(handle, status, id);
}
CU_STREAM_FUNCTION(context, cuStreamGetCaptureInfo_v2, _ptsz,
                   (CUstream handle, int *status, unsigned long long *id, void *graph, void *nodes,
                    size_t *count),
                   (handle, status, id, graph, nodes, count)) {
  if (count)
    *count = 0;
  return captureInfo(handle, status, id);
}
CU_STREAM_FUNCTION(context, cuStreamGetCaptureInfo_v3, _ptsz,
                   (CUstream handle, int *status, unsigned long long *id, void *graph, void *nodes,
                    void *edges, size_t *count),
                   (handle, status, id, graph, nodes, edges, count)) {
  if (count)
    *count = 0;
  return captureInfo(handle, status, id);
}
CU_FUNCTION(init, cuThreadExchangeStreamCaptureMode, (int *mode), (mode)) {
  static thread_local int current = 0;
  need(mode && *mode >= 0 && *mode <= 2);
  std::swap(current, *mode);
  return CUDA_SUCCESS;
}

// --- Functions of the host

CU_STREAM_FUNCTION(context, cuLaunchHostFunc, _ptsz, (CUstream handle, CUhostFn function, void *data),
                   (handle, function, data)) {
  need(function);
  enqueue(*streamOf(handle), {[=] { function(data); }, {}});
  return CUDA_SUCCESS;
}

CU_STREAM_FUNCTION(context, cuStreamAddCallback, _ptsz,
                   (CUstream handle, CUstreamCallback function, void *data, unsigned flags),
                   (handle, function, data, flags)) {
  need(function && !flags);
  auto stream = streamOf(handle);
  Context *context = stream->context;
  enqueue(*stream, {[=] { function(handle, context->broken.load(), data); }, {}, true});
  return CUDA_SUCCESS;
}

// --- Events

CU_FUNCTION(context, cuEventCreate, (CUevent * event, unsigned flags), (event, flags)) {
  need(event && !(flags & ~7u));
  need(!(flags & 4), CUDA_ERROR_NOT_SUPPORTED); // of another process
  auto made = std::make_shared<Event>();
  made->flags = flags;
  made->context = currentContext().get();
  *event = events.add(std::move(made));
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuEventDestroy_v2, (CUevent event), (event)) {
  events.remove(event);
  return CUDA_SUCCESS;
}

static CUresult record(CUevent handle, CUstream streamHandle, unsigned flags) {
  need(flags <= 1);
  auto event = events.get(handle);
  auto stream = streamOf(streamHandle);
  need(event->context == stream->context, CUDA_ERROR_INVALID_HANDLE);
  recordEvent(*event, *stream);
  return CUDA_SUCCESS;
}
CU_STREAM_FUNCTION(context, cuEventRecord, _ptsz, (CUevent event, CUstream stream), (event, stream)) {
  return record(event, stream, 0);
}
CU_STREAM_FUNCTION(context, cuEventRecordWithFlags, _ptsz, (CUevent event, CUstream stream, unsigned flags),
                   (event, stream, flags)) {
  return record(event, stream, flags);
}

static std::pair<Ticket, std::shared_ptr<Event::Moment>> state(Event &event) {
  std::lock_guard lock(event.mutex);
  return {event.last, event.moment};
}

CU_FUNCTION(context, cuEventQuery, (CUevent handle), (handle)) {
  auto event = events.get(handle);
  if (!isDone(state(*event).first))
    return CUDA_ERROR_NOT_READY;
  checkContext(*event->context);
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuEventSynchronize, (CUevent handle), (handle)) {
  auto event = events.get(handle);
  wait(state(*event).first);
  printFindings();
  checkContext(*event->context);
  return CUDA_SUCCESS;
}

static CUresult elapsed(float *milliseconds, CUevent first, CUevent last) {
  need(milliseconds);
  auto a = events.get(first), b = events.get(last);
  need(!((a->flags | b->flags) & 2), CUDA_ERROR_INVALID_HANDLE); // made without times
  auto from = state(*a), to = state(*b);
  need(from.second && to.second, CUDA_ERROR_INVALID_HANDLE);
  if (!isDone(from.first) || !isDone(to.first))
    return CUDA_ERROR_NOT_READY;
  *milliseconds = std::chrono::duration<float, std::milli>(to.second->time - from.second->time).count();
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuEventElapsedTime, (float *milliseconds, CUevent first, CUevent last),
            (milliseconds, first, last)) {
  return elapsed(milliseconds, first, last);
}
CU_FUNCTION(context, cuEventElapsedTime_v2, (float *milliseconds, CUevent first, CUevent last),
            (milliseconds, first, last)) {
  return elapsed(milliseconds, first, last);
}

CU_STREAM_FUNCTION(context, cuStreamWaitEvent, _ptsz, (CUstream streamHandle, CUevent handle, unsigned flags),
                   (streamHandle, handle, flags)) {
  need(flags <= 1);
  auto event = events.get(handle);
  auto stream = streamOf(streamHandle);
  Ticket ticket = state(*event).first;
  if (ticket.stream && ticket.stream != stream)
    enqueue(*stream, {[] {}, {ticket}, true}, true);
  return CUDA_SUCCESS;
}

// --- Waiting for and writing values in memory

/// Flags of the wait functions: 0 at least (cyclic), 1 equal, 2 all bits, 3 nor.
template <typename T>
static CUresult waitValue(CUstream handle, CUdeviceptr address, T value, unsigned flags) {
  need(address % sizeof(T) == 0 && Driver::get().find(address, sizeof(T)).id);
  unsigned how = flags & 3;
  auto stream = streamOf(handle);
  Context *context = stream->context;
  enqueue(*stream, {[=] {
                      auto &word = *reinterpret_cast<std::atomic<T> *>(address);
                      auto holds = [&] {
                        T now = word.load(std::memory_order_acquire);
                        return how == 0   ? std::make_signed_t<T>(now - value) >= 0
                               : how == 1 ? now == value
                               : how == 2 ? (now & value) != 0
                                          : T(~(now | value)) != 0;
                      };
                      while (!holds() && !context->broken.load())
                        std::this_thread::sleep_for(std::chrono::microseconds(20));
                    },
                    {}});
  return CUDA_SUCCESS;
}
template <typename T> static CUresult writeValue(CUstream handle, CUdeviceptr address, T value) {
  need(address % sizeof(T) == 0 && Driver::get().find(address, sizeof(T)).id);
  enqueue(
      *streamOf(handle),
      {[=] { reinterpret_cast<std::atomic<T> *>(address)->store(value, std::memory_order_release); }, {}});
  return CUDA_SUCCESS;
}

#define VALUE_FUNCTIONS(bits, type)                                                                          \
  CU_STREAM_FUNCTION(context, cuStreamWaitValue##bits##_v2, _ptsz,                                           \
                     (CUstream stream, CUdeviceptr address, type value, unsigned flags),                     \
                     (stream, address, value, flags)) {                                                      \
    return waitValue<type>(stream, address, value, flags);                                                   \
  }                                                                                                          \
  CU_STREAM_FUNCTION(context, cuStreamWriteValue##bits##_v2, _ptsz,                                          \
                     (CUstream stream, CUdeviceptr address, type value, unsigned flags),                     \
                     (stream, address, value, flags)) {                                                      \
    return writeValue<type>(stream, address, value);                                                         \
  }
VALUE_FUNCTIONS(32, uint32_t)
VALUE_FUNCTIONS(64, uint64_t)

} // namespace tegula::cuda
