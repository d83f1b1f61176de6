// Layer normalisation over the channels. Kernels over rows (pixels) run in blocks of 32 threads x 8 rows; where nothing
// is learnt, weight 1 and bias 0.

// Sum over the 32 threads of a row, by the same tree always; all of them are told.
static __device__ __forceinline__ double sum_of_row(double own) {
    __shared__ double sums[8][32];
    sums[threadIdx.y][threadIdx.x] = own;
    __syncthreads();
    for (int half = 16; half > 0; half /= 2) {
        if ((int)threadIdx.x < half) {
            sums[threadIdx.y][threadIdx.x] += sums[threadIdx.y][threadIdx.x + half];
        }
        __syncthreads();
    }
    double sum = sums[threadIdx.y][0];
    // The sums are overwritten by the next call.
    __syncthreads();
    return sum;
}

extern "C" __global__ void layer_norm_forward(
    const float* x, float* y, float* mean, float* inverse, const float* weight, const float* bias, long long rows,
    int c, double epsilon) {
    // All threads of a block go round together, for they wait for each other.
    for (long long first = 8LL * blockIdx.y; first < rows; first += 8LL * gridDim.y) {
        long long row = first + threadIdx.y;
        bool is_row = row < rows;
        const float* from = x + row * c;
        double sum = 0.0, squares = 0.0;
        for (int channel = threadIdx.x; is_row && channel < c; channel += 32) {
            sum += from[channel];
        }
        double row_mean = sum_of_row(sum) / c;
        for (int channel = threadIdx.x; is_row && channel < c; channel += 32) {
            double distance = from[channel] - row_mean;
            squares += distance * distance;
        }
        double row_inverse = 1.0 / sqrt(sum_of_row(squares) / c + epsilon);
        if (is_row && threadIdx.x == 0) {
            mean[row] = (float)row_mean;
            inverse[row] = (float)row_inverse;
        }
        for (int channel = threadIdx.x; is_row && channel < c; channel += 32) {
            float normal = (from[channel] - (float)row_mean) * (float)row_inverse;
            y[row * c + channel] = normal * (weight ? weight[channel] : 1.0f) + (bias ? bias[channel] : 0.0f);
        }
    }
}

// inverse (g - mean of g - xhat mean of g xhat), g being dy times the weight.
extern "C" __global__ void layer_norm_backward(
    const float* x, const float* dy, const float* mean, const float* inverse, const float* weight, float* dx,
    long long rows, int c, int add) {
    for (long long first = 8LL * blockIdx.y; first < rows; first += 8LL * gridDim.y) {
        long long row = first + threadIdx.y;
        bool is_row = row < rows;
        float row_mean = is_row ? mean[row] : 0.0f, row_inverse = is_row ? inverse[row] : 0.0f;
        double plain = 0.0, products = 0.0;
        for (int channel = threadIdx.x; is_row && channel < c; channel += 32) {
            float g = dy[row * c + channel] * (weight ? weight[channel] : 1.0f);
            plain += g;
            products += g * ((x[row * c + channel] - row_mean) * row_inverse);
        }
        float mean_g = (float)(sum_of_row(plain) / c), mean_product = (float)(sum_of_row(products) / c);
        for (int channel = threadIdx.x; is_row && channel < c; channel += 32) {
            float g = dy[row * c + channel] * (weight ? weight[channel] : 1.0f);
            float normal = (x[row * c + channel] - row_mean) * row_inverse;
            put(&dx[row * c + channel], row_inverse * (g - mean_g - normal * mean_product), add);
        }
    }
}

// Sums of a channel's gradients, and of their products with the normalised values: partial[part][2][c]. Blocks of 32
// channels x 8 rows, in a grid of channel blocks x parts.
extern "C" __global__ void layer_norm_gradients(
    const float* x, const float* dy, const float* mean, const float* inverse, double* partial, long long rows, int c) {
    long long begin = first_row_of_part(rows, blockIdx.y, gridDim.y);
    long long end = first_row_of_part(rows, blockIdx.y + 1LL, gridDim.y);
    for (long long block = blockIdx.x; block * 32 < c; block += gridDim.x) {
        long long channel = block * 32 + threadIdx.x;
        double sum = 0.0, products = 0.0;
        if (channel < c) {
            for (long long row = begin + threadIdx.y; row < end; row += 8) {
                float gradient = dy[row * c + channel];
                sum += gradient;
                products += gradient * ((x[row * c + channel] - mean[row]) * inverse[row]);
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

extern "C" __global__ void finish_layer_norm_gradients(
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
