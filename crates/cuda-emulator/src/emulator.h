// The interfaces between the parts of the emulator: kernels, driver, BLAS (cuBLAS) and DNN (cuDNN).
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tuple>
#include <type_traits>
#include <utility>

#define EMULATOR_API extern "C" __attribute__((visibility("default")))

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// The emulator sets these before it runs or goes on with a thread. One kernel runs at a time, so they need not be
// local to the thread of the operating system.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace emulator {

// One parameter of a kernel, as its C++ signature has it.
struct Parameter {
  size_t size;
  bool pointer;
};

// A kernel that is compiled in. The table of them is generated (scripts/build/emulator.sh) and ends with a null name.
struct Kernel {
  const char* name;
  const Parameter* parameters;
  size_t count;
  void* function;
  void (*call)(void* function, void* const* parameters);
};

extern const Kernel kernels[];

template <class... T>
struct Signature {
  static constexpr Parameter parameters[sizeof...(T) + 1] = {{sizeof(T), std::is_pointer<T>::value}..., {0, false}};
  static_assert((std::is_trivially_copyable<T>::value && ...), "a kernel's parameters are copied as bytes");

  template <size_t... I>
  static void apply(void (*function)(T...), void* const* parameters, std::index_sequence<I...>) {
    function(*static_cast<typename std::tuple_element<I, std::tuple<T...>>::type*>(parameters[I])...);
  }

  static void call(void* function, void* const* parameters) {
    apply(reinterpret_cast<void (*)(T...)>(function), parameters, std::index_sequence_for<T...>());
  }
};

template <class... T>
Kernel describe(const char* name, void (*function)(T...)) {
  return {name, Signature<T...>::parameters, sizeof...(T), reinterpret_cast<void*>(function), &Signature<T...>::call};
}

// Returns when all live threads of the block have come here.
void barrier(const char* file, int line);

[[noreturn]] void trap(const char* file, int line);

// Device memory that some work touches. With no bytes, only the pointer is known: it must point into live memory.
struct Range {
  const void* start;
  size_t bytes;
};

}  // namespace emulator

// For the BLAS and the DNN, which are libraries of their own. Runs `run(copy of closure)` at once, or records it where
// the stream is capturing. Returns a CUresult.
EMULATOR_API int deepvizEmulatedSubmit(void* stream, const char* name, const emulator::Range* ranges, size_t count,
                                       void (*run)(const void* closure), const void* closure, size_t bytes);
// Whether a call that may wait for the device or allocate can be made now. Returns a CUresult.
EMULATOR_API int deepvizEmulatedMayWait(void);
