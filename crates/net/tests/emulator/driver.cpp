// The CUDA driver as deepViz uses it, on the processor: everything runs at once and in order, except what a capturing
// stream records. Only what is copied asynchronously to pinned memory arrives late: as 0xFF bytes at first, and as what
// it is when something waits for the copy. It checks what a device lets pass: memory beyond its ends, memory never
// written, barriers that not all threads reach, pinned memory freed before a copy to it was waited for, and what a
// capture forbids.
//
// The enums and the structs of CUDA are plain integers and pointers here; the values are those of cuda.h.
#define EMULATOR_HOST
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "device.h"

#if !defined(__x86_64__) && !defined(EMULATOR_UCONTEXT)
#define EMULATOR_UCONTEXT
#endif
#ifdef EMULATOR_UCONTEXT
#include <ucontext.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace {

using emulator::Kernel;
using emulator::Range;

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

// ---- Saying what is wrong

// What ran last, for reports of damage that is found later. Never destroyed, since one of them is made at exit.
std::string& last_work = *new std::string("nothing");
bool tracing = false;

void note(const char* format, ...) __attribute__((format(printf, 1, 2)));
void note(const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  fprintf(stderr, "emulated CUDA: %s\n", text);
}

#define DIE(...) (note(__VA_ARGS__), abort())

// ---- Handles

struct Context {
  int references = 0;
};

struct Capture;
struct Stream;
// How far each stream of a capture had come.
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

// Never destroyed: other threads may still call at exit.
State& state() {
  static State* all = new State;
  return *all;
}

thread_local Context* current = nullptr;
thread_local Mode thread_mode = GLOBAL;

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

Result check_context() {
  if (!current) return ERROR_INVALID_CONTEXT;
  if (current == &state().primary && current->references == 0) return ERROR_CONTEXT_IS_DESTROYED;
  return SUCCESS;
}

// ---- Memory

// Before and after each allocation, filled with numbers that are NaN as float, double and half.
constexpr size_t GUARD = 4096;
constexpr uint16_t GUARD_WORD = 0xFFFB;

const char* guard_pattern() {
  static const char* pattern = [] {
    auto* words = new uint16_t[GUARD / 2];
    std::fill(words, words + GUARD / 2, GUARD_WORD);
    return reinterpret_cast<const char*>(words);
  }();
  return pattern;
}

char* after(const Allocation& it) { return it.base + GUARD + it.bytes; }

void check_guards(const Allocation& it, const char* when) {
  const char* pattern = guard_pattern();
  for (const char* guard : {static_cast<const char*>(it.base), static_cast<const char*>(after(it))}) {
    if (memcmp(guard, pattern, GUARD) == 0) continue;
    size_t first = 0, last = GUARD;
    while (guard[first] == pattern[first]) ++first;
    while (guard[last - 1] == pattern[last - 1]) --last;
    if (guard == it.base)
      DIE("memory before the start of an allocation of %zu bytes was written, %zu to %zu bytes before (found %s; "
          "ran last: %s)", it.bytes, GUARD - last + 1, GUARD - first, when, last_work.c_str());
    DIE("memory behind the end of an allocation of %zu bytes was written, at bytes %zu to %zu (found %s; ran last: %s)",
        it.bytes, it.bytes + first, it.bytes + last - 1, when, last_work.c_str());
  }
}

void check_all_guards(const char* when) {
  for (const auto& entry : state().memory) check_guards(entry.second, when);
}

// Null where no memory can be had.
void* allocate(size_t bytes, bool host) {
  State& s = state();
  const size_t whole = (bytes + 2 * GUARD + GUARD - 1) / GUARD * GUARD;
  char* base = static_cast<char*>(aligned_alloc(GUARD, whole));
  if (!base) return nullptr;
  Allocation it{base, bytes, host};
  memcpy(base, guard_pattern(), GUARD);
  memset(base + GUARD, 0xFF, bytes);
  memcpy(after(it), guard_pattern(), GUARD);
  s.memory[reinterpret_cast<uintptr_t>(base + GUARD)] = it;
  if (!host) {
    s.used += bytes;
    s.peak = std::max(s.peak, s.used);
  }
  return base + GUARD;
}

Result allocate_device(uint64_t* pointer, size_t bytes) {
  State& s = state();
  if (bytes > s.total - s.used) return ERROR_OUT_OF_MEMORY;
  void* got = allocate(bytes, false);
  if (!got) return ERROR_OUT_OF_MEMORY;
  *pointer = reinterpret_cast<uint64_t>(got);
  return SUCCESS;
}

Result release(uintptr_t pointer, bool host) {
  State& s = state();
  const auto found = s.memory.find(pointer);
  if (found == s.memory.end() || found->second.host != host) {
    note("%#zx is freed, which is not allocated (any more); ran last: %s", static_cast<size_t>(pointer),
         last_work.c_str());
    return ERROR_INVALID_VALUE;
  }
  check_guards(found->second, "when it was freed");
  if (!host) s.used -= found->second.bytes;
  // What reads it afterwards shall not find the old numbers.
  memset(found->second.base, 0xFF, std::min(found->second.bytes + GUARD, size_t(1) << 20));
  asm volatile("" : : "r"(found->second.base) : "memory");  // else the compiler leaves that out
  free(found->second.base);
  s.memory.erase(found);
  return SUCCESS;
}

