// A line from 0 at -3 to 1 at 3.

extern "C" __global__ void hard_sigmoid_forward(const float* x, float* y, long long total) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        float shifted = x[i] + 3.0f;
        // NaN stays NaN.
        y[i] = (shifted < 0.0f ? 0.0f : shifted > 6.0f ? 6.0f : shifted) / 6.0f;
    }
}

extern "C" __global__ void hard_sigmoid_backward(
    const float* y, const float* dy, float* dx, long long total, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        put(&dx[i], y[i] > 0.0f && y[i] < 1.0f ? dy[i] / 6.0f : 0.0f, add);
    }
}
