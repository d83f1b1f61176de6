// Pooling. Windows and the windows that hold a pixel come as tables, by rows and by columns: PoolAxis in axis.rs.

// The pixels of a window along one axis: `count` of them from `first` on; `divisor` is what an average counts.
struct PoolWindow {
    int first, count, divisor;
};

static __device__ __forceinline__ PoolWindow pool_window(const int* windows, int index) {
    PoolWindow window;
    window.first = windows[3 * index];
    window.count = windows[3 * index + 1];
    window.divisor = windows[3 * index + 2];
    return window;
}

// One over what the average of a window counts.
static __device__ __forceinline__ float share_of(PoolWindow row, PoolWindow column) {
    return 1.0f / (float)(row.divisor * column.divisor);
}

extern "C" __global__ void pool_max_forward(
    const float* x, float* y, int n, int h, int w, int c, int oh, int ow, const int* rows, int down,
    const int* columns, int right) {
    long long total = (long long)n * oh * ow * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, oh, ow, c);
        PoolWindow row = pool_window(rows, at.y), column = pool_window(columns, at.x);
        const float* map = x + at.image * h * w * c + at.channel;
        float best = -1.0f / 0.0f;
        for (int iy = 0; iy < row.count; iy++) {
            const float* line = map + (long long)(row.first + iy * down) * w * c;
            for (int ix = 0; ix < column.count; ix++) {
                float value = line[(long long)(column.first + ix * right) * c];
                // No fmaxf: as on the CPU, a NaN takes the place of what came before it.
                best = best > value ? best : value;
            }
        }
        y[i] = best;
    }
}

extern "C" __global__ void pool_average_forward(
    const float* x, float* y, int n, int h, int w, int c, int oh, int ow, const int* rows, int down,
    const int* columns, int right) {
    long long total = (long long)n * oh * ow * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, oh, ow, c);
        PoolWindow row = pool_window(rows, at.y), column = pool_window(columns, at.x);
        const float* map = x + at.image * h * w * c + at.channel;
        float sum = 0.0f;
        for (int iy = 0; iy < row.count; iy++) {
            const float* line = map + (long long)(row.first + iy * down) * w * c;
            for (int ix = 0; ix < column.count; ix++) {
                sum += line[(long long)(column.first + ix * right) * c];
            }
        }
        y[i] = sum * share_of(row, column);
    }
}

// Whether a window's maximum stands before the pixel (y, x) already, in row, then column order.
static __device__ __forceinline__ bool is_before(
    const float* map, float best, PoolWindow row, int down, PoolWindow column, int right, int y, int x, int w, int c) {
    for (int r = 0, iy = row.first; r < row.count && iy <= y; r++, iy += down) {
        for (int s = 0, ix = column.first; s < column.count && (iy < y || ix < x); s++, ix += right) {
            if (map[((long long)iy * w + ix) * c] == best) {
                return true;
            }
        }
    }
    return false;
}

// Every pixel takes the gradients of the windows whose maximum it equals; `first`: only of those
// where it is the first.
extern "C" __global__ void pool_max_backward(
    const float* x, const float* y, const float* dy, float* dx, int n, int h, int w, int c, int oh, int ow,
    const int* rows, int down, const int* row_starts, const int* row_holders, const int* columns, int right,
    const int* column_starts, const int* column_holders, int first, int add) {
    long long total = (long long)n * h * w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, h, w, c);
        const float* map = x + at.image * h * w * c + at.channel;
        float own = x[i], sum = 0.0f;
        for (int r = row_starts[at.y]; r < row_starts[at.y + 1]; r++) {
            int oy = row_holders[r];
            for (int s = column_starts[at.x]; s < column_starts[at.x + 1]; s++) {
                int ox = column_holders[s];
                long long from = ((at.image * oh + oy) * ow + ox) * c + at.channel;
                if (own != y[from]) {
                    continue;
                }
                if (first) {
                    PoolWindow row = pool_window(rows, oy), column = pool_window(columns, ox);
                    if (is_before(map, own, row, down, column, right, at.y, at.x, w, c)) {
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
    const float* dy, float* dx, int n, int h, int w, int c, int oh, int ow, const int* rows, int down,
    const int* row_starts, const int* row_holders, const int* columns, int right, const int* column_starts,
    const int* column_holders, int add) {
    long long total = (long long)n * h * w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, h, w, c);
        float sum = 0.0f;
        for (int r = row_starts[at.y]; r < row_starts[at.y + 1]; r++) {
            int oy = row_holders[r];
            for (int s = column_starts[at.x]; s < column_starts[at.x + 1]; s++) {
                int ox = column_holders[s];
                float share = share_of(pool_window(rows, oy), pool_window(columns, ox));
                sum += dy[((at.image * oh + oy) * ow + ox) * c + at.channel] * share;
            }
        }
        put(&dx[i], sum, add);
    }
}
