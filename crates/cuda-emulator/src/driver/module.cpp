// Modules and their kernels.
#include <cstddef>
#include <fstream>
#include <iterator>

#include "driver.h"

using emulator::Kernel;
using namespace emulator::driver;

namespace {

// A launch keeps its parameters by value, since a capture outlives the call.
struct Launch {
  const Kernel* kernel;
  dim3 grid, block;
  std::vector<std::max_align_t> bytes;
  std::vector<void*> parameters;
};

// A module is text; nothing more of it is looked at.
bool is_ptx(const char* image) { return strstr(image, ".version") != nullptr; }

}  // namespace

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
