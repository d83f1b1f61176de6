// Finding algorithms and running them.
#include <algorithm>
#include <cstddef>
#include <iterator>

#include "dnn.h"

// Of the driver. Finding algorithms waits for the stream, which invalidates a capture.
extern "C" int cuStreamSynchronize(void* stream);

using emulator::Range;
using namespace emulator::dnn;

namespace {

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

// Bytes of workspace: different for all shapes and kinds, so that a workspace of another one is noticed.
size_t needed(Kind kind, const Algorithm& it, const Dims& x, const Dims& w, const Dims& y) {
  const int64_t floats = kind == FORWARD ? x.count() : kind == DATA ? y.count() : w.count();
  return 1024 + size_t(it.deterministic ? floats : 2 * floats) * sizeof(float);
}

// Overwrites the workspace, as the real library does: nothing may be kept in it.
void scribble(const Work& g) {
  if (g.workspace) memset(g.workspace, 0xFF, std::min<size_t>(g.workspace_bytes, 64 << 10));
}

void run(const void* closure) {
  Work g;
  memcpy(static_cast<void*>(&g), closure, sizeof(g));
  scribble(g);
  compute(g);
}

// Finding algorithms overwrites the output with the results of the last one tried: here with NaN.
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

// cudnnConvolutionFwdAlgoPerf_t, and the same for the two gradients.
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