// The allocation that a pointer lies in. Its end belongs to it, for slices without elements.
const Allocation* holder(const void* pointer) {
  State& s = state();
  const uintptr_t at = reinterpret_cast<uintptr_t>(pointer);
  auto next = s.memory.upper_bound(at);
  if (next == s.memory.begin()) return nullptr;
  --next;
  return at <= next->first + next->second.bytes ? &next->second : nullptr;
}

bool is_live(const Range& range) {
  if (!range.start && !range.bytes) return true;
  const Allocation* it = holder(range.start);
  return it && static_cast<const char*>(range.start) + range.bytes <= after(*it);
}

bool is_pinned(const void* pointer) {
  const Allocation* it = holder(pointer);
  return it && it->host;
}

// ---- Copies to pinned memory, which arrive late

template <class Which>
void deliver_if(Which which) {
  state().late.remove_if([&](const Late& copy) {
    if (!which(copy)) return false;
    memcpy(copy.to, copy.bytes.data(), copy.bytes.size());
    return true;
  });
}

void deliver_all() {
  deliver_if([](const Late&) { return true; });
}

// The legacy stream comes after the blocking streams, and their work after its.
void follow_implicitly(const Stream* stream) {
  State& s = state();
  for (Late& copy : s.late) {
    if (stream == &s.legacy) {
      for (const Stream* other : copy.streams)
        if (!(other->flags & 1)) {
          copy.streams.insert(stream);
          break;
        }
    } else if (!(stream->flags & 1) && copy.streams.count(&s.legacy)) {
      copy.streams.insert(stream);
    }
  }
}

void deliver(const Stream* stream) {
  if (stream == &state().legacy) follow_implicitly(stream);
  deliver_if([=](const Late& copy) { return copy.streams.count(stream) != 0; });
}

void deliver(const Event* event) {
  deliver_if([=](const Late& copy) { return copy.events.count(event) != 0; });
}

// What is in pinned memory, just copied there, is taken away until it is delivered.
void make_late(const Stream* stream, void* to, size_t bytes) {
  char* start = static_cast<char*>(to);
  state().late.push_back({start, std::vector<char>(start, start + bytes), {stream}, {}});
  memset(start, 0xFF, bytes);
}

// Work that touches pinned memory finds there what its stream has copied.
void deliver_to(const Range& range, const Stream* stream) {
  if (state().late.empty() || !range.start || !is_pinned(range.start)) return;
  const Allocation* it = holder(range.start);
  const char* start = static_cast<const char*>(range.start);
  const char* finish = start + range.bytes;
  if (range.bytes == 0) start = it->base + GUARD, finish = after(*it);
  deliver_if([=](const Late& copy) {
    return copy.streams.count(stream) && copy.to < finish && start < copy.to + copy.bytes.size();
  });
}

// ---- Threads of a block, as fibers

constexpr size_t STACK = 256 << 10, PAGE = 4096;

struct Fiber {
#ifdef EMULATOR_UCONTEXT
  ucontext_t context;
#else
  void* stack_pointer;
#endif
  uint3 thread;
  const char* file;  // of the barrier where it waits; null when it has no thread
  int line;
};

Fiber scheduler;
Fiber* running = nullptr;
std::vector<Fiber*>& idle = *new std::vector<Fiber*>;

#ifdef EMULATOR_UCONTEXT
void switch_to(Fiber* from, Fiber* to) { swapcontext(&from->context, &to->context); }
#else
// Keeps what a function must preserve on the stack, and the stack's address at *from.
extern "C" void deepviz_emulated_switch(void** from, void* to) __attribute__((visibility("hidden")));
asm(R"(
.text
.type deepviz_emulated_switch,@function
.hidden deepviz_emulated_switch
.globl deepviz_emulated_switch
deepviz_emulated_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size deepviz_emulated_switch, .-deepviz_emulated_switch
)");
void switch_to(Fiber* from, Fiber* to) { deepviz_emulated_switch(&from->stack_pointer, to->stack_pointer); }
#endif

// The block that is running.
const Kernel* block_kernel;
void* const* block_parameters;
unsigned block_next, block_threads;
bool reversed = false;

// Runs threads one after the other until one waits at a barrier (then another fiber goes on with the rest) or none is
// left. So a kernel without barriers is a plain loop.
void fiber_main() {
  for (;;) {
    while (block_next < block_threads) {
      const unsigned next = block_next++;
      const unsigned at = reversed ? block_threads - 1 - next : next;
      threadIdx = {at % blockDim.x, at / blockDim.x % blockDim.y, at / blockDim.x / blockDim.y};
      block_kernel->call(block_kernel->function, block_parameters);
    }
    running->file = nullptr;
    switch_to(running, &scheduler);
  }
}

