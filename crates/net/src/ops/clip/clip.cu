// Values brought into a range.

extern "C" __global__ void clip_forward(const float* x, float* y, long long total, float low, float high) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        float value = x[i];
        // NaN stays NaN.
        y[i] = value < low ? low : value > high ? high : value;
    }
}

extern "C" __global__ void clip_backward(
    const float* y, const float* dy, float* dx, long long total, float low, float high, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        put(&dx[i], y[i] > low && y[i] < high ? dy[i] : 0.0f, add);
    }
}
