// The part of cuDNN that deepViz calls, on the processor: convolutions of float32 images with two axes, by the legacy
// interface of cuDNN 9.
//
// Sums are in double, whatever the math type: no rounding to TF32 is emulated. Of the two algorithms of each kind the
// faster one is not deterministic, so that a caller has to look.
#define EMULATOR_HOST
#include <stdarg.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "device.h"

// Of the driver. Finding algorithms waits for the stream, which spoils a capture.
extern "C" int cuStreamSynchronize(void* stream);

namespace {

using emulator::Range;

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

thread_local char last_error[256] = "";

Status fail(Status status, const char* format, ...) __attribute__((format(printf, 2, 3)));
Status fail(Status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof(last_error), format, arguments);
  va_end(arguments);
  return status;
}

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

std::mutex mutex;
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

template <class T>
int set_dims(T* it, int format, int type, int n, int c, int h, int w) {
  if (!is_live(it)) return fail(BAD_PARAM, "the descriptor does not exist");
  if (type != FLOAT) return fail(NOT_SUPPORTED, "data type %d; only CUDNN_DATA_FLOAT is emulated", type);
  if (format != NCHW && format != NHWC)
    return fail(NOT_SUPPORTED, "format %d; only NCHW and NHWC are emulated", format);
  if (n < 1 || c < 1 || h < 1 || w < 1) return fail(BAD_PARAM, "sizes %d, %d, %d, %d", n, c, h, w);
  static_cast<Dims&>(*it) = {true, format, n, c, h, w};
  return SUCCESS;
}

int outputs(int side, int pad, int size, int dilation, int stride) {
  const int room = side + 2 * pad - ((size - 1) * dilation + 1);
  return room < 0 ? 0 : 1 + room / stride;
}

Status output_dims(const Convolution* how, const Tensor* x, const Filter* w, Dims& y) {
  if (!is_live(const_cast<Convolution*>(how)) || !is_live(const_cast<Tensor*>(x)) || !is_live(const_cast<Filter*>(w)))
    return fail(BAD_PARAM, "a descriptor does not exist");
  if (!how->set || !x->set || !w->set) return fail(BAD_PARAM, "a descriptor was not set");
  if (w->format != x->format) return fail(NOT_SUPPORTED, "input and filters of different formats are not emulated");
  if (int64_t(w->c) * how->groups != x->c || w->n % how->groups)
    return fail(BAD_PARAM, "%d filters of %d channels in %d groups do not go with %d channels", w->n, w->c, how->groups,
                x->c);
  y = {true, x->format, x->n, w->n, outputs(x->h, how->pad_h, w->h, how->dilation_h, how->stride_h),
       outputs(x->w, how->pad_w, w->w, how->dilation_w, how->stride_w)};
  if (y.h < 1 || y.w < 1) return fail(BAD_PARAM, "the filters are larger than the padded input");
  return SUCCESS;
}

enum Kind { FORWARD, DATA, FILTER };

struct Algorithm {
  int number;
  bool deterministic;
  float time;
};
// The fastest first.
constexpr Algorithm algorithms[3][2] = {
    {{7, false, 0.25f}, {1, true, 0.5f}},  // ..._FWD_ALGO_WINOGRAD_NONFUSED, ..._IMPLICIT_PRECOMP_GEMM
    {{0, false, 0.25f}, {1, true, 0.5f}},  // ..._BWD_DATA_ALGO_0, _1
    {{0, false, 0.25f}, {1, true, 0.5f}},  // ..._BWD_FILTER_ALGO_0, _1
};

const Algorithm* algorithm(Kind kind, int number) {
  for (const Algorithm& it : algorithms[kind])
    if (it.number == number) return &it;
  return nullptr;
}

// Different for all shapes and kinds, so that one's workspace does not do for another.
size_t needed(Kind kind, const Algorithm& it, const Dims& x, const Dims& w, const Dims& y) {
  const int64_t floats = kind == FORWARD ? x.count() : kind == DATA ? y.count() : w.count();
  return 1024 + size_t(it.deterministic ? floats : 2 * floats) * sizeof(float);
}

