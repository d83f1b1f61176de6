// The part of cuBLAS that deepViz calls, on the processor: products of float32 matrices, stored by columns.
//
// Sums are in float32 within 256 terms and in double beyond, whatever compute type is asked for: no rounding to TF32
// or half is emulated.
#include <algorithm>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "emulator.h"

namespace {

using emulator::Range;

enum Status : int {
  SUCCESS = 0,
  NOT_INITIALIZED = 1,
  ALLOC_FAILED = 3,
  INVALID_VALUE = 7,
  EXECUTION_FAILED = 13,
  NOT_SUPPORTED = 15,
};

struct Handle {
  void* stream = nullptr;
  int math_mode = 0, pointer_mode = 0, atomics_mode = 0;
  char* workspace = nullptr;
  size_t workspace_bytes = 0;
};

std::mutex mutex;
std::unordered_set<Handle*>& handles() {
  static auto* all = new std::unordered_set<Handle*>;
  return *all;
}

bool is_handle(Handle* handle) {
  std::lock_guard<std::mutex> lock(mutex);
  return handles().count(handle) != 0;
}

struct Gemm {
  bool transpose_a, transpose_b;
  int64_t m, n, k, lda, ldb, ldc, stride_a, stride_b, stride_c, batch;
  const float *a, *b;
  float* c;
  float alpha, beta;
  const float *alpha_at, *beta_at;  // where they lie in device memory; else null
  char* workspace;
  size_t workspace_bytes;
};

typedef float Four __attribute__((vector_size(16)));
constexpr int64_t TILE_M = 16, TILE_N = 2, TILE_K = 256;

// C = alpha op(A) op(B) + beta C. Where beta is 0, C is not read; where alpha is 0, A and B are not.
void multiply(const Gemm& g, const float* a, const float* b, float* c, float alpha, float beta) {
  const int64_t k = alpha == 0.0f ? 0 : g.k;
  // Packed by tiles, padded with zeros.
  std::vector<float> packed_a(static_cast<size_t>(TILE_M * k)), packed_b(static_cast<size_t>((g.n + 1) / 2 * 2 * k));
  for (int64_t j = 0; j < g.n; ++j)
    for (int64_t p = 0; p < k; ++p)
      packed_b[static_cast<size_t>(j / TILE_N * TILE_N * k + p * TILE_N + j % TILE_N)] =
          g.transpose_b ? b[j + p * g.ldb] : b[p + j * g.ldb];
  for (int64_t i0 = 0; i0 < g.m; i0 += TILE_M) {
    const int64_t rows = std::min(TILE_M, g.m - i0);
    for (int64_t p = 0; p < k; ++p)
      for (int64_t i = 0; i < rows; ++i)
        packed_a[static_cast<size_t>(p * TILE_M + i)] =
            g.transpose_a ? a[p + (i0 + i) * g.lda] : a[i0 + i + p * g.lda];
    for (int64_t j0 = 0; j0 < g.n; j0 += TILE_N) {
      const int64_t columns = std::min(TILE_N, g.n - j0);
      double sum[TILE_N][TILE_M] = {};
      for (int64_t p0 = 0; p0 < k; p0 += TILE_K) {
        Four part[TILE_N][TILE_M / 4] = {};
        const float* at_a = packed_a.data() + p0 * TILE_M;
        const float* at_b = packed_b.data() + j0 * k + p0 * TILE_N;
        for (int64_t p = std::min(TILE_K, k - p0); p > 0; --p, at_a += TILE_M, at_b += TILE_N) {
          Four column[TILE_M / 4];
          memcpy(column, at_a, sizeof(column));
          for (int64_t j = 0; j < TILE_N; ++j)
            for (int64_t i = 0; i < TILE_M / 4; ++i) part[j][i] += column[i] * at_b[j];
        }
        for (int64_t j = 0; j < TILE_N; ++j)
          for (int64_t i = 0; i < TILE_M; ++i) sum[j][i] += static_cast<double>(part[j][i / 4][i % 4]);
      }
      for (int64_t j = 0; j < columns; ++j)
        for (int64_t i = 0; i < rows; ++i) {
          float& to = c[i0 + i + (j0 + j) * g.ldc];
          const double product = alpha == 0.0f ? 0.0 : static_cast<double>(alpha) * sum[j][i];
          const double before = beta == 0.0f ? 0.0 : static_cast<double>(beta) * static_cast<double>(to);
          to = static_cast<float>(product + before);
        }
    }
  }
}

void run(const void* closure) {
  Gemm g;
  memcpy(&g, closure, sizeof(g));
  const float alpha = g.alpha_at ? *g.alpha_at : g.alpha, beta = g.beta_at ? *g.beta_at : g.beta;
  // The real library works there as well, so nothing may be kept in it.
  if (g.workspace) memset(g.workspace, 0xFF, std::min<size_t>(g.workspace_bytes, 64 << 10));
  for (int64_t i = 0; i < g.batch; ++i)
    multiply(g, g.a + i * g.stride_a, g.b + i * g.stride_b, g.c + i * g.stride_c, alpha, beta);
}

// What a matrix of each batch covers, from the first to the last.
Range covers(const float* start, int64_t rows, int64_t columns, int64_t leading, int64_t stride, int64_t batch) {
  if (rows == 0 || columns == 0) return {nullptr, 0};
  const int64_t last = (batch - 1) * stride, one = (columns - 1) * leading + rows;
  const int64_t low = std::min<int64_t>(0, last), high = std::max<int64_t>(0, last) + one;
  return {start + low, static_cast<size_t>(high - low) * sizeof(float)};
}

int gemm(const char* name, Handle* handle, int op_a, int op_b, int64_t m, int64_t n, int64_t k, const void* alpha,
         const void* a, int64_t lda, int64_t stride_a, const void* b, int64_t ldb, int64_t stride_b, const void* beta,
         void* c, int64_t ldc, int64_t stride_c, int64_t batch) {
  if (!is_handle(handle)) return NOT_INITIALIZED;
  if (op_a < 0 || op_a > 2 || op_b < 0 || op_b > 2) return INVALID_VALUE;
  if (m < 0 || n < 0 || k < 0 || batch < 0 || !alpha || !beta) return INVALID_VALUE;
  const bool transpose_a = op_a != 0, transpose_b = op_b != 0;
  const int64_t rows_a = transpose_a ? k : m, columns_a = transpose_a ? m : k;
  const int64_t rows_b = transpose_b ? n : k, columns_b = transpose_b ? k : n;
  if (lda < std::max<int64_t>(1, rows_a) || ldb < std::max<int64_t>(1, rows_b) || ldc < std::max<int64_t>(1, m))
    return INVALID_VALUE;
  if (m == 0 || n == 0 || batch == 0) return SUCCESS;
  Gemm g{};
  g.transpose_a = transpose_a;
  g.transpose_b = transpose_b;
  g.m = m, g.n = n, g.k = k;
  g.lda = lda, g.ldb = ldb, g.ldc = ldc;
  g.stride_a = stride_a, g.stride_b = stride_b, g.stride_c = stride_c, g.batch = batch;
  g.a = static_cast<const float*>(a), g.b = static_cast<const float*>(b), g.c = static_cast<float*>(c);
  g.workspace = handle->workspace, g.workspace_bytes = handle->workspace_bytes;
  std::vector<Range> ranges = {covers(g.a, rows_a, columns_a, lda, stride_a, batch),
                               covers(g.b, rows_b, columns_b, ldb, stride_b, batch),
                               covers(g.c, m, n, ldc, stride_c, batch)};
  if (g.workspace) ranges.push_back({g.workspace, g.workspace_bytes});
  if (handle->pointer_mode) {
    g.alpha_at = static_cast<const float*>(alpha), g.beta_at = static_cast<const float*>(beta);
    ranges.push_back({alpha, sizeof(float)});
    ranges.push_back({beta, sizeof(float)});
  } else {
    g.alpha = *static_cast<const float*>(alpha), g.beta = *static_cast<const float*>(beta);
    // A and B may then be missing.
    if (g.alpha == 0.0f) ranges[0] = ranges[1] = {nullptr, 0};
  }
  return deepvizEmulatedSubmit(handle->stream, name, ranges.data(), ranges.size(), run, &g, sizeof(g))
             ? EXECUTION_FAILED
             : SUCCESS;
}

// CUDA_R_32F throughout, and the compute types that go with it.
int check_types(int type_a, int type_b, int type_c, int compute, int algorithm) {
  if (type_a != 0 || type_b != 0 || type_c != 0) return NOT_SUPPORTED;
  constexpr int allowed[] = {68, 69, 74, 75, 77, 78};  // CUBLAS_COMPUTE_32F and its variants
  if (std::find(std::begin(allowed), std::end(allowed), compute) == std::end(allowed)) return NOT_SUPPORTED;
  const bool known = (algorithm >= -1 && algorithm <= 23) || (algorithm >= 99 && algorithm <= 115) || algorithm == 999;
  return known ? SUCCESS : INVALID_VALUE;
}

}  // namespace

