// A factor and an offset a channel; where one is not learnt, weight 1 and bias 0.

extern "C" __global__ void scale_forward(
    const float* x, float* y, const float* weight, const float* bias, long long total, int c) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long channel = i - quotient(i, c) * c;
        y[i] = x[i] * (weight ? weight[channel] : 1.0f) + (bias ? bias[channel] : 0.0f);
    }
}

extern "C" __global__ void scale_backward(
    const float* dy, float* dx, const float* weight, long long total, int c, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long channel = i - quotient(i, c) * c;
        put(&dx[i], dy[i] * (weight ? weight[channel] : 1.0f), add);
    }
}

// Sums of a channel's gradients, and of their products with the inputs: partial[part][2][c]. Blocks of 32 channels x 8
// rows, in a grid of channel blocks x parts.
extern "C" __global__ void scale_gradients(const float* x, const float* dy, double* partial, long long rows, int c) {
    long long begin = first_row_of_part(rows, blockIdx.y, gridDim.y);
    long long end = first_row_of_part(rows, blockIdx.y + 1LL, gridDim.y);
    for (long long block = blockIdx.x; block * 32 < c; block += gridDim.x) {
        long long channel = block * 32 + threadIdx.x;
        double sum = 0.0, products = 0.0;
        if (channel < c) {
            for (long long row = begin + threadIdx.y; row < end; row += 8) {
                float gradient = dy[row * c + channel];
                sum += gradient;
                products += gradient * x[row * c + channel];
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

extern "C" __global__ void finish_scale_gradients(
    const double* partial, int parts, int c, float* weight_gradient, float* bias_gradient) {
    for (long long channel = first_index(); channel < c; channel += stride_of_grid()) {
        double sum = 0.0, products = 0.0;
        for (int part = 0; part < parts; part++) {
            const double* from = partial + 2LL * part * c + channel;
            sum += from[0];
            products += from[c];
        }
        if (weight_gradient) {
            weight_gradient[channel] = (float)products;
        }
        if (bias_gradient) {
            bias_gradient[channel] = (float)sum;
        }
    }
}
