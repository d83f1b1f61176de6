// Dropout: the mask of DropoutLayer::draw in cpu.rs for a whole minibatch, the same as the CPU draws.

// `noise` is the training step's seed, one value in the GPU's memory, so that a recorded step can be
// replayed with another. A thread draws four values at once, as many as one set of random words
// gives; they follow each other in channel, row, column order.
extern "C" __global__ void dropout_mask(
    float* mask, const unsigned long long* noise, int layer, int n, int c, int h, int w, unsigned long long threshold) {
    int area = h * w;
    long long units = (long long)c * area;
    long long groups = (units + 3) / 4;
    unsigned long long seed = derived_key(*noise, (unsigned long long)layer);
    // Where no group reaches into a further map, neighbouring threads take neighbouring channels.
    int groups_of_map = area % 4 == 0 ? area / 4 : 0;
    for (long long i = first_index(); i < n * groups; i += stride_of_grid()) {
        long long image = i / groups;
        long long group = i - image * groups;
        if (groups_of_map) {
            long long within = quotient(group, c);
            group = (group - within * c) * groups_of_map + within;
        }
        unsigned long long key = derived_key(seed, (unsigned long long)image);
        Words words = philox(key, counter_words((unsigned long long)group, 0));
        long long channel = quotient(group * 4, area);
        long long place = group * 4 - channel * area;
        for (int k = 0; k < 4 && group * 4 + k < units; k++) {
            mask[(image * area + place) * c + channel] = words.at[k] < threshold ? 0.0f : 1.0f;
            place++;
            if (place == area) {
                place = 0;
                channel++;
            }
        }
    }
}

extern "C" __global__ void multiply(const float* x, const float* mask, float* y, long long total, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        put(&y[i], x[i] * mask[i], add);
    }
}

extern "C" __global__ void scale(const float* x, float factor, float* y, long long total, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        put(&y[i], x[i] * factor, add);
    }
}
