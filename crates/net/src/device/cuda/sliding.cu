// Convolution as products of matrices: the windows laid out as rows, and back.

// cols[image, oy, ox][r][s][c], zeros outside of the image; c channels from `first` on are one group.
// A thread writes one channel of one row of a window, so that few divisions fall on each value.
extern "C" __global__ void im2col(
    const float* x, float* cols, int n, int h, int w, int channels, int first, int c, int oh, int ow, int r, int s,
    int stride_y, int stride_x, int top, int left, int dilation_y, int dilation_x) {
    long long total = (long long)n * oh * ow * r * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long line = quotient(i, c);
        int channel = (int)(i - line * c);
        long long pixel = quotient(line, r);
        int row = (int)(line - pixel * r);
        Place at = place_of(pixel, oh, ow, 1);
        int y = at.y * stride_y - top + row * dilation_y, first_column = at.x * stride_x - left;
        bool inside = y >= 0 && y < h;
        const float* from = x + (at.image * h + (inside ? y : 0)) * w * channels + first + channel;
        float* to = cols + line * s * c + channel;
        for (int tap = 0; tap < s; tap++) {
            int column = first_column + tap * dilation_x;
            bool is_seen = inside && column >= 0 && column < w;
            to[(long long)tap * c] = is_seen ? from[(long long)column * channels] : 0.0f;
        }
    }
}

// The gradient of the windows, back at the pixels: each takes from all windows that hold it, so that
// no two threads write one value.
extern "C" __global__ void col2im(
    const float* cols, float* dx, int n, int h, int w, int channels, int first, int c, int oh, int ow, int r, int s,
    int stride_y, int stride_x, int padding_top, int padding_left, int dilation_y, int dilation_x, int add) {
    int height = (r - 1) * dilation_y + 1, width = (s - 1) * dilation_x + 1;
    long long total = (long long)n * h * w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, h, w, c);
        int y = at.y + padding_top, x = at.x + padding_left;
        // From the first window that reaches as far; stride - 1 rounds up.
        int top = most(y - height + stride_y, 0) / stride_y, bottom = least(y / stride_y, oh - 1);
        int left = most(x - width + stride_x, 0) / stride_x, right = least(x / stride_x, ow - 1);
        float sum = 0.0f;
        for (int oy = top; oy <= bottom; oy++) {
            int row = y - oy * stride_y;
            // A dilated window passes over pixels.
            if (dilation_y > 1 && row % dilation_y != 0) {
                continue;
            }
            row /= dilation_y;
            for (int ox = left; ox <= right; ox++) {
                int column = x - ox * stride_x;
                if (dilation_x > 1 && column % dilation_x != 0) {
                    continue;
                }
                column /= dilation_x;
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
