// What the kernels share. All sources form one translation unit, this file first (see
// scripts/build/kernels.py); besides NVRTC, plain C++ with a header for the CUDA words compiles
// them, so nothing is used that only one of them knows.
//
// Values lie as image, row, column, channel. The arithmetic is that of the files cpu.rs beside each
// kernel; sums have a fixed order, so that results are the same every time.

// Threads of a block where a kernel sums over its block.
static const int THREADS = 256;

// Which part of an image the network sees: DeviceView in execute/cuda/images.rs.
struct View {
    short y, x;
    unsigned short flipped, cut;
    unsigned short row_from, row_to, column_from, column_to;
    float brightness, contrast;
};
static_assert(sizeof(View) == 24, "the host writes views of this size");

static __device__ __forceinline__ long long first_index() {
    return (long long)blockIdx.x * blockDim.x + threadIdx.x;
}

static __device__ __forceinline__ long long stride_of_grid() {
    return (long long)gridDim.x * blockDim.x;
}

// value / by, neither below 0: division of 64 bits is many times slower, and seldom needed.
static __device__ __forceinline__ long long quotient(long long value, int by) {
    return value <= 0xFFFFFFFFLL ? (long long)((unsigned)value / (unsigned)by) : value / by;
}

static __device__ __forceinline__ int remainder_of(long long value, int by) {
    return (int)(value - quotient(value, by) * by);
}

static __device__ __forceinline__ int least(int a, int b) {
    return a < b ? a : b;
}

static __device__ __forceinline__ int most(int a, int b) {
    return a > b ? a : b;
}

// Adds to what the output holds, or writes it: then it need not be cleared before.
static __device__ __forceinline__ void put(float* to, float value, int add) {
    *to = add ? *to + value : value;
}

// Where a value of n x h x w x c lies.
struct Place {
    long long image;
    int y, x, channel;
};

static __device__ __forceinline__ Place place_of(long long index, int h, int w, int c) {
    long long pixel = quotient(index, c);
    long long row = quotient(pixel, w);
    Place place;
    place.image = quotient(row, h);
    place.y = (int)(row - place.image * h);
    place.x = (int)(pixel - row * w);
    place.channel = (int)(index - pixel * c);
    return place;
}

// Sum of a column's values over the eight threads.y of a block of 32 x 8, in their order; only
// threads with threadIdx.y 0 are told.
static __device__ __forceinline__ double sum_of_threads_y(double own) {
    __shared__ double shared[8][32];
    shared[threadIdx.y][threadIdx.x] = own;
    __syncthreads();
    double sum = 0.0;
    if (threadIdx.y == 0) {
        for (int y = 0; y < 8; y++) {
            sum += shared[y][threadIdx.x];
        }
    }
    // The shared memory is used again.
    __syncthreads();
    return sum;
}

// Sum over a block of THREADS threads, always by the same tree; all threads are told.
static __device__ __forceinline__ double sum_of_block(double own) {
    __shared__ double shared[THREADS];
    shared[threadIdx.x] = own;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if ((int)threadIdx.x < half) {
            shared[threadIdx.x] += shared[threadIdx.x + half];
        }
        __syncthreads();
    }
    double sum = shared[0];
    __syncthreads();
    return sum;
}

// The rows of a part: parts are contiguous and differ by at most one row.
static __device__ __forceinline__ long long first_row_of_part(long long rows, long long part, long long parts) {
    return rows * part / parts;
}

// d^-power; for common powers by square roots, as on the CPU.
static __device__ __forceinline__ float inverse_power(float d, float power) {
    if (power == 0.75f) {
        float root = sqrtf(d);
        return 1.0f / (root * sqrtf(root));
    }
    if (power == 0.5f) {
        return 1.0f / sqrtf(d);
    }
    if (power == 1.0f) {
        return 1.0f / d;
    }
    return powf(d, -power);
}

// Rows top to bottom and columns left to right, one past the last, of a window inside a map.
struct Window {
    int top, bottom, left, right;
};

static __device__ __forceinline__ Window window_around(int y, int x, int h, int w, int before, int after) {
    Window window;
    window.top = most(y - before, 0);
    window.bottom = least(y + after + 1, h);
    window.left = most(x - before, 0);
    window.right = least(x + after + 1, w);
    return window;
}

// Sum over a window of one channel's values; `map` is that channel's first value of the image.
static __device__ __forceinline__ float window_sum(const float* map, Window window, int w, int c) {
    float sum = 0.0f;
    for (int y = window.top; y < window.bottom; y++) {
        const float* at = map + ((long long)y * w + window.left) * c;
        for (int x = window.left; x < window.right; x++, at += c) {
            sum += *at;
        }
    }
    return sum;
}

// The same of their squares.
static __device__ __forceinline__ float window_square_sum(const float* map, Window window, int w, int c) {
    float sum = 0.0f;
    for (int y = window.top; y < window.bottom; y++) {
        const float* at = map + ((long long)y * w + window.left) * c;
        for (int x = window.left; x < window.right; x++, at += c) {
            sum += *at * *at;
        }
    }
    return sum;
}

// The backward pass through a normalisation within a map; `inner` is what was squared and summed.
static __device__ __forceinline__ void spread_over_windows(
    const float* inner, const float* d, const float* dv, const float* scratch, float* du,
    int n, int h, int w, int c, int size, float scale, float power, int add) {
    // The pixels whose windows hold this one: their window mirrored.
    int after = size / 2, before = size - 1 - size / 2;
    float factor = 2.0f * power * scale;
    long long total = (long long)n * h * w * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, h, w, c);
        Window window = window_around(at.y, at.x, h, w, before, after);
        float sum = window_sum(scratch + at.image * h * w * c + at.channel, window, w, c);
        put(&du[i], dv[i] * inverse_power(d[i], power) - factor * inner[i] * sum, add);
    }
}

// Philox 4x32 with ten rounds, as random.rs has it (Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", 2011).
struct Words {
    unsigned at[4];
};

static __device__ __forceinline__ Words philox(unsigned long long key, Words x) {
    unsigned low = (unsigned)key, high = (unsigned)(key >> 32);
    for (int round = 0; round < 10; round++) {
        unsigned long long a = 0xD2511F53ULL * x.at[0];
        unsigned long long b = 0xCD9E8D57ULL * x.at[2];
        Words next;
        next.at[0] = (unsigned)(b >> 32) ^ x.at[1] ^ low;
        next.at[1] = (unsigned)b;
        next.at[2] = (unsigned)(a >> 32) ^ x.at[3] ^ high;
        next.at[3] = (unsigned)a;
        x = next;
        low += 0x9E3779B9U;
        high += 0xBB67AE85U;
    }
    return x;
}

// A counter's four words; the highest bit tells the derivation of keys from drawing.
static __device__ __forceinline__ Words counter_words(unsigned long long counter, unsigned highest) {
    Words words;
    words.at[0] = (unsigned)counter;
    words.at[1] = (unsigned)(counter >> 32);
    words.at[2] = 0;
    words.at[3] = highest;
    return words;
}

// One step of Stream::new: the key for a further part of the purpose.
static __device__ __forceinline__ unsigned long long derived_key(unsigned long long key, unsigned long long part) {
    Words words = philox(key, counter_words(part, 0x80000000U));
    return words.at[0] | ((unsigned long long)words.at[1] << 32);
}
