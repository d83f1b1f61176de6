// The calls that allocate, free, copy and fill memory.
#include "driver.h"

using namespace emulator::driver;

namespace {

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

}  // namespace

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
