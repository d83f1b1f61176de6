// Convolution as products of matrices: the windows laid out as rows, and back.

// cols[image, oy, ox][r][s][c], zeros outside of the image; c channels from `first` on are one group.
// A thread writes one channel of one row of a window, so that few divisions fall on each value.
extern "C" __global__ void im2col(
    const float* x, float* cols, int n, int h, int w, int channels, int first, int c, int oh, int ow, int r, int s,
    int stride, int padding) {
    long long total = (long long)n * oh * ow * r * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long line = quotient(i, c);
        int channel = (int)(i - line * c);
        long long pixel = quotient(line, r);
        int row = (int)(line - pixel * r);
        Place at = place_of(pixel, oh, ow, 1);
        int y = at.y * stride - padding + row, left = at.x * stride - padding;
        bool inside = y >= 0 && y < h;
        const float* from = x + (at.image * h + (inside ? y : 0)) * w * channels + first + channel;
        float* to = cols + line * s * c + channel;
        for (int tap = 0; tap < s; tap++) {
            int column = left + tap;
            bool is_seen = inside && column >= 0 && column < w;
            to[(long long)tap * c] = is_seen ? from[(long long)column * channels] : 0.0f;
        }
    }
}

// The gradient of the windows, back at the pixels: each takes from all windows that hold it, so that
// no two threads write one value.
extern "C" __global__ void col2im(
    const float* cols, float* dx, int n, int h, int w, int channels, int first, int c, int oh, int ow, int r, int s,
    int stride, int padding, int add) {
    long long total = (long long)n * h * w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, h, w, c);
        int y = at.y + padding, x = at.x + padding;
        // From the first window that reaches as far; stride - 1 rounds up.
        int top = most(y - r + stride, 0) / stride, bottom = least(y / stride, oh - 1);
        int left = most(x - s + stride, 0) / stride, right = least(x / stride, ow - 1);
        float sum = 0.0f;
        for (int oy = top; oy <= bottom; oy++) {
            int row = y - oy * stride;
            for (int ox = left; ox <= right; ox++) {
                int column = x - ox * stride;
                long long window = (at.image * oh + oy) * ow + ox;
                sum += cols[((window * r + row) * s + column) * c + at.channel];
            }
        }
        put(&dx[((at.image * h + at.y) * w + at.x) * channels + first + at.channel], sum, add);
    }
}

// One bias a filter (period: filters) or one a filter and position.
extern "C" __global__ void add_bias(float* y, const float* bias, long long total, int period) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        y[i] += bias[remainder_of(i, period)];
    }
}

// partial[part][column]: each column's sum over the part's rows. Blocks of 32 columns x 8 rows, in a
// grid of column blocks x parts.
extern "C" __global__ void column_sums(const float* x, double* partial, long long rows, int columns) {
    long long begin = first_row_of_part(rows, blockIdx.y, gridDim.y);
    long long end = first_row_of_part(rows, blockIdx.y + 1LL, gridDim.y);
    for (long long block = blockIdx.x; block * 32 < columns; block += gridDim.x) {
        long long column = block * 32 + threadIdx.x;
        double sum = 0.0;
        if (column < columns) {
            for (long long row = begin + threadIdx.y; row < end; row += 8) {
                sum += x[row * columns + column];
            }
        }
        sum = sum_of_threads_y(sum);
        if (threadIdx.y == 0 && column < columns) {
            partial[(long long)blockIdx.y * columns + column] = sum;
        }
    }
}

extern "C" __global__ void finish_column_sums(const double* partial, float* out, int columns, int parts) {
    for (long long column = first_index(); column < columns; column += stride_of_grid()) {
        double sum = 0.0;
        for (int part = 0; part < parts; part++) {
            sum += partial[(long long)part * columns + column];
        }
        out[column] = (float)sum;
    }
}
