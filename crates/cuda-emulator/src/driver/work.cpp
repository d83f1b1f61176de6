// Kernels, copies and library calls: run at once, or recorded where a stream is capturing.
#include <cstddef>

#include "driver.h"

namespace emulator::driver {

void execute(const Node& node, Stream* stream) {
  last_work() = node.name;
  follow_implicitly(stream);
  for (const Range& range : node.ranges) {
    if (is_live(range)) continue;
    if (range.bytes == 0)
      DIE("%s is given the pointer %p, where nothing is allocated (any more)", node.name.c_str(), range.start);
    DIE("%s touches %zu bytes at %p, which are not (or no longer) all allocated", node.name.c_str(), range.bytes,
        range.start);
  }
  for (const Range& range : node.ranges) deliver_to(range, stream);
  node.run(stream);
  // At once, so that the report names the work that did it.
  for (const Range& range : node.ranges)
    if (const Allocation* it = range.start ? holder(range.start) : nullptr) check_guards(*it, "right after it");
}

void invalidate(Capture& capture) { capture.invalid = true; }

Result may_wait() {
  Result result = SUCCESS;
  if (thread_mode == RELAXED) return result;
  const auto self = std::this_thread::get_id();
  for (const auto& capture : state().captures) {
    const bool own = capture->thread == self && capture->mode != RELAXED;
    if (own || (thread_mode == GLOBAL && capture->mode == GLOBAL)) {
      invalidate(*capture);
      result = ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
  }
  return result;
}

Result check_legacy(const Stream* stream) {
  Result result = SUCCESS;
  if (stream != &state().legacy) return result;
  for (const auto& capture : state().captures)
    for (const Stream* other : capture->streams)
      if (!(other->flags & 1)) {
        invalidate(*capture);
        result = ERROR_STREAM_CAPTURE_IMPLICIT;
      }
  return result;
}

Stream* find_stream(void* handle) {
  State& s = state();
  const uintptr_t value = reinterpret_cast<uintptr_t>(handle);
  if (value <= 1) return &s.legacy;
  if (value == 2) return &s.per_thread;
  Stream* stream = static_cast<Stream*>(handle);
  return s.streams.count(stream) ? stream : nullptr;
}

Result wait_for(Stream* stream) {
  if (stream->capture) {
    invalidate(*stream->capture);
    return ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return check_legacy(stream);
}

void record(Stream* stream, std::shared_ptr<const Node> node) {
  stream->capture->nodes.push_back(std::move(node));
  ++stream->clock[stream];
}

Result submit(void* handle, Node&& node, bool exact) {
  Stream* stream = find_stream(handle);
  if (!stream) return ERROR_INVALID_HANDLE;
  if (Result wrong = check_legacy(stream)) return wrong;
  if (stream->capture && stream->capture->invalid) return ERROR_STREAM_CAPTURE_INVALIDATED;
  if (exact)
    for (const Range& range : node.ranges)
      if (!is_live(range)) {
        note("%s of %zu bytes at %p, which are not all allocated", node.name.c_str(), range.bytes, range.start);
        if (stream->capture) invalidate(*stream->capture);
        return ERROR_INVALID_VALUE;
      }
  if (stream->capture)
    record(stream, std::make_shared<const Node>(std::move(node)));
  else
    execute(node, stream);
  return SUCCESS;
}

Result submit_and_wait(Node&& node) {
  if (Result wrong = may_wait()) return wrong;
  return submit(nullptr, std::move(node), true);
}

void end(Capture& capture) {
  State& s = state();
  capture.active = false;
  for (Stream* stream : capture.streams) {
    stream->capture = nullptr;
    stream->clock.clear();
  }
  capture.streams.clear();
  for (auto it = s.captures.begin(); it != s.captures.end(); ++it)
    if (it->get() == &capture) {
      s.captures.erase(it);
      break;
    }
}

}  // namespace emulator::driver

// ---- For blas.cpp and dnn/, the emulated cuBLAS and cuDNN

using namespace emulator::driver;

int deepvizEmulatedSubmit(void* stream, const char* name, const emulator::Range* ranges, size_t count,
                          void (*run)(const void* closure), const void* closure, size_t bytes) {
  ENTER_CONTEXT();
  Node node;
  node.name = name;
  node.ranges.assign(ranges, ranges + count);
  auto copy = std::make_shared<std::vector<std::max_align_t>>(bytes / sizeof(std::max_align_t) + 1);
  memcpy(copy->data(), closure, bytes);
  node.run = [=](Stream*) {
    if (state().tracing) note("%s", name);
    run(copy->data());
  };
  return submit(stream, std::move(node), false);
}

int deepvizEmulatedMayWait() {
  ENTER_CONTEXT();
  return may_wait();
}
