// Attention: maps of queries x keys, a channel a head; heads of `size` channels each.

// factor * dot products of the heads of queries and keys.
extern "C" __global__ void attention_products(
    const float* a, const float* b, float* y, long long total, int heads, int queries, int keys, int size, float factor,
    int add) {
    long long channels = (long long)heads * size;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, queries, keys, heads);
        const float* from = a + (at.image * queries + at.y) * channels + at.channel * size;
        const float* by = b + (at.image * keys + at.x) * channels + at.channel * size;
        float sum = 0.0f;
        for (int j = 0; j < size; j++) {
            sum += from[j] * by[j];
        }
        put(&y[i], factor * sum, add);
    }
}

// Where a row of a head begins; its values are `heads` floats apart.
static __device__ __forceinline__ long long start_of_row(long long row, int heads, int keys) {
    long long query = quotient(row, heads);
    return query * keys * heads + (row - query * heads);
}

extern "C" __global__ void attention_softmax(float* y, long long rows, int heads, int keys) {
    for (long long row = first_index(); row < rows; row += stride_of_grid()) {
        float* values = y + start_of_row(row, heads, keys);
        float best = -1.0f / 0.0f, sum = 0.0f;
        for (int k = 0; k < keys; k++) {
            best = fmaxf(best, values[(long long)k * heads]);
        }
        for (int k = 0; k < keys; k++) {
            float value = expf(values[(long long)k * heads] - best);
            values[(long long)k * heads] = value;
            sum += value;
        }
        for (int k = 0; k < keys; k++) {
            values[(long long)k * heads] /= sum;
        }
    }
}

extern "C" __global__ void attention_softmax_backward(
    const float* y, const float* dy, float* to, long long rows, int heads, int keys) {
    for (long long row = first_index(); row < rows; row += stride_of_grid()) {
        long long start = start_of_row(row, heads, keys);
        float sum = 0.0f;
        for (int k = 0; k < keys; k++) {
            long long at = start + (long long)k * heads;
            sum += y[at] * dy[at];
        }
        for (int k = 0; k < keys; k++) {
            long long at = start + (long long)k * heads;
            to[at] = y[at] * (dy[at] - sum);
        }
    }
}

// factor * sums of values by weights: for every query over the keys or, transposed, for every key over the queries.
extern "C" __global__ void attention_sums(
    const float* weights, const float* values, float* to, long long total, int heads, int queries, int keys, int size,
    int transposed, float factor, int add) {
    int channels = heads * size;
    int results = transposed ? keys : queries, terms = transposed ? queries : keys;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long pixel = quotient(i, channels);
        int channel = (int)(i - pixel * channels);
        long long image = quotient(pixel, results);
        int result = (int)(pixel - image * results);
        const float* by = weights + image * queries * keys * heads + channel / size;
        const float* from = values + image * terms * channels + channel;
        float sum = 0.0f;
        for (int term = 0; term < terms; term++) {
            long long place = transposed ? (long long)term * keys + result : (long long)result * keys + term;
            sum += by[place * heads] * from[(long long)term * channels];
        }
        put(&to[i], factor * sum, add);
    }
}
