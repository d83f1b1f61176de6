// y[k groups + g] = x[g c / groups + k], for every pixel.

extern "C" __global__ void channel_shuffle(
    const float* x, float* y, long long total, int c, int groups, int add) {
    int length = c / groups;
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long pixel = quotient(i, c);
        int channel = (int)(i - pixel * c);
        put(&y[i], x[pixel * c + channel % groups * length + channel / groups], add);
    }
}
