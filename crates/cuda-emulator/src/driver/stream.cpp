// Streams and events.
#include "driver.h"

using namespace emulator::driver;

namespace {

void merge(Clock& into, const Clock& from) {
  for (const auto& entry : from) {
    long& mine = into[entry.first];
    mine = std::max(mine, entry.second);
  }
}

}  // namespace

EMULATOR_API int cuStreamCreateWithPriority(void** handle, unsigned flags, int priority) {
  ENTER_CONTEXT();
  if (flags > 1) return ERROR_INVALID_VALUE;
  Stream* stream = new Stream;
  stream->flags = flags;
  stream->priority = priority;
  s.streams.insert(stream);
  *handle = stream;
  return SUCCESS;
}

EMULATOR_API int cuStreamCreate(void** handle, unsigned flags) { return cuStreamCreateWithPriority(handle, flags, 0); }

EMULATOR_API int cuStreamDestroy_v2(void* handle) {
  ENTER_CONTEXT();
  Stream* stream = static_cast<Stream*>(handle);
  if (!s.streams.count(stream)) return ERROR_INVALID_HANDLE;
  if (stream->capture) {
    const auto capture = stream->capture;
    invalidate(*capture);
    capture->streams.erase(stream);
    if (capture->origin == stream) end(*capture);
  }
  deliver(stream);
  return destroy(s.streams, stream);
}

EMULATOR_API int cuStreamSynchronize(void* handle) {
  ENTER_CONTEXT();
  Stream* stream = find_stream(handle);
  if (!stream) return ERROR_INVALID_HANDLE;
  if (Result wrong = wait_for(stream)) return wrong;
  deliver(stream);
  return SUCCESS;
}

EMULATOR_API int cuStreamQuery(void* handle) { return cuStreamSynchronize(handle); }

EMULATOR_API int cuStreamGetFlags(void* handle, unsigned* flags) {
  ENTER_CONTEXT();
  const Stream* stream = find_stream(handle);
  if (!stream) return ERROR_INVALID_HANDLE;
  *flags = stream->flags;
  return SUCCESS;
}

EMULATOR_API int cuStreamGetPriority(void* handle, int* priority) {
  ENTER_CONTEXT();
  const Stream* stream = find_stream(handle);
  if (!stream) return ERROR_INVALID_HANDLE;
  *priority = stream->priority;
  return SUCCESS;
}

EMULATOR_API int cuStreamGetCtx(void* handle, Context** context) {
  ENTER_CONTEXT();
  if (!find_stream(handle)) return ERROR_INVALID_HANDLE;
  *context = current;
  return SUCCESS;
}

EMULATOR_API int cuEventCreate(void** handle, unsigned flags) {
  ENTER_CONTEXT();
  Event* event = new Event;
  event->flags = flags;
  s.events.insert(event);
  *handle = event;
  return SUCCESS;
}

EMULATOR_API int cuEventDestroy_v2(Event* event) {
  ENTER_CONTEXT();
  for (Late& copy : s.late) copy.events.erase(event);
  return destroy(s.events, event);
}

EMULATOR_API int cuEventRecordWithFlags(Event* event, void* handle, unsigned flags) {
  ENTER_CONTEXT();
  Stream* stream = find_stream(handle);
  if (!s.events.count(event) || !stream) return ERROR_INVALID_HANDLE;
  if (flags > 1) return ERROR_INVALID_VALUE;
  if (Result wrong = check_legacy(stream)) return wrong;
  const auto happen = [event](Stream* on) {
    if (!state().events.count(event)) return;
    follow_implicitly(on);
    for (Late& copy : state().late)
      if (copy.streams.count(on))
        copy.events.insert(event);
      else
        copy.events.erase(event);
    event->recorded = true;
    event->time = std::chrono::steady_clock::now();
    event->capture = nullptr;
    event->clock.clear();
  };
  if (!stream->capture) {
    happen(stream);
    return SUCCESS;
  }
  if (stream->capture->invalid) return ERROR_STREAM_CAPTURE_INVALIDATED;
  if (flags == 1) {  // CU_EVENT_RECORD_EXTERNAL: a node of its own
    Node node;
    node.name = "cuEventRecord";
    node.run = happen;
    record(stream, std::make_shared<const Node>(std::move(node)));
    return SUCCESS;
  }
  event->recorded = true;
  event->capture = stream->capture;
  event->clock = stream->clock;
  return SUCCESS;
}

EMULATOR_API int cuEventRecord(Event* event, void* handle) { return cuEventRecordWithFlags(event, handle, 0); }

EMULATOR_API int cuEventQuery(Event* event) {
  ENTER_CONTEXT();
  if (!s.events.count(event)) return ERROR_INVALID_HANDLE;
  if (event->capture) {
    if (event->capture->active) invalidate(*event->capture);
    return ERROR_CAPTURED_EVENT;
  }
  if (Result wrong = may_wait()) return wrong;
  deliver(event);
  return SUCCESS;
}

EMULATOR_API int cuEventSynchronize(Event* event) { return cuEventQuery(event); }

EMULATOR_API int cuEventElapsedTime_v2(float* milliseconds, Event* start, Event* finish) {
  ENTER_CONTEXT();
  for (const Event* event : {start, finish}) {
    if (!s.events.count(const_cast<Event*>(event))) return ERROR_INVALID_HANDLE;
    if (event->capture) return ERROR_CAPTURED_EVENT;
    if (!event->recorded || (event->flags & 2)) return ERROR_INVALID_HANDLE;  // CU_EVENT_DISABLE_TIMING
  }
  *milliseconds = std::chrono::duration<float, std::milli>(finish->time - start->time).count();
  return SUCCESS;
}

EMULATOR_API int cuEventElapsedTime(float* milliseconds, Event* start, Event* finish) {
  return cuEventElapsedTime_v2(milliseconds, start, finish);
}

EMULATOR_API int cuStreamWaitEvent(void* handle, Event* event, unsigned flags) {
  ENTER_CONTEXT();
  Stream* stream = find_stream(handle);
  if (!s.events.count(event) || !stream) return ERROR_INVALID_HANDLE;
  if (stream->capture && stream->capture->invalid) return ERROR_STREAM_CAPTURE_INVALIDATED;
  if (!event->recorded || flags == 1) return SUCCESS;  // CU_EVENT_WAIT_EXTERNAL
  if (!event->capture) {
    if (!stream->capture) {
      for (Late& copy : s.late)
        if (copy.events.count(event)) copy.streams.insert(stream);
      return SUCCESS;
    }
    invalidate(*stream->capture);
    return ERROR_STREAM_CAPTURE_ISOLATION;
  }
  if (!event->capture->active) return ERROR_CAPTURED_EVENT;
  if (event->capture->invalid) return ERROR_STREAM_CAPTURE_INVALIDATED;
  if (stream->capture && stream->capture != event->capture) {
    invalidate(*stream->capture);
    invalidate(*event->capture);
    return ERROR_STREAM_CAPTURE_MERGE;
  }
  if (stream == &s.legacy) {
    invalidate(*event->capture);
    return ERROR_STREAM_CAPTURE_IMPLICIT;
  }
  stream->capture = event->capture;
  stream->capture->streams.insert(stream);
  merge(stream->clock, event->clock);
  return SUCCESS;
}

EMULATOR_API int cuLaunchHostFunc(void* stream, void (*function)(void*), void* data) {
  ENTER_CONTEXT();
  Node node;
  node.name = "cuLaunchHostFunc";
  node.run = [=](Stream* on) {
    deliver(on);
    function(data);
  };
  return submit(stream, std::move(node), true);
}
