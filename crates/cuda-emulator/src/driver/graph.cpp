// Captures, and the graphs made from them.
#include "driver.h"

namespace emulator::driver {

thread_local Mode thread_mode = GLOBAL;

}  // namespace emulator::driver

using namespace emulator::driver;

EMULATOR_API int cuStreamBeginCapture_v2(void* handle, int mode) {
  ENTER_CONTEXT();
  Stream* stream = find_stream(handle);
  if (!stream) return ERROR_INVALID_HANDLE;
  if (mode < GLOBAL || mode > RELAXED) return ERROR_INVALID_VALUE;
  if (stream == &s.legacy) return ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (stream->capture) return ERROR_ILLEGAL_STATE;
  auto capture = std::make_shared<Capture>();
  capture->mode = static_cast<Mode>(mode);
  capture->thread = std::this_thread::get_id();
  capture->origin = stream;
  capture->streams.insert(stream);
  stream->capture = capture;
  stream->clock.clear();
  s.captures.push_back(std::move(capture));
  return SUCCESS;
}

EMULATOR_API int cuStreamEndCapture(void* handle, Graph** graph) {
  ENTER_CONTEXT();
  *graph = nullptr;
  Stream* stream = find_stream(handle);
  if (!stream) return ERROR_INVALID_HANDLE;
  const auto capture = stream->capture;
  if (!capture) return ERROR_ILLEGAL_STATE;
  if (capture->origin != stream) {
    invalidate(*capture);
    return ERROR_STREAM_CAPTURE_UNMATCHED;
  }
  if (capture->mode != RELAXED && capture->thread != std::this_thread::get_id())
    return ERROR_STREAM_CAPTURE_WRONG_THREAD;
  bool joined = true;
  for (Stream* other : capture->streams) joined &= stream->clock[other] >= other->clock[other];
  const bool invalid = capture->invalid;
  end(*capture);
  if (invalid) return ERROR_STREAM_CAPTURE_INVALIDATED;
  if (!joined) return ERROR_STREAM_CAPTURE_UNJOINED;
  *graph = new Graph{std::move(capture->nodes)};
  s.graphs.insert(*graph);
  return SUCCESS;
}

EMULATOR_API int cuStreamIsCapturing(void* handle, int* status) {
  ENTER_CONTEXT();
  const Stream* stream = find_stream(handle);
  if (!stream) return ERROR_INVALID_HANDLE;
  *status = !stream->capture ? 0 : stream->capture->invalid ? 2 : 1;
  return SUCCESS;
}

EMULATOR_API int cuThreadExchangeStreamCaptureMode(int* mode) {
  ENTER();
  if (*mode < GLOBAL || *mode > RELAXED) return ERROR_INVALID_VALUE;
  const int before = thread_mode;
  thread_mode = static_cast<Mode>(*mode);
  *mode = before;
  return SUCCESS;
}

EMULATOR_API int cuGraphGetNodes(Graph* graph, void** nodes, size_t* count) {
  ENTER();
  if (!s.graphs.count(graph)) return ERROR_INVALID_VALUE;
  if (nodes)
    for (size_t i = 0; i < *count; ++i)
      nodes[i] = i < graph->nodes.size() ? const_cast<Node*>(graph->nodes[i].get()) : nullptr;
  if (!nodes || *count > graph->nodes.size()) *count = graph->nodes.size();
  return SUCCESS;
}

EMULATOR_API int cuGraphInstantiateWithFlags(GraphExec** exec, Graph* graph, unsigned long long flags) {
  ENTER_CONTEXT();
  // AUTO_FREE_ON_LAUNCH and DEVICE_LAUNCH exclude each other.
  if (!s.graphs.count(graph) || flags > 15 || (flags & 5) == 5) return ERROR_INVALID_VALUE;
  *exec = new GraphExec{graph->nodes};
  s.execs.insert(*exec);
  return SUCCESS;
}

EMULATOR_API int cuGraphUpload(GraphExec* exec, void* stream) {
  ENTER_CONTEXT();
  return s.execs.count(exec) && find_stream(stream) ? SUCCESS : ERROR_INVALID_HANDLE;
}

EMULATOR_API int cuGraphLaunch(GraphExec* exec, void* handle) {
  ENTER_CONTEXT();
  Stream* stream = find_stream(handle);
  if (!s.execs.count(exec) || !stream) return ERROR_INVALID_HANDLE;
  if (Result wrong = check_legacy(stream)) return wrong;
  if (stream->capture && stream->capture->invalid) return ERROR_STREAM_CAPTURE_INVALIDATED;
  // Within a capture, its nodes become part of the other graph.
  for (const auto& node : exec->nodes) {
    if (stream->capture)
      record(stream, node);
    else
      execute(*node, stream);
  }
  return SUCCESS;
}

EMULATOR_API int cuGraphExecDestroy(GraphExec* exec) {
  ENTER();
  return destroy(s.execs, exec);
}

EMULATOR_API int cuGraphDestroy(Graph* graph) {
  ENTER();
  return destroy(s.graphs, graph);
}
