// A learnt value for every pixel and channel: `length` of them an image.

extern "C" __global__ void add_positions(
    const float* x, const float* weight, float* y, long long total, int length) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        y[i] = x[i] + weight[remainder_of(i, length)];
    }
}

extern "C" __global__ void position_gradients(const float* dy, float* gradient, int images, int length) {
    for (long long i = first_index(); i < length; i += stride_of_grid()) {
        float sum = 0.0f;
        for (int image = 0; image < images; image++) {
            sum += dy[(long long)image * length + i];
        }
        gradient[i] = sum;
    }
}

extern "C" __global__ void position_backward(const float* dy, float* dx, long long total, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        put(&dx[i], dy[i], add);
    }
}
