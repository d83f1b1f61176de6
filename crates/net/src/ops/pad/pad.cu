// A border of one value: maps of h x w begin at (top, left) of maps of out_h x out_w. Values lie channels last.

extern "C" __global__ void pad_forward(
    const float* x, float* y, long long images, int c, int h, int w, int out_h, int out_w, int top, int left,
    float value) {
    long long total = images * out_h * out_w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long pixel = quotient(i, c), line = quotient(pixel, out_w), image = quotient(line, out_h);
        long long row = line - image * out_h - top, column = pixel - line * out_w - left;
        bool is_inside = row >= 0 && row < h && column >= 0 && column < w;
        y[i] = is_inside ? x[((image * h + row) * w + column) * c + (i - pixel * c)] : value;
    }
}

extern "C" __global__ void pad_backward(
    const float* dy, float* dx, long long images, int c, int h, int w, int out_h, int out_w, int top, int left,
    int add) {
    long long total = images * h * w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long pixel = quotient(i, c), line = quotient(pixel, w), image = quotient(line, h);
        long long row = line - image * h + top, column = pixel - line * w + left;
        put(&dx[i], dy[((image * out_h + row) * out_w + column) * c + (i - pixel * c)], add);
    }
}
