// Initialisation of the driver, the names and texts of its errors, and queries of the only device.
//
// LOCK() and the ENTER macros declare `s`, the driver's State, and hold its mutex until the function returns.
#include <stdarg.h>

#include "driver.h"

namespace emulator::driver {

std::string& last_work() {
  // Never destroyed, since diagnostics may be printed during process exit.
  static std::string* name = new std::string("nothing");
  return *name;
}

void note(const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  fprintf(stderr, "emulated CUDA: %s\n", text);
}

int environment(const char* name, int otherwise) {
  const char* value = getenv(name);
  return value && *value ? atoi(value) : otherwise;
}

// Never destroyed: other threads may still call the driver during process exit.
State& state() {
  static State* instance = new State;
  return *instance;
}

}  // namespace emulator::driver

using namespace emulator::driver;

EMULATOR_API int cuInit(unsigned flags) {
  LOCK();
  if (flags) return ERROR_INVALID_VALUE;
  if (s.ready) return SUCCESS;
  // 0 stands for a machine without a GPU; any other value for one GPU.
  if (environment("DEEPVIZ_EMULATED_DEVICES", 1) == 0) return ERROR_NO_DEVICE;
  s.total = size_t(std::max(1, environment("DEEPVIZ_EMULATED_MB", 2048))) << 20;
  s.tracing = environment("DEEPVIZ_EMULATED_TRACE", 0) != 0;
  s.reversed = environment("DEEPVIZ_EMULATED_REVERSE", 0) != 0;
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
    case 16: *value = 4; break;            // MULTIPROCESSOR_COUNT: few, so that grids sized by it stay small
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