Fiber* new_fiber() {
  char* memory = static_cast<char*>(
      mmap(nullptr, PAGE + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (memory == MAP_FAILED) DIE("there is no memory for the stacks of a block's threads");
  mprotect(memory, PAGE, PROT_NONE);
  Fiber* fiber = new Fiber{};
  // Else the ends of all stacks would share a few lines of the cache.
  static unsigned made = 0;
  const size_t size = STACK - made++ * 448 % PAGE / 64 * 64;
#ifdef EMULATOR_UCONTEXT
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = memory + PAGE;
  fiber->context.uc_stack.ss_size = size;
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, fiber_main, 0);
#else
  // As if it had been switched away from just before its first instruction: six registers, then where to go on.
  void** top = reinterpret_cast<void**>(memory + PAGE + size);
  top[-2] = reinterpret_cast<void*>(fiber_main);
  fiber->stack_pointer = top - 8;
#endif
  return fiber;
}

// Adds it to those that wait, if it does.
void resume(Fiber* fiber, std::vector<Fiber*>& waiting) {
  running = fiber;
  switch_to(&scheduler, fiber);
  (fiber->file ? waiting : idle).push_back(fiber);
}

void run_block() {
  static auto& waiting = *new std::vector<Fiber*>;
  static auto& now = *new std::vector<Fiber*>;
  block_next = 0;
  while (block_next < block_threads) {
    Fiber* fiber;
    if (idle.empty()) {
      fiber = new_fiber();
    } else {
      fiber = idle.back();
      idle.pop_back();
    }
    resume(fiber, waiting);
  }
  while (!waiting.empty()) {
    const Fiber* first = waiting.front();
    for (const Fiber* other : waiting)
      if (other->line != first->line || strcmp(other->file, first->file) != 0)
        DIE("%s: in block (%u, %u, %u), thread (%u, %u, %u) waits at the barrier %s:%d, but thread (%u, %u, %u) at "
            "%s:%d", last_work.c_str(), blockIdx.x, blockIdx.y, blockIdx.z, first->thread.x, first->thread.y,
            first->thread.z, first->file, first->line, other->thread.x, other->thread.y, other->thread.z, other->file,
            other->line);
    now.clear();
    now.swap(waiting);
    for (Fiber* fiber : now) resume(fiber, waiting);
  }
}

void on_signal(int number) {
  char text[512];
  const int length = snprintf(
      text, sizeof(text), "emulated CUDA: %s: %s in thread (%u, %u, %u) of block (%u, %u, %u)\n", last_work.c_str(),
      number == SIGFPE ? "an integer is divided by zero" : "an access to memory that is not there, or too deep a stack",
      threadIdx.x, threadIdx.y, threadIdx.z, blockIdx.x, blockIdx.y, blockIdx.z);
  if (write(2, text, static_cast<size_t>(length)) < 0) {
  }
  signal(SIGABRT, SIG_DFL);
  abort();
}

void run_kernel(const Kernel* kernel, dim3 grid, dim3 block, void* const* parameters) {
  if (tracing)
    note("%s grid (%u, %u, %u) block (%u, %u, %u)", kernel->name, grid.x, grid.y, grid.z, block.x, block.y, block.z);
  constexpr int caught[] = {SIGSEGV, SIGBUS, SIGFPE};
  struct sigaction ours = {}, before[3];
  ours.sa_handler = on_signal;
  ours.sa_flags = SA_ONSTACK;
  for (int i = 0; i < 3; ++i) sigaction(caught[i], &ours, &before[i]);
  block_kernel = kernel;
  block_parameters = parameters;
  block_threads = block.x * block.y * block.z;
  gridDim = grid;
  blockDim = block;
  const uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z;
  for (uint64_t next = 0; next < blocks; ++next) {
    const uint64_t at = reversed ? blocks - 1 - next : next;
    blockIdx = {unsigned(at % grid.x), unsigned(at / grid.x % grid.y), unsigned(at / grid.x / grid.y)};
    run_block();
  }
  for (int i = 0; i < 3; ++i) sigaction(caught[i], &before[i], nullptr);
}

// ---- Work and captures

void execute(const Node& node, Stream* stream) {
  last_work = node.name;
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

// Whether this thread may make a call that may wait or allocate. One that may not spoils the captures in its way.
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

// Work in the legacy stream waits for all blocking streams, which one that is capturing does not allow.
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

// Calls that wait until a stream is done.
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

// With `exact`, a range that is not allocated is an error to return, as for the copies of the real driver.
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

// Copies and fills without a stream go through the legacy stream and wait.
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

void merge(Clock& into, const Clock& from) {
  for (const auto& entry : from) {
    long& mine = into[entry.first];
    mine = std::max(mine, entry.second);
  }
}

void* as_pointer(uint64_t device) { return reinterpret_cast<void*>(device); }

Node copy_node(const char* name, void* to, const void* from, size_t bytes, bool to_device, bool from_device) {
  Node node;
  node.name = name;
  const bool late = is_pinned(to);
  if (to_device || late) node.ranges.push_back({to, bytes});
  if (from_device || is_pinned(from)) node.ranges.push_back({from, bytes});
  node.run = [=](Stream* stream) {
    memmove(to, from, bytes);
    if (late)
      make_late(stream, to, bytes);
    else if (!to_device)
      deliver(stream);  // a copy to pageable memory is waited for
  };
  return node;
}

template <class T>
Node fill_node(uint64_t to, T value, size_t count) {
  Node node;
  node.name = "cuMemset";
  node.ranges.push_back({as_pointer(to), count * sizeof(T)});
  node.run = [=](Stream*) { std::fill_n(static_cast<T*>(as_pointer(to)), count, value); };
  return node;
}

Result fill_check(uint64_t to, size_t align) { return to % align ? ERROR_INVALID_VALUE : SUCCESS; }

// A launch keeps its parameters by value, since a capture outlives the call.
struct Launch {
  const Kernel* kernel;
  dim3 grid, block;
  std::vector<std::max_align_t> bytes;
  std::vector<void*> parameters;
};

int environment(const char* name, int otherwise) {
  const char* value = getenv(name);
  return value && *value ? atoi(value) : otherwise;
}

void release_everything() {
  State& s = state();
  deliver_all();
  while (!s.memory.empty()) release(s.memory.begin()->first, s.memory.begin()->second.host);
}

// A module is text; nothing more of it is looked at.
bool is_ptx(const char* image) { return strstr(image, ".version") != nullptr; }

__attribute__((destructor)) void at_exit() {
  State& s = state();
  // Whoever holds the lock now never returns; then there is nothing to be said about its memory.
  if (!s.mutex.try_lock()) return;
  check_all_guards("at exit");
  s.mutex.unlock();
}

template <class T>
Result destroy(std::unordered_set<T*>& all, T* handle) {
  if (!all.erase(handle)) return ERROR_INVALID_HANDLE;
  delete handle;
  return SUCCESS;
}

}  // namespace

namespace emulator {

void barrier(const char* file, int line) {
  Fiber* self = running;
  self->thread = threadIdx;
  self->file = file;
  self->line = line;
  switch_to(self, &scheduler);
  self->file = nullptr;
  threadIdx = self->thread;
}

void trap(const char* file, int line) {
  DIE("%s: trap at %s:%d in thread (%u, %u, %u) of block (%u, %u, %u)", last_work.c_str(), file, line, threadIdx.x,
      threadIdx.y, threadIdx.z, blockIdx.x, blockIdx.y, blockIdx.z);
}

}  // namespace emulator

// ---- For the BLAS

int deepvizEmulatedSubmit(void* stream, const char* name, const Range* ranges, size_t count,
                          void (*run)(const void* closure), const void* closure, size_t bytes) {
  ENTER_CONTEXT();
  Node node;
  node.name = name;
  node.ranges.assign(ranges, ranges + count);
  auto copy = std::make_shared<std::vector<std::max_align_t>>(bytes / sizeof(std::max_align_t) + 1);
  memcpy(copy->data(), closure, bytes);
  node.run = [=](Stream*) {
    if (tracing) note("%s", name);
    run(copy->data());
  };
  return submit(stream, std::move(node), false);
}

int deepvizEmulatedMayWait() {
  ENTER_CONTEXT();
  return may_wait();
}

// ---- Start, devices, contexts

EMULATOR_API int cuInit(unsigned flags) {
  LOCK();
  if (flags) return ERROR_INVALID_VALUE;
  if (s.ready) return SUCCESS;
  if (environment("DEEPVIZ_EMULATED_DEVICES", 1) == 0) return ERROR_NO_DEVICE;
  s.total = size_t(std::max(1, environment("DEEPVIZ_EMULATED_MB", 2048))) << 20;
  tracing = environment("DEEPVIZ_EMULATED_TRACE", 0) != 0;
  reversed = environment("DEEPVIZ_EMULATED_REVERSE", 0) != 0;
  s.ready = true;
  return SUCCESS;
}

EMULATOR_API int cuDriverGetVersion(int* version) {
  *version = 13000;
  return SUCCESS;
}

EMULATOR_API int cuGetErrorName(int error, const char** name) {
  switch (error) {
#define CASE(label, value, text) \
  case value: *name = "CUDA_" #label; return SUCCESS;
    ERRORS(CASE)
#undef CASE
  }
  *name = nullptr;
  return ERROR_INVALID_VALUE;
}

EMULATOR_API int cuGetErrorString(int error, const char** string) {
  switch (error) {
#define CASE(label, value, text) \
  case value: *string = text; return SUCCESS;
    ERRORS(CASE)
#undef CASE
  }
  *string = nullptr;
  return ERROR_INVALID_VALUE;
}

EMULATOR_API int cuDeviceGetCount(int* count) {
  ENTER();
  *count = 1;
  return SUCCESS;
}

EMULATOR_API int cuDeviceGet(int* device, int ordinal) {
  ENTER();
  if (ordinal != 0) return ERROR_INVALID_DEVICE;
  *device = 0;
  return SUCCESS;
}

#define ENTER_DEVICE(device) \
  ENTER();                   \
  if ((device) != 0) return ERROR_INVALID_DEVICE

EMULATOR_API int cuDeviceGetName(char* name, int length, int device) {
  ENTER_DEVICE(device);
  if (length < 1) return ERROR_INVALID_VALUE;
  snprintf(name, static_cast<size_t>(length), "emulated (deepViz)");
  return SUCCESS;
}

EMULATOR_API int cuDeviceGetUuid_v2(char* uuid, int device) {
  ENTER_DEVICE(device);
  memcpy(uuid, "deepViz emulated", 16);
  return SUCCESS;
}

EMULATOR_API int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  ENTER_DEVICE(device);
  *bytes = s.total;
  return SUCCESS;
}