// Where an element lies.
struct Strides {
  int64_t n, c, h, w;

  explicit Strides(const Dims& d = {}) {
    if (d.format == NHWC)
      c = 1, w = d.c, h = w * d.w, n = h * d.h;
    else
      w = 1, h = d.w, c = h * d.h, n = c * d.c;
  }
};

struct Work {
  Kind kind;
  Convolution how;
  Dims x, w, y;
  Strides at_x, at_w, at_y;
  // One of them is what is computed.
  float *x_data, *w_data, *y_data;
  float alpha, beta;
  char* workspace;
  size_t workspace_bytes;

  // Where along an axis an output's window has its element r; negative or too large in the padding.
  int row(int output, int r) const { return output * how.stride_h - how.pad_h + place(r, w.h) * how.dilation_h; }
  int column(int output, int s) const { return output * how.stride_w - how.pad_w + place(s, w.w) * how.dilation_w; }
  // A convolution in the strict sense turns the filter around.
  int place(int r, int size) const { return how.mode == CONVOLUTION ? size - 1 - r : r; }

  void put(float& to, double sum) const {
    const double before = beta == 0.0f ? 0.0 : double(beta) * double(to);
    to = float(double(alpha) * sum + before);
  }
};

// Calls then(y's row and column, the filter's, x's) for all that meet inside of the image.
template <class Then>
void meet(const Work& g, Then then) {
  for (int i = 0; i < g.y.h; ++i)
    for (int j = 0; j < g.y.w; ++j)
      for (int r = 0; r < g.w.h; ++r) {
        const int row = g.row(i, r);
        if (row < 0 || row >= g.x.h) continue;
        for (int s = 0; s < g.w.w; ++s) {
          const int column = g.column(j, s);
          if (column >= 0 && column < g.x.w) then(i, j, r, s, row, column);
        }
      }
}

void compute(const Work& g) {
  const int channels = g.w.c, filters = g.w.n / g.how.groups;
  std::vector<double> sums;
  if (g.kind == FILTER) {
    // Of one group: filter, row, column, channel.
    for (int group = 0; group < g.how.groups; ++group) {
      sums.assign(size_t(filters) * g.w.h * g.w.w * channels, 0.0);
      for (int n = 0; n < g.x.n; ++n)
        meet(g, [&](int i, int j, int r, int s, int row, int column) {
          const float* x = g.x_data + n * g.at_x.n + group * channels * g.at_x.c + row * g.at_x.h + column * g.at_x.w;
          const float* y = g.y_data + n * g.at_y.n + group * filters * g.at_y.c + i * g.at_y.h + j * g.at_y.w;
          for (int k = 0; k < filters; ++k) {
            double* sum = &sums[((size_t(k) * g.w.h + r) * g.w.w + s) * channels];
            const double by = y[k * g.at_y.c];
            for (int c = 0; c < channels; ++c) sum[c] += by * double(x[c * g.at_x.c]);
          }
        });
      const double* sum = sums.data();
      for (int k = group * filters; k < (group + 1) * filters; ++k)
        for (int r = 0; r < g.w.h; ++r)
          for (int s = 0; s < g.w.w; ++s)
            for (int c = 0; c < channels; ++c)
              g.put(g.w_data[k * g.at_w.n + c * g.at_w.c + r * g.at_w.h + s * g.at_w.w], *sum++);
    }
    return;
  }
  const bool forward = g.kind == FORWARD;
  const Dims& out = forward ? g.y : g.x;
  const Strides& at_out = forward ? g.at_y : g.at_x;
  float* out_data = forward ? g.y_data : g.x_data;
  for (int n = 0; n < g.x.n; ++n) {
    // Of one image: row, column, channel.
    sums.assign(size_t(out.h) * out.w * out.c, 0.0);
    meet(g, [&](int i, int j, int r, int s, int row, int column) {
      const float* x = g.x_data + n * g.at_x.n + row * g.at_x.h + column * g.at_x.w;
      const float* y = g.y_data + n * g.at_y.n + i * g.at_y.h + j * g.at_y.w;
      double* sum = &sums[size_t(forward ? i * out.w + j : row * out.w + column) * out.c];
      for (int k = 0; k < g.w.n; ++k) {
        const int first = k / filters * channels;
        const float* w = g.w_data + k * g.at_w.n + r * g.at_w.h + s * g.at_w.w;
        if (forward) {
          for (int c = 0; c < channels; ++c) sum[k] += double(w[c * g.at_w.c]) * double(x[(first + c) * g.at_x.c]);
        } else {
          const double by = y[k * g.at_y.c];
          for (int c = 0; c < channels; ++c) sum[first + c] += by * double(w[c * g.at_w.c]);
        }
      }
    });
    const double* sum = sums.data();
    for (int i = 0; i < out.h; ++i)
      for (int j = 0; j < out.w; ++j)
        for (int c = 0; c < out.c; ++c)
          g.put(out_data[n * at_out.n + c * at_out.c + i * at_out.h + j * at_out.w], *sum++);
  }
}

