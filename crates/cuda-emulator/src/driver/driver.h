// The CUDA driver as deepViz uses it, on the processor: everything runs at once and in order, except what a capturing
// stream records. Only what is copied asynchronously to pinned memory arrives late: as 0xFF bytes at first, and as what
// it is when something waits for the copy. It checks what a device lets pass: memory beyond its ends, memory never
// written, barriers that not all threads reach, pinned memory freed before a copy to it was waited for, and what a
// capture forbids.
//
// The enums and the structs of CUDA are plain integers and pointers here; the values are those of cuda.h.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "../emulator.h"

namespace emulator::driver {

#define ERRORS(E)                                                                                                  \
  E(SUCCESS, 0, "no error")                                                                                        \
  E(ERROR_INVALID_VALUE, 1, "invalid argument")                                                                    \
  E(ERROR_OUT_OF_MEMORY, 2, "out of memory")                                                                       \
  E(ERROR_NOT_INITIALIZED, 3, "initialization error")                                                              \
  E(ERROR_NO_DEVICE, 100, "no CUDA-capable device is detected")                                                    \
  E(ERROR_INVALID_DEVICE, 101, "invalid device ordinal")                                                           \
  E(ERROR_INVALID_IMAGE, 200, "device kernel image is invalid")                                                    \
  E(ERROR_INVALID_CONTEXT, 201, "invalid device context")                                                          \
  E(ERROR_FILE_NOT_FOUND, 301, "file not found")                                                                   \
  E(ERROR_INVALID_HANDLE, 400, "invalid resource handle")                                                          \
  E(ERROR_ILLEGAL_STATE, 401, "the operation cannot be performed in the present state")                            \
  E(ERROR_NOT_FOUND, 500, "named symbol not found")                                                                \
  E(ERROR_NOT_READY, 600, "device not ready")                                                                      \
  E(ERROR_CONTEXT_IS_DESTROYED, 709, "context is destroyed")                                                       \
  E(ERROR_NOT_SUPPORTED, 801, "operation not supported")                                                           \
  E(ERROR_STREAM_CAPTURE_UNSUPPORTED, 900, "operation not permitted when stream is capturing")                     \
  E(ERROR_STREAM_CAPTURE_INVALIDATED, 901, "operation failed due to a previous error during capture")              \
  E(ERROR_STREAM_CAPTURE_MERGE, 902, "operation would result in a merge of separate capture sequences")            \
  E(ERROR_STREAM_CAPTURE_UNMATCHED, 903, "capture was not ended in the same stream as it began")                   \
  E(ERROR_STREAM_CAPTURE_UNJOINED, 904, "capturing stream has unjoined work")                                      \
  E(ERROR_STREAM_CAPTURE_ISOLATION, 905, "dependency created on uncaptured work in another stream")                \
  E(ERROR_STREAM_CAPTURE_IMPLICIT, 906, "operation would make the legacy stream wait for a capturing stream")       \
  E(ERROR_CAPTURED_EVENT, 907, "operation not permitted on an event last recorded in a capturing stream")          \
  E(ERROR_STREAM_CAPTURE_WRONG_THREAD, 908, "attempt to terminate a thread-local capture sequence from another thread")

enum Result : int {
#define VALUE(name, value, text) name = value,
  ERRORS(VALUE)
#undef VALUE
};

// What ran last, for reports of damage that is found later.
std::string& last_work();
// Writes a line to stderr.
void note(const char* format, ...) __attribute__((format(printf, 1, 2)));

#define DIE(...) (note(__VA_ARGS__), abort())

// ---- Handles

struct Context {
  int references = 0;
};

struct Capture;
struct Stream;
// How many nodes each stream of a capture had recorded, as seen by a stream or at an event: a vector clock.
using Clock = std::map<Stream*, long>;

struct Stream {
  unsigned flags = 0;
  int priority = 0;
  std::shared_ptr<Capture> capture;
  Clock clock;
};

struct Event {
  unsigned flags = 0;
  bool recorded = false;
  std::chrono::steady_clock::time_point time;
  std::shared_ptr<Capture> capture;
  Clock clock;
};

// One piece of work, run at once or recorded; it is told the stream where it runs.
struct Node {
  std::string name;
  std::vector<Range> ranges;
  std::function<void(Stream*)> run;
};

// A copy to pinned memory that nothing has waited for, with the streams and events that come after it.
struct Late {
  char* to;
  std::vector<char> bytes;
  std::set<const Stream*> streams;
  std::set<const Event*> events;
};

struct Graph {
  std::vector<std::shared_ptr<const Node>> nodes;
};

struct GraphExec {
  std::vector<std::shared_ptr<const Node>> nodes;
};

enum Mode { GLOBAL = 0, THREAD_LOCAL = 1, RELAXED = 2 };

struct Capture {
  Mode mode;
  std::thread::id thread;
  Stream* origin;
  bool active = true;
  bool invalid = false;
  std::vector<std::shared_ptr<const Node>> nodes;
  std::unordered_set<Stream*> streams;
};

struct Module;
struct Function {
  const Kernel* kernel;
  Module* module;
};
struct Module {
  std::vector<std::unique_ptr<Function>> functions;
};

struct Allocation {
  char* base;
  size_t bytes;
  bool host;
};

struct State {
  std::recursive_mutex mutex;
  bool ready = false;
  bool tracing = false;   // every launch on stderr
  bool reversed = false;  // blocks and threads from last to first
  size_t total = size_t(2) << 30, used = 0, peak = 0;
  uint64_t pool_threshold = 0;
  size_t limits[16] = {1024, 1 << 20, 8 << 20};
  unsigned context_flags = 0;
  Context primary;
  Stream legacy, per_thread;
  std::map<uintptr_t, Allocation> memory;
  std::list<Late> late;  // oldest first
  std::unordered_set<Context*> contexts;
  std::unordered_set<Stream*> streams;
  std::unordered_set<Event*> events;
  std::unordered_set<Graph*> graphs;
  std::unordered_set<GraphExec*> execs;
  std::unordered_set<Module*> modules;
  std::unordered_set<Function*> functions;
  std::vector<std::shared_ptr<Capture>> captures;
};

State& state();

extern thread_local Context* current;
extern thread_local Mode thread_mode;

#define LOCK()                                                    \
  State& s = state();                                             \
  std::lock_guard<std::recursive_mutex> lock(s.mutex);            \
  (void)s

#define ENTER() \
  LOCK();       \
  if (!s.ready) return ERROR_NOT_INITIALIZED

#define ENTER_CONTEXT()                                \
  ENTER();                                             \
  if (Result wrong = check_context()) return wrong

#define ENTER_DEVICE(device) \
  ENTER();                   \
  if ((device) != 0) return ERROR_INVALID_DEVICE

Result check_context();
// The number in an environment variable.
int environment(const char* name, int otherwise);

// ---- memory.cpp

// Null where no memory can be had.
void* allocate(size_t bytes, bool host);
Result allocate_device(uint64_t* pointer, size_t bytes);
Result release(uintptr_t pointer, bool host);
void release_everything();
// The allocation that a pointer lies in. Its end belongs to it, for slices without elements.
const Allocation* holder(const void* pointer);
char* start_of(const Allocation& it);
char* after(const Allocation& it);
bool is_live(const Range& range);
bool is_pinned(const void* pointer);
void check_guards(const Allocation& it, const char* when);
void check_all_guards(const char* when);

// ---- late_copies.cpp: copies to pinned memory

// The legacy stream comes after the blocking streams, and their work after its.
void follow_implicitly(const Stream* stream);
// Writes the bytes of the late copies that come before what the stream or event waits for to their place.
void deliver(const Stream* stream);
void deliver(const Event* event);
void deliver_all();
// Work that touches pinned memory finds there what its stream has copied.
void deliver_to(const Range& range, const Stream* stream);
// What is in pinned memory, just copied there, is taken away until it is delivered.
void make_late(const Stream* stream, void* to, size_t bytes);

// ---- threads.cpp

void run_kernel(const Kernel* kernel, dim3 grid, dim3 block, void* const* parameters);

// ---- work.cpp

void execute(const Node& node, Stream* stream);
void record(Stream* stream, std::shared_ptr<const Node> node);
// With `exact`, a range that is not allocated is an error to return, as for the copies of the real driver.
Result submit(void* handle, Node&& node, bool exact);
// Copies and fills without a stream go through the legacy stream and wait.
Result submit_and_wait(Node&& node);
// Null where there is no such stream.
Stream* find_stream(void* handle);
// Calls that wait until a stream is done.
Result wait_for(Stream* stream);
// Whether this thread may make a call that may wait or allocate. Where it may not, the captures that forbid it are
// invalidated.
Result may_wait();
// Work in the legacy stream waits for all blocking streams, which one that is capturing does not allow.
Result check_legacy(const Stream* stream);
void invalidate(Capture& capture);
void end(Capture& capture);

template <class T>
Result destroy(std::unordered_set<T*>& all, T* handle) {
  if (!all.erase(handle)) return ERROR_INVALID_HANDLE;
  delete handle;
  return SUCCESS;
}

}  // namespace emulator::driver
