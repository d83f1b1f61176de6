// Group normalisation. Kernels over the groups of images run in blocks of 32 x 8 threads, one group at a time; where
// nothing is learnt, weight 1 and bias 0. Values lie channels last: a group's are c / groups channels of every pixel.

// Sum over all threads of a block, by the same tree always; all of them are told.
static __device__ __forceinline__ double sum_of_group(double own) {
    __shared__ double sums[256];
    int thread = threadIdx.y * 32 + threadIdx.x;
    sums[thread] = own;
    __syncthreads();
    for (int half = 128; half > 0; half /= 2) {
        if (thread < half) {
            sums[thread] += sums[thread + half];
        }
        __syncthreads();
    }
    double sum = sums[0];
    // The sums are overwritten by the next call.
    __syncthreads();
    return sum;
}

// Where a value of a group lies.
static __device__ __forceinline__ long long place_in_group(
    long long group_of_image, long long value, int pixels, int c, int groups) {
    long long image = quotient(group_of_image, groups);
    int per_group = c / groups;
    long long pixel = quotient(value, per_group);
    long long channel = (group_of_image - image * groups) * per_group + (value - pixel * per_group);
    return (image * pixels + pixel) * c + channel;
}

extern "C" __global__ void group_norm_forward(
    const float* x, float* y, float* mean, float* inverse, const float* weight, const float* bias, long long rows,
    int pixels, int c, int groups, double epsilon) {
    long long values = (long long)pixels * (c / groups);
    int thread = threadIdx.y * 32 + threadIdx.x;
    // All threads of a block go round together, for they wait for each other.
    for (long long row = blockIdx.y; row < rows; row += gridDim.y) {
        double sum = 0.0, squares = 0.0;
        for (long long value = thread; value < values; value += 256) {
            sum += x[place_in_group(row, value, pixels, c, groups)];
        }
        double row_mean = sum_of_group(sum) / values;
        for (long long value = thread; value < values; value += 256) {
            double distance = x[place_in_group(row, value, pixels, c, groups)] - row_mean;
            squares += distance * distance;
        }
        double row_inverse = 1.0 / sqrt(sum_of_group(squares) / values + epsilon);
        if (thread == 0) {
            mean[row] = (float)row_mean;
            inverse[row] = (float)row_inverse;
        }
        for (long long value = thread; value < values; value += 256) {
            long long i = place_in_group(row, value, pixels, c, groups);
            int channel = remainder_of(i, c);
            float normal = (x[i] - (float)row_mean) * (float)row_inverse;
            y[i] = normal * (weight ? weight[channel] : 1.0f) + (bias ? bias[channel] : 0.0f);
        }
    }
}

// inverse (g - mean of g - xhat mean of g xhat), g being dy times the weight.
extern "C" __global__ void group_norm_backward(
    const float* x, const float* dy, const float* mean, const float* inverse, const float* weight, float* dx,
    long long rows, int pixels, int c, int groups, int add) {
    long long values = (long long)pixels * (c / groups);
    int thread = threadIdx.y * 32 + threadIdx.x;
    for (long long row = blockIdx.y; row < rows; row += gridDim.y) {
        float row_mean = mean[row], row_inverse = inverse[row];
        double plain = 0.0, products = 0.0;
        for (long long value = thread; value < values; value += 256) {
            long long i = place_in_group(row, value, pixels, c, groups);
            float g = dy[i] * (weight ? weight[remainder_of(i, c)] : 1.0f);
            plain += g;
            products += g * ((x[i] - row_mean) * row_inverse);
        }
        float mean_g = (float)(sum_of_group(plain) / values), mean_product = (float)(sum_of_group(products) / values);
        for (long long value = thread; value < values; value += 256) {
            long long i = place_in_group(row, value, pixels, c, groups);
            float g = dy[i] * (weight ? weight[remainder_of(i, c)] : 1.0f);
            float normal = (x[i] - row_mean) * row_inverse;
            put(&dx[i], row_inverse * (g - mean_g - normal * mean_product), add);
        }
    }
}

// Sums of a channel's gradients, and of their products with the normalised values: partial[part][2][c]. Blocks of 32
// channels x 8 rows (pixels), in a grid of channel blocks x parts.
extern "C" __global__ void group_norm_gradients(
    const float* x, const float* dy, const float* mean, const float* inverse, double* partial, long long rows,
    int pixels, int c, int groups) {
    long long begin = first_row_of_part(rows, blockIdx.y, gridDim.y);
    long long end = first_row_of_part(rows, blockIdx.y + 1LL, gridDim.y);
    for (long long block = blockIdx.x; block * 32 < c; block += gridDim.x) {
        long long channel = block * 32 + threadIdx.x;
        double sum = 0.0, products = 0.0;
        if (channel < c) {
            for (long long row = begin + threadIdx.y; row < end; row += 8) {
                long long group = quotient(row, pixels) * groups + quotient(channel, c / groups);
                float gradient = dy[row * c + channel];
                sum += gradient;
                products += gradient * ((x[row * c + channel] - mean[group]) * inverse[group]);
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

extern "C" __global__ void finish_group_norm_gradients(
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
