// A matrix of rows x columns for each image, as one of columns x rows.

extern "C" __global__ void transpose_matrices(
    const float* from, float* to, long long total, int rows, int columns, int add) {
    for (long long i = first_index(); i < total; i += stride_of_grid()) {
        long long line = quotient(i, rows);
        int row = (int)(i - line * rows);
        long long image = quotient(line, columns);
        int column = (int)(line - image * columns);
        put(&to[i], from[(image * rows + row) * columns + column], add);
    }
}
