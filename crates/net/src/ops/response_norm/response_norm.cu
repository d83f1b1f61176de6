// Response normalisation within a map: d = 1 + scale * sum over the window of u^2, v = u d^-power;
// `scale` is alpha over the window's size squared.

extern "C" __global__ void rnorm_forward(
    const float* u, float* v, float* d, int n, int h, int w, int c, int size, float scale, float power) {
    int before = size / 2, after = size - 1 - size / 2;
    long long total = (long long)n * h * w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, h, w, c);
        Window window = window_around(at.y, at.x, h, w, before, after);
        float own = 1.0f + scale * window_square_sum(u + at.image * h * w * c + at.channel, window, w, c);
        d[i] = own;
        v[i] = u[i] * inverse_power(own, power);
    }
}

// What the backward passes of rnorm, cmrnorm and cnorm sum over their windows.
extern "C" __global__ void norm_weigh(const float* dv, const float* v, const float* d, float* scratch, long long total) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        scratch[i] = dv[i] * v[i] / d[i];
    }
}

// `scratch` as norm_weigh wrote it.
extern "C" __global__ void rnorm_backward(
    const float* u, const float* d, const float* dv, const float* scratch, float* du, int n, int h, int w, int c,
    int size, float scale, float power, int add) {
    spread_over_windows(u, d, dv, scratch, du, n, h, w, c, size, scale, power, add);
}