EMULATOR_API int cuDeviceGetAttribute(int* value, int attribute, int device) {
  ENTER_DEVICE(device);
  switch (attribute) {
    case 1: *value = 1024; break;          // MAX_THREADS_PER_BLOCK
    case 2: case 3: *value = 1024; break;  // MAX_BLOCK_DIM_X, Y
    case 4: *value = 64; break;            // MAX_BLOCK_DIM_Z
    case 5: *value = 2147483647; break;    // MAX_GRID_DIM_X
    case 6: case 7: *value = 65535; break; // MAX_GRID_DIM_Y, Z
    case 8: *value = 48 << 10; break;      // MAX_SHARED_MEMORY_PER_BLOCK
    case 9: *value = 64 << 10; break;      // TOTAL_CONSTANT_MEMORY
    case 10: *value = 32; break;           // WARP_SIZE
    case 12: *value = 65536; break;        // MAX_REGISTERS_PER_BLOCK
    case 13: *value = 1000000; break;      // CLOCK_RATE
    case 14: *value = 512; break;          // TEXTURE_ALIGNMENT
    case 16: *value = 4; break;            // MULTIPROCESSOR_COUNT: few, so that grids made from it stay small
    case 19: *value = 1; break;            // CAN_MAP_HOST_MEMORY
    case 31: *value = 1; break;            // CONCURRENT_KERNELS
    case 38: *value = 4 << 20; break;      // L2_CACHE_SIZE
    case 39: *value = 2048; break;         // MAX_THREADS_PER_MULTIPROCESSOR
    case 40: *value = 1; break;            // ASYNC_ENGINE_COUNT
    case 41: *value = 1; break;            // UNIFIED_ADDRESSING
    case 75: *value = 9; break;            // COMPUTE_CAPABILITY_MAJOR
    case 76: *value = 0; break;            // COMPUTE_CAPABILITY_MINOR
    case 81: *value = 228 << 10; break;    // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
    case 82: *value = 65536; break;        // MAX_REGISTERS_PER_MULTIPROCESSOR
    case 97: *value = 227 << 10; break;    // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    case 106: *value = 32; break;          // MAX_BLOCKS_PER_MULTIPROCESSOR
    case 115: *value = 1; break;           // MEMORY_POOLS_SUPPORTED
    default:
      if (attribute < 1) return ERROR_INVALID_VALUE;
      *value = 0;
  }
  return SUCCESS;
}

