// Stacking along the channels: c channels of one input, from `first` on of the output's `channels`.

extern "C" __global__ void concat_forward(const float* x, float* y, long long rows, int c, int channels, int first) {
    long long total = rows * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long row = quotient(i, c);
        y[row * channels + first + (i - row * c)] = x[i];
    }
}

extern "C" __global__ void concat_backward(
    const float* dy, float* dx, long long rows, int c, int channels, int first, int add) {
    long long total = rows * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long row = quotient(i, c);
        put(&dx[i], dy[row * channels + first + (i - row * c)], add);
    }
}