EMULATOR_API int cublasCreate_v2(Handle** handle) {
  if (!handle) return INVALID_VALUE;
  // It allocates its workspace, which a capture does not allow.
  if (int wrong = deepvizEmulatedMayWait()) return wrong == 900 ? ALLOC_FAILED : NOT_INITIALIZED;
  *handle = new Handle;
  std::lock_guard<std::mutex> lock(mutex);
  handles().insert(*handle);
  return SUCCESS;
}

EMULATOR_API int cublasDestroy_v2(Handle* handle) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!handles().erase(handle)) return NOT_INITIALIZED;
  delete handle;
  return SUCCESS;
}

EMULATOR_API int cublasGetVersion_v2(Handle*, int* version) {
  if (!version) return INVALID_VALUE;
  *version = 130000;
  return SUCCESS;
}

EMULATOR_API int cublasGetProperty(int type, int* value) {
  if (!value || type < 0 || type > 2) return INVALID_VALUE;
  *value = type == 0 ? 13 : 0;
  return SUCCESS;
}

EMULATOR_API const char* cublasGetStatusName(int status) {
  switch (status) {
    case SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
    case INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "unknown status";
}

EMULATOR_API const char* cublasGetStatusString(int status) { return cublasGetStatusName(status); }

EMULATOR_API int cublasSetStream_v2(Handle* handle, void* stream) {
  if (!is_handle(handle)) return NOT_INITIALIZED;
  handle->stream = stream;
  // As the real library does.
  handle->workspace = nullptr;
  handle->workspace_bytes = 0;
  return SUCCESS;
}

EMULATOR_API int cublasGetStream_v2(Handle* handle, void** stream) {
  if (!is_handle(handle)) return NOT_INITIALIZED;
  *stream = handle->stream;
  return SUCCESS;
}

EMULATOR_API int cublasSetWorkspace_v2(Handle* handle, void* workspace, size_t bytes) {
  if (!is_handle(handle)) return NOT_INITIALIZED;
  if (reinterpret_cast<uintptr_t>(workspace) % 256 || (!workspace && bytes)) return INVALID_VALUE;
  handle->workspace = static_cast<char*>(workspace);
  handle->workspace_bytes = bytes;
  return SUCCESS;
}

#define MODE(name, member, highest)                              \
  EMULATOR_API int cublasSet##name(Handle* handle, int mode) {   \
    if (!is_handle(handle)) return NOT_INITIALIZED;              \
    if (mode < 0 || mode > (highest)) return INVALID_VALUE;      \
    handle->member = mode;                                       \
    return SUCCESS;                                              \
  }                                                              \
  EMULATOR_API int cublasGet##name(Handle* handle, int* mode) {  \
    if (!is_handle(handle)) return NOT_INITIALIZED;              \
    *mode = handle->member;                                      \
    return SUCCESS;                                              \
  }