// The real library works there as well, so nothing may be kept in it.
void scribble(const Work& g) {
  if (g.workspace) memset(g.workspace, 0xFF, std::min<size_t>(g.workspace_bytes, 64 << 10));
}

void run(const void* closure) {
  Work g;
  memcpy(static_cast<void*>(&g), closure, sizeof(g));
  scribble(g);
  compute(g);
}

// Whatever ran last while algorithms were tried leaves its results: here numbers that no one mistakes for some.
void spoil(const void* closure) {
  Work g;
  memcpy(static_cast<void*>(&g), closure, sizeof(g));
  scribble(g);
  const Dims& out = g.kind == FORWARD ? g.y : g.kind == DATA ? g.x : g.w;
  float* data = g.kind == FORWARD ? g.y_data : g.kind == DATA ? g.x_data : g.w_data;
  memset(data, 0xFF, size_t(out.count()) * sizeof(float));
}

Status describe(Work& g, Handle* handle, Kind kind, const Tensor* x, const Filter* w, const Convolution* how,
                const Tensor* y) {
  if (!is_live(handle)) return fail(NOT_INITIALIZED, "the handle does not exist");
  Dims expected;
  CHECK(output_dims(how, x, w, expected));
  if (!is_live(const_cast<Tensor*>(y)) || !y->set) return fail(BAD_PARAM, "the output's descriptor was not set");
  if (y->format != x->format) return fail(NOT_SUPPORTED, "input and output of different formats are not emulated");
  if (y->n != expected.n || y->c != expected.c || y->h != expected.h || y->w != expected.w)
    return fail(BAD_PARAM, "outputs are %d x %d x %d x %d, not %d x %d x %d x %d", expected.n, expected.c, expected.h,
                expected.w, y->n, y->c, y->h, y->w);
  g.kind = kind;
  g.how = *how;
  g.x = *x, g.w = *w, g.y = *y;
  g.at_x = Strides(g.x), g.at_w = Strides(g.w), g.at_y = Strides(g.y);
  return SUCCESS;
}

Status submit(Handle* handle, const char* name, Work& g, const void* x, const void* w, const void* y, void* workspace,
              size_t bytes, void (*what)(const void*)) {
  if (!x || !w || !y || (!workspace && bytes)) return fail(BAD_PARAM_NULL_POINTER, "%s: no data", name);
  // What is not computed is only read.
  g.x_data = static_cast<float*>(const_cast<void*>(x));
  g.w_data = static_cast<float*>(const_cast<void*>(w));
  g.y_data = static_cast<float*>(const_cast<void*>(y));
  g.workspace = static_cast<char*>(workspace);
  g.workspace_bytes = bytes;
  const auto size = [](const Dims& d) { return size_t(d.count()) * sizeof(float); };
  const Range ranges[] = {{x, size(g.x)}, {w, size(g.w)}, {y, size(g.y)}, {workspace, bytes}};
  const int wrong = deepvizEmulatedSubmit(handle->stream, name, ranges, std::size(ranges), what, &g, sizeof(g));
  return wrong ? fail(EXECUTION_FAILED_CUDA_DRIVER, "%s: the driver says %d", name, wrong) : SUCCESS;
}

