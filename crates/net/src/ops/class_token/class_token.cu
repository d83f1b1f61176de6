// `learnt` floats before those of every image; `length` floats of an image with them.

extern "C" __global__ void prepend_tokens(
    const float* x, const float* weight, float* y, long long total, int learnt, int length) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long image = quotient(i, length);
        long long place = i - image * length;
        y[i] = place < learnt ? weight[place] : x[image * (length - learnt) + place - learnt];
    }
}

extern "C" __global__ void token_gradients(const float* dy, float* gradient, int images, int learnt, int length) {
    for (long long i = first_index(); i < learnt; i += stride_of_grid()) {
        float sum = 0.0f;
        for (int image = 0; image < images; image++) {
            sum += dy[(long long)image * length + i];
        }
        gradient[i] = sum;
    }
}

extern "C" __global__ void token_backward(
    const float* dy, float* dx, long long total, int learnt, int length, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long image = quotient(i, length - learnt);
        put(&dx[i], dy[i + (image + 1) * learnt], add);
    }
}