MODE(MathMode, math_mode, 31)
MODE(PointerMode_v2, pointer_mode, 1)
MODE(AtomicsMode, atomics_mode, 1)
#undef MODE

EMULATOR_API int cublasSgemm_v2(Handle* handle, int op_a, int op_b, int m, int n, int k, const float* alpha,
                                const float* a, int lda, const float* b, int ldb, const float* beta, float* c,
                                int ldc) {
  return gemm("cublasSgemm_v2", handle, op_a, op_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}

EMULATOR_API int cublasSgemmStridedBatched(Handle* handle, int op_a, int op_b, int m, int n, int k, const float* alpha,
                                           const float* a, int lda, long long stride_a, const float* b, int ldb,
                                           long long stride_b, const float* beta, float* c, int ldc,
                                           long long stride_c, int batch) {
  return gemm("cublasSgemmStridedBatched", handle, op_a, op_b, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b,
              beta, c, ldc, stride_c, batch);
}

EMULATOR_API int cublasGemmEx(Handle* handle, int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a,
                              int type_a, int lda, const void* b, int type_b, int ldb, const void* beta, void* c,
                              int type_c, int ldc, int compute, int algorithm) {
  if (!is_handle(handle)) return NOT_INITIALIZED;
  if (int wrong = check_types(type_a, type_b, type_c, compute, algorithm)) return wrong;
  return gemm("cublasGemmEx", handle, op_a, op_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}

EMULATOR_API int cublasGemmStridedBatchedEx(Handle* handle, int op_a, int op_b, int m, int n, int k, const void* alpha,
                                            const void* a, int type_a, int lda, long long stride_a, const void* b,
                                            int type_b, int ldb, long long stride_b, const void* beta, void* c,
                                            int type_c, int ldc, long long stride_c, int batch, int compute,
                                            int algorithm) {
  if (!is_handle(handle)) return NOT_INITIALIZED;
  if (int wrong = check_types(type_a, type_b, type_c, compute, algorithm)) return wrong;
  return gemm("cublasGemmStridedBatchedEx", handle, op_a, op_b, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b,
              beta, c, ldc, stride_c, batch);
}