EMULATOR_API int cuDevicePrimaryCtxRetain(Context** context, int device) {
  ENTER_DEVICE(device);
  ++s.primary.references;
  *context = &s.primary;
  return SUCCESS;
}

EMULATOR_API int cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER_DEVICE(device);
  if (s.primary.references == 0) return ERROR_INVALID_CONTEXT;
  // The context's memory goes with it.
  if (--s.primary.references == 0 && s.contexts.empty()) release_everything();
  return SUCCESS;
}

EMULATOR_API int cuCtxCreate_v4(Context** context, void*, unsigned, int device) {
  ENTER_DEVICE(device);
  *context = current = new Context;
  s.contexts.insert(current);
  return SUCCESS;
}

EMULATOR_API int cuCtxDestroy_v2(Context* context) {
  ENTER();
  if (!s.contexts.erase(context)) return ERROR_INVALID_CONTEXT;
  if (current == context) current = nullptr;
  delete context;
  return SUCCESS;
}

EMULATOR_API int cuCtxGetCurrent(Context** context) {
  ENTER();
  *context = current;
  return SUCCESS;
}

EMULATOR_API int cuCtxSetCurrent(Context* context) {
  ENTER();
  if (context && context != &s.primary && !s.contexts.count(context)) return ERROR_INVALID_CONTEXT;
  current = context;
  return SUCCESS;
}

EMULATOR_API int cuCtxGetDevice(int* device) {
  ENTER_CONTEXT();
  *device = 0;
  return SUCCESS;
}

EMULATOR_API int cuCtxSetFlags(unsigned flags) {
  ENTER_CONTEXT();
  s.context_flags = flags;
  return SUCCESS;
}

EMULATOR_API int cuCtxGetFlags(unsigned* flags) {
  ENTER_CONTEXT();
  *flags = s.context_flags;
  return SUCCESS;
}