int convolve(const char* name, Kind kind, Handle* handle, const float* alpha, const Tensor* x_is, const void* x,
             const Filter* w_is, const void* w, const Convolution* how, int number, void* workspace, size_t bytes,
             const float* beta, const Tensor* y_is, const void* y) {
  Work g;
  CHECK(describe(g, handle, kind, x_is, w_is, how, y_is));
  if (!alpha || !beta) return fail(BAD_PARAM_NULL_POINTER, "%s: no alpha or beta", name);
  const Algorithm* chosen = algorithm(kind, number);
  if (!chosen) return fail(NOT_SUPPORTED, "%s: algorithm %d is not emulated", name, number);
  const size_t needs = needed(kind, *chosen, g.x, g.w, g.y);
  if (bytes < needs)
    return fail(BAD_PARAM_SIZE_INSUFFICIENT, "%s: a workspace of %zu bytes, needed are %zu", name, bytes, needs);
  g.alpha = *alpha, g.beta = *beta;
  return submit(handle, name, g, x, w, y, workspace, bytes, run);
}

// The same for all three kinds.
struct Found {
  int algorithm, status;
  float time;
  size_t memory;
  int determinism, math;
  int reserved[3];
};
static_assert(sizeof(Found) == 48 && offsetof(Found, memory) == 16, "as in cudnn_cnn.h");

int find(const char* name, Kind kind, Handle* handle, const Tensor* x_is, const void* x, const Filter* w_is,
         const void* w, const Convolution* how, const Tensor* y_is, const void* y, int room, int* count, Found* found,
         void* workspace, size_t bytes) {
  Work g;
  CHECK(describe(g, handle, kind, x_is, w_is, how, y_is));
  if (room < 1 || !count || !found) return fail(BAD_PARAM, "%s: no room for results", name);
  // Trying takes events and waits for them.
  if (int wrong = cuStreamSynchronize(handle->stream))
    return fail(EXECUTION_FAILED_CUDA_DRIVER, "%s: the driver says %d", name, wrong);
  if (int wrong = deepvizEmulatedMayWait())
    return fail(EXECUTION_FAILED_CUDA_DRIVER, "%s: the driver says %d", name, wrong);
  CHECK(submit(handle, name, g, x, w, y, workspace, bytes, spoil));
  Found all[2];
  for (int i = 0; i < 2; ++i) {
    const Algorithm& it = algorithms[kind][i];
    const size_t needs = needed(kind, it, g.x, g.w, g.y);
    const bool fits = needs <= bytes;
    const int status = fits ? SUCCESS : INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
    all[i] = {it.number, status, fits ? it.time : -1.0f, needs, it.deterministic, g.how.math, {}};
  }
  // What could not be tried comes last.
  std::stable_partition(all, all + 2, [](const Found& it) { return it.status == SUCCESS; });
  *count = std::min(room, 2);
  std::copy_n(all, *count, found);
  return SUCCESS;
}

int workspace_size(Kind kind, Handle* handle, const Tensor* x, const Filter* w, const Convolution* how,
                   const Tensor* y, int number, size_t* bytes) {
  Work g;
  CHECK(describe(g, handle, kind, x, w, how, y));
  const Algorithm* chosen = algorithm(kind, number);
  if (!chosen) return fail(NOT_SUPPORTED, "algorithm %d is not emulated", number);
  if (!bytes) return fail(BAD_PARAM_NULL_POINTER, "nowhere to put the size");
  *bytes = needed(kind, *chosen, g.x, g.w, g.y);
  return SUCCESS;
}

}  // namespace

