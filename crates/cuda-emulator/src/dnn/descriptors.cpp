// Handles, and the descriptors of tensors, filters and convolutions.
#include <stdarg.h>

#include "dnn.h"

namespace emulator::dnn {

thread_local char last_error[256] = "";
std::mutex mutex;

Status fail(Status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof(last_error), format, arguments);
  va_end(arguments);
  return status;
}

namespace {

int outputs(int side, int pad, int size, int dilation, int stride) {
  const int room = side + 2 * pad - ((size - 1) * dilation + 1);
  return room < 0 ? 0 : 1 + room / stride;
}

}  // namespace

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

}  // namespace emulator::dnn

using namespace emulator::dnn;

namespace {

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
