// Batch normalisation; names as Normaliser in cpu/mod.rs. Sums over the minibatch are in double precision
// and in parts: partial[part][2][c], each over a contiguous range of rows (pixels). Kernels that write
// parts run in blocks of 32 channels x 8 rows, in a grid of channel blocks x parts.

// Sums of a channel's values, and of their squares.
extern "C" __global__ void channel_moments(const float* x, double* partial, long long rows, int c) {
    long long begin = first_row_of_part(rows, blockIdx.y, gridDim.y);
    long long end = first_row_of_part(rows, blockIdx.y + 1LL, gridDim.y);
    for (long long block = blockIdx.x; block * 32 < c; block += gridDim.x) {
        long long channel = block * 32 + threadIdx.x;
        double sum = 0.0, squares = 0.0;
        if (channel < c) {
            for (long long row = begin + threadIdx.y; row < end; row += 8) {
                double value = x[row * c + channel];
                sum += value;
                squares += value * value;
            }
        }
        sum = sum_of_threads_y(sum);
        squares = sum_of_threads_y(squares);
        if (threadIdx.y == 0 && channel < c) {
            double* out = partial + 2LL * blockIdx.y * c + channel;
            out[0] = sum;
            out[c] = squares;
        }
    }
}

// A channel's two sums over all parts, in their order.
struct Sums {
    double plain, products;
};

static __device__ __forceinline__ Sums sums_of_parts(const double* partial, int parts, int c, long long channel) {
    Sums sums = {0.0, 0.0};
    for (int part = 0; part < parts; part++) {
        const double* from = partial + 2LL * part * c + channel;
        sums.plain += from[0];
        sums.products += from[c];
    }
    return sums;
}

// What the forward and backward pass need of one channel; where nothing is learnt, weight 1 and bias 0.
static __device__ __forceinline__ void set_normaliser(
    long long channel, double channel_mean, double variance, double epsilon, const float* weight, const float* bias,
    float* mean, float* inverse, float* factor, float* shift) {
    double root = 1.0 / sqrt(variance + epsilon);
    mean[channel] = (float)channel_mean;
    inverse[channel] = (float)root;
    factor[channel] = (float)(root * (weight ? (double)weight[channel] : 1.0));
    shift[channel] = bias ? bias[channel] : 0.0f;
}

// From the sums of channel_moments; `count` is the number of a channel's values in the minibatch. The
// running variance follows the unbiased one, as PyTorch's.
extern "C" __global__ void batch_norm_statistics(
    const double* partial, int parts, double count, double epsilon, const float* weight, const float* bias, int c,
    float* mean, float* inverse, float* factor, float* shift, float* batch_mean, float* batch_variance) {
    for (long long channel = first_index(); channel < c; channel += stride_of_grid()) {
        Sums sums = sums_of_parts(partial, parts, c, channel);
        double channel_mean = sums.plain / count;
        double variance = sums.products / count - channel_mean * channel_mean;
        variance = variance > 0.0 ? variance : 0.0;
        set_normaliser(channel, channel_mean, variance, epsilon, weight, bias, mean, inverse, factor, shift);
        double unbiased = count / (count - 1.0 > 1.0 ? count - 1.0 : 1.0);
        batch_mean[channel] = (float)channel_mean;
        batch_variance[channel] = (float)(variance * unbiased);
    }
}

// From the running statistics.
extern "C" __global__ void batch_norm_fixed(
    const float* running_mean, const float* running_variance, double epsilon, const float* weight, const float* bias,
    int c, float* mean, float* inverse, float* factor, float* shift) {
    for (long long channel = first_index(); channel < c; channel += stride_of_grid()) {
        set_normaliser(
            channel, running_mean[channel], running_variance[channel], epsilon, weight, bias, mean, inverse, factor,
            shift);
    }
}

extern "C" __global__ void batch_norm_forward(
    const float* x, float* y, const float* mean, const float* factor, const float* shift, long long total, int c) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        int channel = remainder_of(i, c);
        y[i] = (x[i] - mean[channel]) * factor[channel] + shift[channel];
    }
}

// Sums of a channel's gradients, and of their products with the normalised values.
extern "C" __global__ void batch_norm_gradients(
    const float* x, const float* dy, const float* mean, const float* inverse, double* partial, long long rows, int c) {
    long long begin = first_row_of_part(rows, blockIdx.y, gridDim.y);
    long long end = first_row_of_part(rows, blockIdx.y + 1LL, gridDim.y);
    for (long long block = blockIdx.x; block * 32 < c; block += gridDim.x) {
        long long channel = block * 32 + threadIdx.x;
        double sum = 0.0, products = 0.0;
        if (channel < c) {
            float own_mean = mean[channel], own_inverse = inverse[channel];
            for (long long row = begin + threadIdx.y; row < end; row += 8) {
                float gradient = dy[row * c + channel];
                sum += gradient;
                products += gradient * ((x[row * c + channel] - own_mean) * own_inverse);
            }
        }
        sum = sum_of_threads_y(sum);
        products = sum_of_threads_y(products);
        if (threadIdx.y == 0 && channel < c) {
            double* out = partial + 2LL * blockIdx.y * c + channel;
            out[0] = sum;
            out[c] = products;
        }
    }
}

// The learnt arrays' gradients are these sums themselves; the backward pass takes their means.
extern "C" __global__ void finish_batch_norm_gradients(
    const double* partial, int parts, double count, int c, float* weight_gradient, float* bias_gradient,
    float* mean_dy, float* mean_dy_x) {
    for (long long channel = first_index(); channel < c; channel += stride_of_grid()) {
        Sums sums = sums_of_parts(partial, parts, c, channel);
        if (weight_gradient) {
            weight_gradient[channel] = (float)sums.products;
        }
        if (bias_gradient) {
            bias_gradient[channel] = (float)sums.plain;
        }
        mean_dy[channel] = (float)(sums.plain / count);
        mean_dy_x[channel] = (float)(sums.products / count);
    }
}

// Through the minibatch's statistics: factor (dy - mean of dy - xhat mean of dy xhat).
extern "C" __global__ void batch_norm_backward(
    const float* x, const float* dy, const float* mean, const float* inverse, const float* factor,
    const float* mean_dy, const float* mean_dy_x, float* dx, long long total, int c, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        int channel = remainder_of(i, c);
        float normal = (x[i] - mean[channel]) * inverse[channel];
        float rest = dy[i] - mean_dy[channel] - normal * mean_dy_x[channel];
        put(&dx[i], factor[channel] * rest, add);
    }
}

// Where mean and variance are fixed.
extern "C" __global__ void batch_norm_backward_fixed(
    const float* dy, const float* factor, float* dx, long long total, int c, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        put(&dx[i], dy[i] * factor[remainder_of(i, c)], add);
    }
}