EMULATOR_API int cuCtxGetLimit(size_t* value, unsigned limit) {
  ENTER_CONTEXT();
  if (limit >= std::size(s.limits)) return ERROR_INVALID_VALUE;
  *value = s.limits[limit];
  return SUCCESS;
}

EMULATOR_API int cuCtxSetLimit(unsigned limit, size_t value) {
  ENTER_CONTEXT();
  if (limit >= std::size(s.limits)) return ERROR_INVALID_VALUE;
  s.limits[limit] = value;
  return SUCCESS;
}

EMULATOR_API int cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  ENTER_CONTEXT();
  if (least) *least = 0;
  if (greatest) *greatest = -5;
  return SUCCESS;
}

EMULATOR_API int cuCtxSynchronize() {
  ENTER_CONTEXT();
  if (!s.captures.empty()) {
    for (const auto& capture : s.captures) invalidate(*capture);
    return ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  deliver_all();
  check_all_guards("when the context was synchronised");
  return SUCCESS;
}

EMULATOR_API int cuProfilerStart() { return SUCCESS; }
EMULATOR_API int cuProfilerStop() { return SUCCESS; }

// ---- Memory

EMULATOR_API int cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
  ENTER_CONTEXT();
  *free_bytes = s.total - s.used;
  *total = s.total;
  return SUCCESS;
}

EMULATOR_API int cuMemAlloc_v2(uint64_t* pointer, size_t bytes) {
  ENTER_CONTEXT();
  if (bytes == 0) return ERROR_INVALID_VALUE;
  if (Result wrong = may_wait()) return wrong;
  return allocate_device(pointer, bytes);
}

EMULATOR_API int cuMemFree_v2(uint64_t pointer) {
  ENTER_CONTEXT();
  if (Result wrong = may_wait()) return wrong;
  if (!pointer) return SUCCESS;
  deliver_all();
  return release(pointer, false);
}

EMULATOR_API int cuMemAllocAsync(uint64_t* pointer, size_t bytes, void* handle) {
  ENTER_CONTEXT();
  Stream* stream = find_stream(handle);
  if (!stream) return ERROR_INVALID_HANDLE;
  if (Result wrong = wait_for(stream)) return wrong;
  if (bytes == 0) {
    *pointer = 0;
    return SUCCESS;
  }
  return allocate_device(pointer, bytes);
}

EMULATOR_API int cuMemAllocFromPoolAsync(uint64_t* pointer, size_t bytes, void*, void* handle) {
  return cuMemAllocAsync(pointer, bytes, handle);
}

EMULATOR_API int cuMemFreeAsync(uint64_t pointer, void* handle) {
  ENTER_CONTEXT();
  Stream* stream = find_stream(handle);
  if (!stream) return ERROR_INVALID_HANDLE;
  if (!pointer) return SUCCESS;
  if (Result wrong = wait_for(stream)) return wrong;
  return release(pointer, false);
}

EMULATOR_API int cuMemHostAlloc(void** pointer, size_t bytes, unsigned) {
  ENTER_CONTEXT();
  if (Result wrong = may_wait()) return wrong;
  deliver_all();
  *pointer = bytes ? allocate(bytes, true) : nullptr;
  return *pointer || !bytes ? SUCCESS : ERROR_OUT_OF_MEMORY;
}

EMULATOR_API int cuMemAllocHost_v2(void** pointer, size_t bytes) { return cuMemHostAlloc(pointer, bytes, 0); }

EMULATOR_API int cuMemFreeHost(void* pointer) {
  ENTER_CONTEXT();
  if (Result wrong = may_wait()) return wrong;
  if (!pointer) return SUCCESS;
  for (const Late& copy : s.late)
    if (const Allocation* it = holder(copy.to); it == holder(pointer))
      DIE("cuMemFreeHost frees the pinned memory at %p (%zu bytes), while an asynchronous copy of %zu bytes to %p in "
          "it has not been waited for", pointer, it->bytes, copy.bytes.size(), static_cast<void*>(copy.to));
  deliver_all();
  return release(reinterpret_cast<uintptr_t>(pointer), true);
}

EMULATOR_API int cuMemHostGetDevicePointer_v2(uint64_t* device, void* host, unsigned) {
  ENTER_CONTEXT();
  if (!holder(host)) return ERROR_INVALID_VALUE;
  *device = reinterpret_cast<uint64_t>(host);
  return SUCCESS;
}

#define COPY(name, to, from, to_device, from_device, bytes, handle)                                         \
  do {                                                                                                      \
    ENTER_CONTEXT();                                                                                        \
    if ((bytes) == 0) return find_stream(handle) ? SUCCESS : ERROR_INVALID_HANDLE;                          \
    if (!(to) || !(from)) return ERROR_INVALID_VALUE;                                                       \
    return submit(handle, copy_node(name, to, from, bytes, to_device, from_device), true);                  \
  } while (false)

