// Pooling; the windows are those of PoolGeometry.

// The input's pixels that a window covers.
static __device__ __forceinline__ Window pooled_window(int oy, int ox, int h, int w, int size, int stride, int start) {
    int y = start + oy * stride, x = start + ox * stride;
    Window window;
    window.top = most(y, 0);
    window.bottom = least(y + size, h);
    window.left = most(x, 0);
    window.right = least(x + size, w);
    return window;
}

// One over a window's pixels.
static __device__ __forceinline__ float share_of(Window window) {
    return 1.0f / (float)((window.bottom - window.top) * (window.right - window.left));
}

// The windows (rows top to bottom and so on, of oh x ow) that hold a pixel.
static __device__ __forceinline__ Window windows_holding(
    int y, int x, int oh, int ow, int size, int stride, int start) {
    int down = y - start, right = x - start;
    Window windows;
    // stride - 1 rounds up.
    windows.top = least((most(down + 1 - size, 0) + stride - 1) / stride, oh);
    windows.bottom = least(down / stride + 1, oh);
    windows.left = least((most(right + 1 - size, 0) + stride - 1) / stride, ow);
    windows.right = least(right / stride + 1, ow);
    return windows;
}

extern "C" __global__ void pool_max_forward(
    const float* x, float* y, int n, int h, int w, int c, int oh, int ow, int size, int stride, int start) {
    long long total = (long long)n * oh * ow * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, oh, ow, c);
        Window window = pooled_window(at.y, at.x, h, w, size, stride, start);
        const float* map = x + at.image * h * w * c + at.channel;
        float best = -1.0f / 0.0f;
        for (int iy = window.top; iy < window.bottom; iy++) {
            for (int ix = window.left; ix < window.right; ix++) {
                float value = map[((long long)iy * w + ix) * c];
                // No fmaxf: as on the CPU, a NaN takes the place of what came before it.
                best = best > value ? best : value;
            }
        }
        y[i] = best;
    }
}

extern "C" __global__ void pool_average_forward(
    const float* x, float* y, int n, int h, int w, int c, int oh, int ow, int size, int stride, int start) {
    long long total = (long long)n * oh * ow * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, oh, ow, c);
        Window window = pooled_window(at.y, at.x, h, w, size, stride, start);
        y[i] = window_sum(x + at.image * h * w * c + at.channel, window, w, c) * share_of(window);
    }
}

// Whether a window's maximum stands before the pixel (y, x) already.
static __device__ __forceinline__ bool is_before(
    const float* map, float best, Window window, int y, int x, int w, int c) {
    for (int iy = window.top; iy <= y; iy++) {
        int end = iy < y ? window.right : x;
        for (int ix = window.left; ix < end; ix++) {
            if (map[((long long)iy * w + ix) * c] == best) {
                return true;
            }
        }
    }
    return false;
}

// Every pixel takes the gradients of the windows whose maximum it equals; `first`: only of those
// where it is the first, in row, then column order.
extern "C" __global__ void pool_max_backward(
    const float* x, const float* y, const float* dy, float* dx, int n, int h, int w, int c, int oh, int ow, int size,
    int stride, int start, int first, int add) {
    long long total = (long long)n * h * w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, h, w, c);
        Window windows = windows_holding(at.y, at.x, oh, ow, size, stride, start);
        const float* map = x + at.image * h * w * c + at.channel;
        float own = x[i], sum = 0.0f;
        for (int oy = windows.top; oy < windows.bottom; oy++) {
            for (int ox = windows.left; ox < windows.right; ox++) {
                long long from = ((at.image * oh + oy) * ow + ox) * c + at.channel;
                if (own != y[from]) {
                    continue;
                }
                if (first) {
                    Window window = pooled_window(oy, ox, h, w, size, stride, start);
                    if (is_before(map, own, window, at.y, at.x, w, c)) {
                        continue;
                    }
                }
                sum += dy[from];
            }
        }
        put(&dx[i], sum, add);
    }
}

extern "C" __global__ void pool_average_backward(
    const float* dy, float* dx, int n, int h, int w, int c, int oh, int ow, int size, int stride, int start, int add) {
    long long total = (long long)n * h * w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, h, w, c);
        Window windows = windows_holding(at.y, at.x, oh, ow, size, stride, start);
        float sum = 0.0f;
        for (int oy = windows.top; oy < windows.bottom; oy++) {
            for (int ox = windows.left; ox < windows.right; ox++) {
                float share = share_of(pooled_window(oy, ox, h, w, size, stride, start));
                sum += dy[((at.image * oh + oy) * ow + ox) * c + at.channel] * share;
            }
        }
        put(&dx[i], sum, add);
    }
}
