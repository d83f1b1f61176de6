// Response normalisation across maps: windows are of a pixel's channels; `scale` is alpha over the
// window's size.

// First channel and one past the last of the window of a channel.
struct Channels {
    int first, end;
};

static __device__ __forceinline__ Channels channels_around(int channel, int c, int size, int before, int blocked) {
    int first = blocked ? channel / size * size : channel - before;
    Channels channels = {most(first, 0), least(first + size, c)};
    return channels;
}

extern "C" __global__ void cmrnorm_forward(
    const float* u, float* v, float* d, long long rows, int c, int size, float scale, float power, int blocked) {
    long long total = rows * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        int channel = remainder_of(i, c);
        const float* pixel = u + (i - channel);
        Channels window = channels_around(channel, c, size, size / 2, blocked);
        float sum = 0.0f;
        for (int other = window.first; other < window.end; other++) {
            sum += pixel[other] * pixel[other];
        }
        float own = 1.0f + scale * sum;
        d[i] = own;
        v[i] = u[i] * inverse_power(own, power);
    }
}

// `scratch` as norm_weigh wrote it.
extern "C" __global__ void cmrnorm_backward(
    const float* u, const float* d, const float* dv, const float* scratch, float* du, long long rows, int c, int size,
    float scale, float power, int blocked, int add) {
    // The channels whose windows hold this one: their window mirrored.
    int before = size - 1 - size / 2;
    float factor = 2.0f * power * scale;
    long long total = rows * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        int channel = remainder_of(i, c);
        const float* pixel = scratch + (i - channel);
        Channels window = channels_around(channel, c, size, before, blocked);
        float sum = 0.0f;
        for (int other = window.first; other < window.end; other++) {
            sum += pixel[other];
        }
        put(&du[i], dv[i] * inverse_power(d[i], power) - factor * u[i] * sum, add);
    }
}
