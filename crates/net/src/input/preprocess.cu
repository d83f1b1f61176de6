// From pixels to what the first layer sees: Preprocess::write in preprocess.rs. The host has checked
// that the views fit.

// Mean of all pixels and channels of each image, which changes of contrast turn about. A block an
// image; the sum is of whole numbers and thus exact.
extern "C" __global__ void image_means(const unsigned char* images, const unsigned* ids, int n, int size, float* out) {
    __shared__ unsigned long long room[THREADS];
    for (long long image = blockIdx.x; image < n; image += gridDim.x) {
        const unsigned char* pixels = images + (long long)ids[image] * size;
        unsigned long long sum = 0;
        for (long long i = threadIdx.x; i < size; i += blockDim.x) {
            sum += pixels[i];
        }
        room[threadIdx.x] = sum;
        __syncthreads();
        for (int half = THREADS / 2; half > 0; half /= 2) {
            if ((int)threadIdx.x < half) {
                room[threadIdx.x] += room[threadIdx.x + half];
            }
            __syncthreads();
        }
        if (threadIdx.x == 0) {
            out[image] = (float)room[0] / (float)most(size, 1);
        }
        // The room is used again.
        __syncthreads();
    }
}

// The image's row or column seen at `at`; -1 in a padding of zeros.
static __device__ __forceinline__ int source_of(int at, int length, int padding) {
    if (padding == 2) {
        // Mirrored at the outermost pixel, which is not repeated.
        at = at < 0 ? -at : at;
        at = at >= length ? 2 * (length - 1) - at : at;
    }
    return at >= 0 && at < length ? at : -1;
}

// Images are channel, row, column; a mean image is of a whole image's size, and its centre crop is
// subtracted wherever the view lies. Pixels are multiplied by `unit`, channels by their factors once the
// mean is subtracted; both are in the order of the output, which is that of the images or its reverse.
// Padding: 0 none, 1 zeros, 2 mirrored.
extern "C" __global__ void preprocess(
    const unsigned char* images, const unsigned* ids, const View* views, const float* mean, const float* image_means,
    const float* factors, float unit, int reversed, int padding, int n, int c, int h, int w, int oh, int ow, float* out) {
    int top = (h - oh) / 2, left = (w - ow) / 2;
    long long total = (long long)n * oh * ow * c;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        Place at = place_of(i, oh, ow, c);
        View view = views[at.image];
        bool cut = view.cut && at.y >= view.row_from && at.y < view.row_to && at.x >= view.column_from
            && at.x < view.column_to;
        int row = source_of(view.y + at.y, h, padding);
        int column = source_of(view.x + (view.flipped ? ow - 1 - at.x : at.x), w, padding);
        float value = 0.0f;
        if (!cut && row >= 0 && column >= 0) {
            int source = reversed ? c - 1 - at.channel : at.channel;
            value = images[(((long long)ids[at.image] * c + source) * h + row) * w + column];
            // Views that leave the colours alone must leave them exactly.
            if (image_means && (view.brightness != 1.0f || view.contrast != 1.0f)) {
                float factor = view.brightness * view.contrast;
                value = value * factor + view.brightness * (1.0f - view.contrast) * image_means[at.image];
            }
            value *= unit;
            if (mean) {
                value -= mean[((long long)at.channel * h + top + at.y) * w + left + at.x];
            }
            value *= factors[at.channel];
        }
        out[i] = value;
    }
}
