// The mean of every map; `area` is its number of pixels.

extern "C" __global__ void global_average_forward(const float* x, float* y, int n, int area, int c) {
    float share = 1.0f / (float)area;
    long long total = (long long)n * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long image = quotient(i, c);
        const float* map = x + image * area * c + (i - image * c);
        float sum = 0.0f;
        for (int pixel = 0; pixel < area; pixel++) {
            sum += map[(long long)pixel * c];
        }
        y[i] = sum * share;
    }
}

extern "C" __global__ void global_average_backward(const float* dy, float* dx, int n, int area, int c, int add) {
    float share = 1.0f / (float)area;
    long long total = (long long)n * area * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long pixel = quotient(i, c);
        long long image = quotient(pixel, area);
        put(&dx[i], dy[image * c + (i - pixel * c)] * share, add);
    }
}
