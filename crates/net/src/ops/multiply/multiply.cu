// Products of two layers; `area` is the number of the output's pixels. What is single has one pixel for all of them.

extern "C" __global__ void product_of_maps(
    const float* a, const float* b, float* y, long long total, int area, int c, int a_is_single, int b_is_single,
    int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long pixel = quotient(i, c);
        long long single = quotient(pixel, area) * c + (i - pixel * c);
        put(&y[i], a[a_is_single ? single : i] * b[b_is_single ? single : i], add);
    }
}

// The gradient of a single pixel: over all pixels of the other input.
extern "C" __global__ void sum_of_products(
    const float* dy, const float* other, float* dx, long long total, int area, int c, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long image = quotient(i, c);
        long long first = image * area * c + (i - image * c);
        float sum = 0.0f;
        for (int pixel = 0; pixel < area; pixel++) {
            long long at = first + (long long)pixel * c;
            sum += dy[at] * other[at];
        }
        put(&dx[i], sum, add);
    }
}