#define COPY_AND_WAIT(name, to, from, to_device, from_device, bytes)                                        \
  do {                                                                                                      \
    ENTER_CONTEXT();                                                                                        \
    if ((bytes) == 0) return SUCCESS;                                                                       \
    if (!(to) || !(from)) return ERROR_INVALID_VALUE;                                                       \
    const Result result = submit_and_wait(copy_node(name, to, from, bytes, to_device, from_device));        \
    /* Within the device, the host does not wait. */                                                        \
    if (result == SUCCESS && !((to_device) && (from_device))) deliver(&s.legacy);                           \
    return result;                                                                                          \
  } while (false)

EMULATOR_API int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream) {
  COPY("cuMemcpyHtoDAsync", as_pointer(to), from, true, false, bytes, stream);
}
EMULATOR_API int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream) {
  COPY("cuMemcpyDtoHAsync", to, as_pointer(from), false, true, bytes, stream);
}
EMULATOR_API int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* stream) {
  COPY("cuMemcpyDtoDAsync", as_pointer(to), as_pointer(from), true, true, bytes, stream);
}
EMULATOR_API int cuMemcpyPeerAsync(uint64_t to, void*, uint64_t from, void*, size_t bytes, void* stream) {
  COPY("cuMemcpyPeerAsync", as_pointer(to), as_pointer(from), true, true, bytes, stream);
}
EMULATOR_API int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
  COPY_AND_WAIT("cuMemcpyHtoD", as_pointer(to), from, true, false, bytes);
}
EMULATOR_API int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) {
  COPY_AND_WAIT("cuMemcpyDtoH", to, as_pointer(from), false, true, bytes);
}
EMULATOR_API int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) {
  COPY_AND_WAIT("cuMemcpyDtoD", as_pointer(to), as_pointer(from), true, true, bytes);
}

#define FILL(suffix, type)                                                                                  \
  EMULATOR_API int cuMemset##suffix##_v2(uint64_t to, type value, size_t count) {                           \
    ENTER_CONTEXT();                                                                                        \
    if (count == 0) return SUCCESS;                                                                         \
    if (Result wrong = fill_check(to, sizeof(type))) return wrong;                                          \
    return submit_and_wait(fill_node<type>(to, value, count));                                              \
  }                                                                                                         \
  EMULATOR_API int cuMemset##suffix##Async(uint64_t to, type value, size_t count, void* stream) {           \
    ENTER_CONTEXT();                                                                                        \
    if (count == 0) return find_stream(stream) ? SUCCESS : ERROR_INVALID_HANDLE;                            \
    if (Result wrong = fill_check(to, sizeof(type))) return wrong;                                          \
    return submit(stream, fill_node<type>(to, value, count), true);                                         \
  }
FILL(D8, unsigned char)
FILL(D16, unsigned short)
FILL(D32, unsigned)
#undef FILL

// The one pool there is: only its threshold can be set, which changes nothing.
EMULATOR_API int cuDeviceGetDefaultMemPool(void** pool, int device) {
  ENTER_DEVICE(device);
  *pool = &s.pool_threshold;
  return SUCCESS;
}
EMULATOR_API int cuDeviceGetMemPool(void** pool, int device) { return cuDeviceGetDefaultMemPool(pool, device); }
EMULATOR_API int cuMemPoolTrimTo(void*, size_t) {
  ENTER();
  return SUCCESS;
}
EMULATOR_API int cuMemPoolSetAttribute(void* pool, int attribute, const void* value) {
  ENTER();
  if (pool != &s.pool_threshold) return ERROR_INVALID_HANDLE;
  if (attribute == 4) memcpy(&s.pool_threshold, value, sizeof(uint64_t));  // RELEASE_THRESHOLD
  if (attribute == 6 || attribute == 8) s.peak = s.used;                   // RESERVED_MEM_HIGH, USED_MEM_HIGH
  return SUCCESS;
}
EMULATOR_API int cuMemPoolGetAttribute(void* pool, int attribute, void* value) {
  ENTER();
  if (pool != &s.pool_threshold) return ERROR_INVALID_HANDLE;
  uint64_t number;
  switch (attribute) {
    case 1: case 2: case 3: *static_cast<int*>(value) = 1; return SUCCESS;  // REUSE_*
    case 4: number = s.pool_threshold; break;
    case 5: case 7: number = s.used; break;  // RESERVED_MEM_CURRENT, USED_MEM_CURRENT
    case 6: case 8: number = s.peak; break;
    default: return ERROR_INVALID_VALUE;
  }
  memcpy(value, &number, sizeof(number));
  return SUCCESS;
}

// ---- Streams and events

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

// ---- Captures and graphs

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

// ---- Modules and kernels

EMULATOR_API int cuModuleLoadData(Module** module, const void* image) {
  ENTER_CONTEXT();
  if (!image) return ERROR_INVALID_VALUE;
  if (Result wrong = may_wait()) return wrong;
  if (!is_ptx(static_cast<const char*>(image))) return ERROR_INVALID_IMAGE;
  *module = new Module;
  s.modules.insert(*module);
  return SUCCESS;
}

