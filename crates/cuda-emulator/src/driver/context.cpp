// Contexts: the primary one and others.
#include <iterator>

#include "driver.h"

namespace emulator::driver {

thread_local Context* current = nullptr;

Result check_context() {
  if (!current) return ERROR_INVALID_CONTEXT;
  if (current == &state().primary && current->references == 0) return ERROR_CONTEXT_IS_DESTROYED;
  return SUCCESS;
}

}  // namespace emulator::driver

using namespace emulator::driver;

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
