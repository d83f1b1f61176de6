// Activation functions. Formulas and derivatives are those of Activation in mod.rs; the kinds:
//
// kind | name       | a       | b
// ---- | ---------- | ------- | ------
//    0 | identity   |         |
//    1 | relu       |         |
//    2 | brelu      | limit   |
//    3 | softrelu   |         |
//    4 | logistic   |         |
//    5 | tanh       | largest | steepness
//    6 | abs        |         |
//    7 | square     |         |
//    8 | sqrt       |         |
//    9 | linear     | factor  | offset
//   10 | leaky_relu | slope   |
//   11 | silu       |         |
//   12 | gelu exact |         |
//   13 | gelu tanh  |         |

static const float ROOT_2_OVER_PI = 0.79788456f;
static const float ROOT_HALF = 0.70710678f;
static const float CUBIC = 0.044715f;

static __device__ __forceinline__ float logistic_of(float x) {
    return 1.0f / (1.0f + expf(-x));
}

// The cumulative distribution function of the standard normal distribution.
static __device__ __forceinline__ float normal_cdf(float x) {
    return 0.5f * (1.0f + erff(x * ROOT_HALF));
}

// (1 + tanh u) / 2 of gelu's approximation, which is the logistic of 2u.
static __device__ __forceinline__ float normal_by_tanh(float x) {
    return logistic_of(2.0f * ROOT_2_OVER_PI * (x + CUBIC * x * x * x));
}

// max(0, x), NaN staying NaN.
static __device__ __forceinline__ float rectified(float x) {
    return x < 0.0f ? 0.0f : x;
}

static __device__ __forceinline__ float activation_value(int kind, float a, float b, float x) {
    switch (kind) {
        case 1: return rectified(x);
        case 2: {
            float y = rectified(x);
            return y > a ? a : y;
        }
        case 3: return x > 4.0f ? x : log1pf(expf(x));
        case 4: return logistic_of(x);
        case 5: return a * tanhf(b * x);
        case 6: return fabsf(x);
        case 7: return x * x;
        case 8: return sqrtf(x);
        case 9: return a * x + b;
        case 10: return x > 0.0f ? x : a * x;
        case 11: return x * logistic_of(x);
        case 12: return x * normal_cdf(x);
        case 13: return x * normal_by_tanh(x);
        default: return x;
    }
}

// Reads of x and y only what the kind needs: where the output tells enough, it may have overwritten
// the input.
static __device__ __forceinline__ float activation_slope(int kind, float a, float b, const float* x, const float* y) {
    switch (kind) {
        case 1: return *y > 0.0f ? 1.0f : 0.0f;
        case 2: return *y > 0.0f && *y < a ? 1.0f : 0.0f;
        case 3: return *y > 4.0f ? 1.0f : 1.0f - expf(-*y);
        case 4: return *y * (1.0f - *y);
        case 5: return b * (a - *y * *y / a);
        case 6: return *x > 0.0f ? 1.0f : -1.0f;
        case 7: return 2.0f * *x;
        case 8: return 1.0f / (2.0f * *y);
        case 9: return a;
        case 10: return *y > 0.0f ? 1.0f : a;
        case 11: {
            float s = logistic_of(*x);
            return s * (1.0f + *x * (1.0f - s));
        }
        case 12: return normal_cdf(*x) + *x * (0.5f * ROOT_2_OVER_PI) * expf(-0.5f * *x * *x);
        case 13: {
            float s = normal_by_tanh(*x);
            float steepness = ROOT_2_OVER_PI * (1.0f + 3.0f * CUBIC * *x * *x);
            return s + 2.0f * *x * s * (1.0f - s) * steepness;
        }
        default: return 1.0f;
    }
}

// y may be x.
extern "C" __global__ void neuron_forward(int kind, float a, float b, const float* x, float* y, long long total) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        y[i] = activation_value(kind, a, b, x[i]);
    }
}

// dx may be dy.
extern "C" __global__ void neuron_backward(
    int kind, float a, float b, const float* x, const float* y, const float* dy, float* dx, long long total, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        put(&dx[i], dy[i] * activation_slope(kind, a, b, x + i, y + i), add);
    }
}