EMULATOR_API int cuModuleLoadDataEx(Module** module, const void* image, unsigned, int*, void**) {
  return cuModuleLoadData(module, image);
}

EMULATOR_API int cuModuleLoad(Module** module, const char* path) {
  ENTER_CONTEXT();
  std::ifstream file(path, std::ios::binary);
  if (!file) return ERROR_FILE_NOT_FOUND;
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return cuModuleLoadData(module, text.c_str());
}

EMULATOR_API int cuModuleUnload(Module* module) {
  ENTER_CONTEXT();
  if (!s.modules.count(module)) return ERROR_INVALID_HANDLE;
  for (const auto& function : module->functions) s.functions.erase(function.get());
  return destroy(s.modules, module);
}

EMULATOR_API int cuModuleGetFunction(Function** function, Module* module, const char* name) {
  ENTER_CONTEXT();
  if (!s.modules.count(module)) return ERROR_INVALID_HANDLE;
  for (const Kernel* kernel = emulator::kernels; kernel->name; ++kernel)
    if (strcmp(kernel->name, name) == 0) {
      module->functions.push_back(std::make_unique<Function>(Function{kernel, module}));
      *function = module->functions.back().get();
      s.functions.insert(*function);
      return SUCCESS;
    }
  return ERROR_NOT_FOUND;
}

// Memory that the host writes by its name is not emulated.
EMULATOR_API int cuModuleGetGlobal_v2(uint64_t*, size_t*, Module*, const char*) {
  ENTER_CONTEXT();
  return ERROR_NOT_FOUND;
}

EMULATOR_API int cuFuncGetAttribute(int* value, int attribute, Function* function) {
  ENTER_CONTEXT();
  if (!s.functions.count(function)) return ERROR_INVALID_HANDLE;
  switch (attribute) {
    case 0: *value = 1024; break;         // MAX_THREADS_PER_BLOCK
    case 4: *value = 32; break;           // NUM_REGS
    case 5: case 6: *value = 90; break;   // PTX_VERSION, BINARY_VERSION
    default: *value = 0;
  }
  return SUCCESS;
}

EMULATOR_API int cuFuncSetAttribute(Function* function, int, int) {
  ENTER_CONTEXT();
  return s.functions.count(function) ? SUCCESS : ERROR_INVALID_HANDLE;
}

EMULATOR_API int cuFuncSetCacheConfig(Function* function, int) {
  ENTER_CONTEXT();
  return s.functions.count(function) ? SUCCESS : ERROR_INVALID_HANDLE;
}

EMULATOR_API int cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, Function* function, int size, size_t,
                                                                      unsigned) {
  ENTER_CONTEXT();
  if (!s.functions.count(function)) return ERROR_INVALID_HANDLE;
  if (size < 1) return ERROR_INVALID_VALUE;
  *blocks = std::min(32, 2048 / size);
  return SUCCESS;
}

EMULATOR_API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Function* function, int size, size_t shared) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, size, shared, 0);
}

EMULATOR_API int cuLaunchKernel(Function* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                                unsigned block_y, unsigned block_z, unsigned shared, void* stream, void** parameters,
                                void** extra) {
  ENTER_CONTEXT();
  if (!s.functions.count(function)) return ERROR_INVALID_HANDLE;
  if (!grid_x || !grid_y || !grid_z || !block_x || !block_y || !block_z) return ERROR_INVALID_VALUE;
  if (grid_x > 2147483647u || grid_y > 65535 || grid_z > 65535) return ERROR_INVALID_VALUE;
  if (block_x > 1024 || block_y > 1024 || block_z > 64 || block_x * block_y * block_z > 1024)
    return ERROR_INVALID_VALUE;
  const Kernel* kernel = function->kernel;
  if (extra || (kernel->count && !parameters)) return ERROR_INVALID_VALUE;
  if (shared) {
    note("%s is launched with dynamic shared memory, which is not emulated", kernel->name);
    return ERROR_NOT_SUPPORTED;
  }
  auto launch = std::make_shared<Launch>();
  launch->kernel = kernel;
  launch->grid = {grid_x, grid_y, grid_z};
  launch->block = {block_x, block_y, block_z};
  Node node;
  node.name = kernel->name;
  constexpr size_t unit = sizeof(std::max_align_t);
  size_t units = 0;
  for (size_t i = 0; i < kernel->count; ++i) units += (kernel->parameters[i].size + unit - 1) / unit;
  launch->bytes.resize(units);
  std::max_align_t* next = launch->bytes.data();
  for (size_t i = 0; i < kernel->count; ++i) {
    const auto& parameter = kernel->parameters[i];
    memcpy(next, parameters[i], parameter.size);
    launch->parameters.push_back(next);
    if (parameter.pointer) node.ranges.push_back({*reinterpret_cast<void**>(next), 0});
    next += (parameter.size + unit - 1) / unit;
  }
  node.run = [launch](Stream*) { run_kernel(launch->kernel, launch->grid, launch->block, launch->parameters.data()); };
  return submit(stream, std::move(node), false);
}