EMULATOR_API size_t cudnnGetVersion() { return 91002; }

EMULATOR_API const char* cudnnGetErrorString(int status) {
  switch (status) {
#define CASE(name, value) \
  case value: return "CUDNN_STATUS_" #name;
    STATUSES(CASE)
#undef CASE
  }
  return "CUDNN_UNKNOWN_STATUS";
}

EMULATOR_API void cudnnGetLastErrorString(char* message, size_t room) {
  if (message && room) snprintf(message, room, "%s", last_error);
}

EMULATOR_API int cudnnCreate(Handle** handle) {
  // It allocates, which a capture does not allow.
  if (int wrong = deepvizEmulatedMayWait()) return fail(NOT_INITIALIZED, "cudnnCreate: the driver says %d", wrong);
  return create(handle);
}

EMULATOR_API int cudnnDestroy(Handle* handle) { return destroy(handle); }

EMULATOR_API int cudnnSetStream(Handle* handle, void* stream) {
  if (!is_live(handle)) return fail(NOT_INITIALIZED, "the handle does not exist");
  handle->stream = stream;
  return SUCCESS;
}

EMULATOR_API int cudnnCreateTensorDescriptor(Tensor** it) { return create(it); }
EMULATOR_API int cudnnDestroyTensorDescriptor(Tensor* it) { return destroy(it); }
EMULATOR_API int cudnnSetTensor4dDescriptor(Tensor* it, int format, int type, int n, int c, int h, int w) {
  return set_dims(it, format, type, n, c, h, w);
}

EMULATOR_API int cudnnCreateFilterDescriptor(Filter** it) { return create(it); }
EMULATOR_API int cudnnDestroyFilterDescriptor(Filter* it) { return destroy(it); }
EMULATOR_API int cudnnSetFilter4dDescriptor(Filter* it, int type, int format, int k, int c, int h, int w) {
  return set_dims(it, format, type, k, c, h, w);
}

EMULATOR_API int cudnnCreateConvolutionDescriptor(Convolution** it) { return create(it); }
EMULATOR_API int cudnnDestroyConvolutionDescriptor(Convolution* it) { return destroy(it); }
EMULATOR_API int cudnnSetConvolution2dDescriptor(Convolution* it, int pad_h, int pad_w, int stride_h, int stride_w,
                                                 int dilation_h, int dilation_w, int mode, int type) {
  if (!is_live(it)) return fail(BAD_PARAM, "the descriptor does not exist");
  if (type != FLOAT) return fail(NOT_SUPPORTED, "compute type %d; only CUDNN_DATA_FLOAT is emulated", type);
  if (pad_h < 0 || pad_w < 0 || stride_h < 1 || stride_w < 1 || dilation_h < 1 || dilation_w < 1 ||
      (mode != CONVOLUTION && mode != CROSS_CORRELATION))
    return fail(BAD_PARAM, "a padding below 0, a stride or dilation below 1, or an unknown mode");
  *it = {true, pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, mode, it->groups, it->math};
  return SUCCESS;
}

EMULATOR_API int cudnnSetConvolutionGroupCount(Convolution* it, int groups) {
  if (!is_live(it) || groups < 1) return fail(BAD_PARAM, "no descriptor, or %d groups", groups);
  it->groups = groups;
  return SUCCESS;
}

EMULATOR_API int cudnnSetConvolutionMathType(Convolution* it, int math) {
  if (!is_live(it) || math < 0 || math > 3) return fail(BAD_PARAM, "no descriptor, or math type %d", math);
  it->math = math;
  return SUCCESS;
}

EMULATOR_API int cudnnGetConvolution2dForwardOutputDim(const Convolution* how, const Tensor* x, const Filter* w, int* n,
                                                       int* c, int* height, int* width) {
  Dims y;
  CHECK(output_dims(how, x, w, y));
  if (!n || !c || !height || !width) return fail(BAD_PARAM_NULL_POINTER, "nowhere to put the sizes");
  *n = y.n, *c = y.c, *height = y.h, *width = y.w;
  return SUCCESS;
}

