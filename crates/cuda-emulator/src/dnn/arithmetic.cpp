// The arithmetic of the convolutions and of their gradients.
#include <vector>

#include "dnn.h"

namespace emulator::dnn {

namespace {

// Calls then(y's row and column, the filter's, x's) for every product of a filter's weight and a pixel: where the
// filter's window reaches into the padding there is none.
template <class Then>
void for_each_product(const Work& g, Then then) {
  for (int i = 0; i < g.y.h; ++i)
    for (int j = 0; j < g.y.w; ++j)
      for (int r = 0; r < g.w.h; ++r) {
        const int row = g.row(i, r);
        if (row < 0 || row >= g.x.h) continue;
        for (int s = 0; s < g.w.w; ++s) {
          const int column = g.column(j, s);
          if (column >= 0 && column < g.x.w) then(i, j, r, s, row, column);
        }
      }
}

}  // namespace

void compute(const Work& g) {
  const int channels = g.w.c, filters = g.w.n / g.how.groups;
  std::vector<double> sums;
  if (g.kind == FILTER) {
    // The sums of one group: filter, row, column, channel.
    for (int group = 0; group < g.how.groups; ++group) {
      sums.assign(size_t(filters) * g.w.h * g.w.w * channels, 0.0);
      for (int n = 0; n < g.x.n; ++n)
        for_each_product(g, [&](int i, int j, int r, int s, int row, int column) {
          const float* x = g.x_data + n * g.at_x.n + group * channels * g.at_x.c + row * g.at_x.h + column * g.at_x.w;
          const float* y = g.y_data + n * g.at_y.n + group * filters * g.at_y.c + i * g.at_y.h + j * g.at_y.w;
          for (int k = 0; k < filters; ++k) {
            double* sum = &sums[((size_t(k) * g.w.h + r) * g.w.w + s) * channels];
            const double by = y[k * g.at_y.c];
            for (int c = 0; c < channels; ++c) sum[c] += by * double(x[c * g.at_x.c]);
          }
        });
      const double* sum = sums.data();
      for (int k = group * filters; k < (group + 1) * filters; ++k)
        for (int r = 0; r < g.w.h; ++r)
          for (int s = 0; s < g.w.w; ++s)
            for (int c = 0; c < channels; ++c)
              g.put(g.w_data[k * g.at_w.n + c * g.at_w.c + r * g.at_w.h + s * g.at_w.w], *sum++);
    }
    return;
  }
  const bool forward = g.kind == FORWARD;
  const Dims& out = forward ? g.y : g.x;
  const Strides& at_out = forward ? g.at_y : g.at_x;
  float* out_data = forward ? g.y_data : g.x_data;
  for (int n = 0; n < g.x.n; ++n) {
    // The sums of one image: row, column, channel.
    sums.assign(size_t(out.h) * out.w * out.c, 0.0);
    for_each_product(g, [&](int i, int j, int r, int s, int row, int column) {
      const float* x = g.x_data + n * g.at_x.n + row * g.at_x.h + column * g.at_x.w;
      const float* y = g.y_data + n * g.at_y.n + i * g.at_y.h + j * g.at_y.w;
      double* sum = &sums[size_t(forward ? i * out.w + j : row * out.w + column) * out.c];
      for (int k = 0; k < g.w.n; ++k) {
        const int first = k / filters * channels;
        const float* w = g.w_data + k * g.at_w.n + r * g.at_w.h + s * g.at_w.w;
        if (forward) {
          for (int c = 0; c < channels; ++c) sum[k] += double(w[c * g.at_w.c]) * double(x[(first + c) * g.at_x.c]);
        } else {
          const double by = y[k * g.at_y.c];
          for (int c = 0; c < channels; ++c) sum[first + c] += by * double(w[c * g.at_w.c]);
        }
      }
    });
    const double* sum = sums.data();
    for (int i = 0; i < out.h; ++i)
      for (int j = 0; j < out.w; ++j)
        for (int c = 0; c < out.c; ++c)
          g.put(out_data[n * at_out.n + c * at_out.c + i * at_out.h + j * at_out.w], *sum++);
  }
}

}  // namespace emulator::dnn
