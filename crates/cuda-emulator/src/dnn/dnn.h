// The part of cuDNN that deepViz calls, on the processor: convolutions of float32 images with two axes, by the legacy
// interface of cuDNN 9.
//
// Sums are in double, whatever the math type: no rounding to TF32 is emulated. Of the two algorithms of each kind the
// faster one is not deterministic, so that a caller has to look.
#pragma once

#include <mutex>
#include <unordered_set>

#include "../emulator.h"

namespace emulator::dnn {

#define STATUSES(S)                                \
  S(SUCCESS, 0)                                    \
  S(NOT_INITIALIZED, 1001)                         \
  S(BAD_PARAM, 2000)                               \
  S(BAD_PARAM_NULL_POINTER, 2002)                  \
  S(BAD_PARAM_SIZE_INSUFFICIENT, 2006)             \
  S(NOT_SUPPORTED, 3000)                           \
  S(INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED, 4004) \
  S(EXECUTION_FAILED_CUDA_DRIVER, 5001)

enum Status : int {
#define VALUE(name, value) name = value,
  STATUSES(VALUE)
#undef VALUE
};

constexpr int FLOAT = 0, NCHW = 0, NHWC = 1, CONVOLUTION = 0, CROSS_CORRELATION = 1;

// The text of the last failure in this thread.
extern thread_local char last_error[256];

Status fail(Status status, const char* format, ...) __attribute__((format(printf, 2, 3)));

#define CHECK(expression) \
  if (Status wrong = (expression)) return wrong

struct Handle {
  void* stream = nullptr;
};

// Of a tensor: images, channels, rows, columns. Of a filter: filters, channels of one, rows, columns.
struct Dims {
  bool set = false;
  int format = NCHW;
  int n = 0, c = 0, h = 0, w = 0;

  int64_t count() const { return int64_t(n) * c * h * w; }
};
struct Tensor : Dims {};
struct Filter : Dims {};

struct Convolution {
  bool set = false;
  int pad_h = 0, pad_w = 0, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int mode = CROSS_CORRELATION, groups = 1, math = 0;
};

extern std::mutex mutex;

// The objects that exist.
template <class T>
std::unordered_set<T*>& live() {
  static auto* all = new std::unordered_set<T*>;
  return *all;
}

template <class T>
bool is_live(T* it) {
  std::lock_guard<std::mutex> lock(mutex);
  return live<T>().count(it) != 0;
}

template <class T>
int create(T** to) {
  if (!to) return fail(BAD_PARAM_NULL_POINTER, "nowhere to put what is created");
  *to = new T;
  std::lock_guard<std::mutex> lock(mutex);
  live<T>().insert(*to);
  return SUCCESS;
}

template <class T>
int destroy(T* it) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!live<T>().erase(it)) return fail(BAD_PARAM, "what is destroyed does not exist (any more)");
  delete it;
  return SUCCESS;
}

// The output of a convolution.
Status output_dims(const Convolution* how, const Tensor* x, const Filter* w, Dims& y);

enum Kind { FORWARD, DATA, FILTER };

// Distances between elements that are neighbours along an axis.
struct Strides {
  int64_t n, c, h, w;

  explicit Strides(const Dims& d = {}) {
    if (d.format == NHWC)
      c = 1, w = d.c, h = w * d.w, n = h * d.h;
    else
      w = 1, h = d.w, c = h * d.h, n = c * d.c;
  }
};

// A convolution or one of its gradients, with all arguments of the call.
struct Work {
  Kind kind;
  Convolution how;
  Dims x, w, y;
  Strides at_x, at_w, at_y;
  // One of them is the output, by the kind.
  float *x_data, *w_data, *y_data;
  float alpha, beta;
  char* workspace;
  size_t workspace_bytes;

  // Where along an axis an output's window has its element r; negative or too large in the padding.
  int row(int output, int r) const { return output * how.stride_h - how.pad_h + place(r, w.h) * how.dilation_h; }
  int column(int output, int s) const { return output * how.stride_w - how.pad_w + place(s, w.w) * how.dilation_w; }
  // A convolution in the strict sense turns the filter around.
  int place(int r, int size) const { return how.mode == CONVOLUTION ? size - 1 - r : r; }

  // alpha * sum + beta * what was there.
  void put(float& to, double sum) const {
    const double before = beta == 0.0f ? 0.0 : double(beta) * double(to);
    to = float(double(alpha) * sum + before);
  }
};

// Computes what `work` says, at once.
void compute(const Work& work);

}  // namespace emulator::dnn
