// Contrast normalisation within a map: as response normalisation, but what is squared and summed is
// each value's distance from the mean of its own window.

// Channels that a block takes at a time: whole memory segments, yet many blocks.
static const int SLICE = 16;

// A block takes some channels of a whole image, because all distances of a map must be known before
// their squares are summed.
extern "C" __global__ void cnorm_forward(
    const float* u, float* v, float* d, float* distance, int n, int h, int w, int c, int size, float scale,
    float power) {
    int before = size / 2, after = size - 1 - size / 2;
    int slices = (c + SLICE - 1) / SLICE;
    for (long long task = blockIdx.x; task < (long long)n * slices; task += gridDim.x) {
        long long image = quotient(task, slices);
        int first = (int)(task - image * slices) * SLICE;
        int width = least(c - first, SLICE);
        long long values = (long long)h * w * width, start = image * h * w * c + first;
        for (long long i = threadIdx.x; i < values; i += blockDim.x) {
            Place at = place_of(i, h, w, width);
            Window window = window_around(at.y, at.x, h, w, before, after);
            float pixels = (float)((window.bottom - window.top) * (window.right - window.left));
            long long own = start + ((long long)at.y * w + at.x) * c + at.channel;
            distance[own] = u[own] - window_sum(u + start + at.channel, window, w, c) / pixels;
        }
        __syncthreads();
        for (long long i = threadIdx.x; i < values; i += blockDim.x) {
            Place at = place_of(i, h, w, width);
            Window window = window_around(at.y, at.x, h, w, before, after);
            long long own = start + ((long long)at.y * w + at.x) * c + at.channel;
            float sum = 1.0f + scale * window_square_sum(distance + start + at.channel, window, w, c);
            d[own] = sum;
            v[own] = u[own] * inverse_power(sum, power);
        }
    }
}

// The means are taken as constant; `scratch` as norm_weigh wrote it.
extern "C" __global__ void cnorm_backward(
    const float* distance, const float* d, const float* dv, const float* scratch, float* du, int n, int h, int w, int c,
    int size, float scale, float power, int add) {
    spread_over_windows(distance, d, dv, scratch, du, n, h, w, c, size, scale, power, add);
}
