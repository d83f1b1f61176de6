// Copies to pinned memory, which arrive late: when something waits for them.
#include "driver.h"

namespace emulator::driver {

namespace {

template <class Which>
void deliver_if(Which which) {
  state().late.remove_if([&](const Late& copy) {
    if (!which(copy)) return false;
    memcpy(copy.to, copy.bytes.data(), copy.bytes.size());
    return true;
  });
}

}  // namespace

void deliver_all() {
  deliver_if([](const Late&) { return true; });
}

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

void make_late(const Stream* stream, void* to, size_t bytes) {
  char* start = static_cast<char*>(to);
  state().late.push_back({start, std::vector<char>(start, start + bytes), {stream}, {}});
  memset(start, 0xFF, bytes);
}

void deliver_to(const Range& range, const Stream* stream) {
  if (state().late.empty() || !range.start || !is_pinned(range.start)) return;
  const Allocation* it = holder(range.start);
  const char* start = static_cast<const char*>(range.start);
  const char* finish = start + range.bytes;
  if (range.bytes == 0) start = start_of(*it), finish = after(*it);
  deliver_if([=](const Late& copy) {
    return copy.streams.count(stream) && copy.to < finish && start < copy.to + copy.bytes.size();
  });
}

}  // namespace emulator::driver
