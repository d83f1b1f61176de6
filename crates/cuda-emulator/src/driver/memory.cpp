// Device and pinned memory, with guards before and after each allocation.
#include "driver.h"

namespace emulator::driver {

namespace {

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

}  // namespace

char* start_of(const Allocation& it) { return it.base + GUARD; }

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
          "ran last: %s)", it.bytes, GUARD - last + 1, GUARD - first, when, last_work().c_str());
    DIE("memory behind the end of an allocation of %zu bytes was written, at bytes %zu to %zu (found %s; ran last: %s)",
        it.bytes, it.bytes + first, it.bytes + last - 1, when, last_work().c_str());
  }
}

void check_all_guards(const char* when) {
  for (const auto& entry : state().memory) check_guards(entry.second, when);
}

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
         last_work().c_str());
    return ERROR_INVALID_VALUE;
  }
  check_guards(found->second, "when it was freed");
  if (!host) s.used -= found->second.bytes;
  // A kernel that reads it afterwards shall not find the old numbers.
  memset(found->second.base, 0xFF, std::min(found->second.bytes + GUARD, size_t(1) << 20));
  asm volatile("" : : "r"(found->second.base) : "memory");  // else the compiler leaves that out
  free(found->second.base);
  s.memory.erase(found);
  return SUCCESS;
}

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

void release_everything() {
  State& s = state();
  deliver_all();
  while (!s.memory.empty()) release(s.memory.begin()->first, s.memory.begin()->second.host);
}

namespace {

__attribute__((destructor)) void at_exit() {
  State& s = state();
  // Whoever holds the lock now never returns; then there is nothing to be said about its memory.
  if (!s.mutex.try_lock()) return;
  check_all_guards("at exit");
  s.mutex.unlock();
}

}  // namespace

}  // namespace emulator::driver