EMULATOR_API int cudnnFindConvolutionForwardAlgorithmEx(Handle* handle, const Tensor* x_is, const void* x,
                                                        const Filter* w_is, const void* w, const Convolution* how,
                                                        const Tensor* y_is, void* y, int room, int* count, Found* found,
                                                        void* workspace, size_t bytes) {
  return find(__func__, FORWARD, handle, x_is, x, w_is, w, how, y_is, y, room, count, found, workspace, bytes);
}

EMULATOR_API int cudnnFindConvolutionBackwardDataAlgorithmEx(Handle* handle, const Filter* w_is, const void* w,
                                                             const Tensor* y_is, const void* y, const Convolution* how,
                                                             const Tensor* x_is, void* x, int room, int* count,
                                                             Found* found, void* workspace, size_t bytes) {
  return find(__func__, DATA, handle, x_is, x, w_is, w, how, y_is, y, room, count, found, workspace, bytes);
}

EMULATOR_API int cudnnFindConvolutionBackwardFilterAlgorithmEx(Handle* handle, const Tensor* x_is, const void* x,
                                                               const Tensor* y_is, const void* y,
                                                               const Convolution* how, const Filter* w_is, void* w,
                                                               int room, int* count, Found* found, void* workspace,
                                                               size_t bytes) {
  return find(__func__, FILTER, handle, x_is, x, w_is, w, how, y_is, y, room, count, found, workspace, bytes);
}

EMULATOR_API int cudnnGetConvolutionForwardWorkspaceSize(Handle* handle, const Tensor* x, const Filter* w,
                                                         const Convolution* how, const Tensor* y, int number,
                                                         size_t* bytes) {
  return workspace_size(FORWARD, handle, x, w, how, y, number, bytes);
}

EMULATOR_API int cudnnGetConvolutionBackwardDataWorkspaceSize(Handle* handle, const Filter* w, const Tensor* y,
                                                              const Convolution* how, const Tensor* x, int number,
                                                              size_t* bytes) {
  return workspace_size(DATA, handle, x, w, how, y, number, bytes);
}

EMULATOR_API int cudnnGetConvolutionBackwardFilterWorkspaceSize(Handle* handle, const Tensor* x, const Tensor* y,
                                                                const Convolution* how, const Filter* w, int number,
                                                                size_t* bytes) {
  return workspace_size(FILTER, handle, x, w, how, y, number, bytes);
}

EMULATOR_API int cudnnConvolutionForward(Handle* handle, const float* alpha, const Tensor* x_is, const void* x,
                                         const Filter* w_is, const void* w, const Convolution* how, int number,
                                         void* workspace, size_t bytes, const float* beta, const Tensor* y_is,
                                         void* y) {
  return convolve(__func__, FORWARD, handle, alpha, x_is, x, w_is, w, how, number, workspace, bytes, beta, y_is, y);
}

EMULATOR_API int cudnnConvolutionBackwardData(Handle* handle, const float* alpha, const Filter* w_is, const void* w,
                                              const Tensor* y_is, const void* y, const Convolution* how, int number,
                                              void* workspace, size_t bytes, const float* beta, const Tensor* x_is,
                                              void* x) {
  return convolve(__func__, DATA, handle, alpha, x_is, x, w_is, w, how, number, workspace, bytes, beta, y_is, y);
}

EMULATOR_API int cudnnConvolutionBackwardFilter(Handle* handle, const float* alpha, const Tensor* x_is, const void* x,
                                                const Tensor* y_is, const void* y, const Convolution* how, int number,
                                                void* workspace, size_t bytes, const float* beta, const Filter* w_is,
                                                void* w) {
  return convolve(__func__, FILTER, handle, alpha, x_is, x, w_is, w, how, number, workspace, bytes, beta, y_is, y);
}
