// c channels of an input's `channels`, from `first` on.

extern "C" __global__ void slice_forward(const float* x, float* y, long long rows, int c, int channels, int first) {
    long long total = rows * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long row = quotient(i, c);
        y[i] = x[row * channels + first + (i - row * c)];
    }
}

// Channels that were not taken have no gradient.
extern "C" __global__ void slice_backward(
    const float* dy, float* dx, long long rows, int c, int channels, int first, int add) {
    long long total = rows * channels;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long row = quotient(i, channels);
        long long channel = i - row * channels - first;
        put(&dx[i], channel >= 0 && channel < c ? dy[row * c + channel] : 0.0f, add);
    }
}
