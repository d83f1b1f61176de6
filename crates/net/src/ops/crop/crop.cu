// height x width pixels of maps of c x h x w, from (top, left) on.

extern "C" __global__ void crop_forward(
    const float* x, float* y, long long total, int c, int h, int w, int top, int left, int height, int width) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, height, width, c);
        y[i] = x[((at.image * h + top + at.y) * w + left + at.x) * c + at.channel];
    }
}

// Pixels that were not taken have no gradient.
extern "C" __global__ void crop_backward(
    const float* dy, float* dx, long long total, int c, int h, int w, int top, int left, int height, int width, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, h, w, c);
        int row = at.y - top, column = at.x - left;
        int is_taken = row >= 0 && row < height && column >= 0 && column < width;
        put(&dx[i], is_taken ? dy[((at.image * height + row) * width + column) * c + at.channel] : 0.0f, add);
    }
}
