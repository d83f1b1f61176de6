// The threads of a block, as fibers: one runs until it waits at a barrier, then another goes on.
#if !defined(__x86_64__) && !defined(EMULATOR_UCONTEXT)
#define EMULATOR_UCONTEXT
#endif
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef EMULATOR_UCONTEXT
#include <ucontext.h>
#endif

#include "driver.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator::driver {

namespace {

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
            "%s:%d", last_work().c_str(), blockIdx.x, blockIdx.y, blockIdx.z, first->thread.x, first->thread.y,
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
      text, sizeof(text), "emulated CUDA: %s: %s in thread (%u, %u, %u) of block (%u, %u, %u)\n", last_work().c_str(),
      number == SIGFPE ? "an integer is divided by zero" : "an access to memory that is not there, or too deep a stack",
      threadIdx.x, threadIdx.y, threadIdx.z, blockIdx.x, blockIdx.y, blockIdx.z);
  if (write(2, text, static_cast<size_t>(length)) < 0) {
  }
  signal(SIGABRT, SIG_DFL);
  abort();
}

}  // namespace

void run_kernel(const Kernel* kernel, dim3 grid, dim3 block, void* const* parameters) {
  if (state().tracing)
    note("%s grid (%u, %u, %u) block (%u, %u, %u)", kernel->name, grid.x, grid.y, grid.z, block.x, block.y, block.z);
  constexpr int caught[] = {SIGSEGV, SIGBUS, SIGFPE};
  struct sigaction ours = {}, before[3];
  ours.sa_handler = on_signal;
  ours.sa_flags = SA_ONSTACK;
  for (int i = 0; i < 3; ++i) sigaction(caught[i], &ours, &before[i]);
  reversed = state().reversed;
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

}  // namespace emulator::driver

namespace emulator {

using namespace driver;

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
  DIE("%s: trap at %s:%d in thread (%u, %u, %u) of block (%u, %u, %u)", last_work().c_str(), file, line, threadIdx.x,
      threadIdx.y, threadIdx.z, blockIdx.x, blockIdx.y, blockIdx.z);
}

}  // namespace emulator
