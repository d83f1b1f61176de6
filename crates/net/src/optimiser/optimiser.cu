// The update of the weights: the formulas of cpu.rs beside this file, g being the gradient summed over the
// minibatch. Where a parameter is not active, nothing changes.

// Rates and factors of one parameter at one step; UpdateParams in update_params.rs. They lie in the GPU's
// memory, so that a recorded step can be replayed with other values.
struct UpdateParams {
    float rate, momentum, decay, share, epsilon, beta2, correction1, correction2;
    int active;
};
static_assert(sizeof(UpdateParams) == 36, "the host writes parameters of this size");

// v <- m v - (rate/n) g - rate decay w; w <- w + v
extern "C" __global__ void update_cuda_convnet(float* w, float* v, const float* g, long long n, const UpdateParams* params) {
    UpdateParams by = *params;
    if (!by.active) {
        return;
    }
    float step = by.rate * by.share, decay = by.rate * by.decay;
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        float velocity = by.momentum * v[i] - step * g[i] - decay * w[i];
        v[i] = velocity;
        w[i] += velocity;
    }
}

// v <- m v + g/n + decay w; w <- w - rate v
extern "C" __global__ void update_pytorch(float* w, float* v, const float* g, long long n, const UpdateParams* params) {
    UpdateParams by = *params;
    if (!by.active) {
        return;
    }
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        float velocity = by.momentum * v[i] + by.share * g[i] + by.decay * w[i];
        v[i] = velocity;
        w[i] -= by.rate * velocity;
    }
}

// g' = g/n + decay w; v <- m v + g'; w <- w - rate (g' + m v)
extern "C" __global__ void update_nesterov(float* w, float* v, const float* g, long long n, const UpdateParams* params) {
    UpdateParams by = *params;
    if (!by.active) {
        return;
    }
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        float gradient = by.share * g[i] + by.decay * w[i];
        float velocity = by.momentum * v[i] + gradient;
        v[i] = velocity;
        w[i] -= by.rate * (gradient + by.momentum * velocity);
    }
}

// g' = g/n + decay w; s <- s + g'^2; w <- w - rate g' / (sqrt(s) + epsilon)
extern "C" __global__ void update_adagrad(float* w, float* s, const float* g, long long n, const UpdateParams* params) {
    UpdateParams by = *params;
    if (!by.active) {
        return;
    }
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        float gradient = by.share * g[i] + by.decay * w[i];
        float sum = s[i] + gradient * gradient;
        s[i] = sum;
        w[i] -= by.rate * gradient / (sqrtf(sum) + by.epsilon);
    }
}

// Decoupled decay, then moments corrected for their start at zero.
extern "C" __global__ void update_adamw(float* w, float* a, float* b, const float* g, long long n, const UpdateParams* params) {
    UpdateParams by = *params;
    if (!by.active) {
        return;
    }
    float kept = 1.0f - by.rate * by.decay;
    float step = by.rate / by.correction1;
    float root = sqrtf(by.correction2);
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        float gradient = by.share * g[i];
        float first = by.momentum * a[i] + (1.0f - by.momentum) * gradient;
        float second = by.beta2 * b[i] + (1.0f - by.beta2) * gradient * gradient;
        a[i] = first;
        b[i] = second;
        w[i] = w[i] * kept - step * first / (sqrtf(second) / root + by.epsilon);
    }
}

// Running statistics: r <- (1 - m) r + m batch.
extern "C" __global__ void follow(float* running, const float* batch, int n, float momentum) {
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        running[i] = (1.0f - momentum) * running[i] + momentum * batch[i];
    }
}

// Muon's velocity, and the gradient as Nesterov looks ahead: v <- m v + g/n; ahead = g/n + m v. Frozen
// filters keep their velocity too, and what is ahead of them is not written: their update discards it.
extern "C" __global__ void muon_velocity(float* v, const float* g, float* ahead, long long n, const UpdateParams* params) {
    UpdateParams by = *params;
    if (!by.active || by.rate <= 0.0f) {
        return;
    }
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        float gradient = by.share * g[i];
        float velocity = by.momentum * v[i] + gradient;
        v[i] = velocity;
        ahead[i] = gradient + by.momentum * velocity;
    }
}

// Sum of squares by one block. A lone block waits for memory most of its time, so that it asks for
// many values at once.
extern "C" __global__ void square_sum(const float* x, long long n, double* out) {
    const int TOGETHER = 16;
    if (blockIdx.x > 0) {
        return;
    }
    double sum = 0.0;
    long long i = threadIdx.x;
    for (; i + (TOGETHER - 1) * THREADS < n; i += TOGETHER * THREADS) {
        float values[TOGETHER];
        for (int k = 0; k < TOGETHER; k++) {
            values[k] = x[i + k * THREADS];
        }
        for (int k = 0; k < TOGETHER; k++) {
            sum += (double)values[k] * values[k];
        }
    }
    for (; i < n; i += THREADS) {
        sum += (double)x[i] * x[i];
    }
    sum = sum_of_block(sum);
    if (threadIdx.x == 0) {
        *out = sum;
    }
}

// The matrix over its Frobenius norm, with which the iteration towards an orthogonal one begins;
// what is added to the norm lets zeros stay zeros.
extern "C" __global__ void muon_normalise(const float* x, float* y, long long n, const double* squares) {
    float factor = (float)(1.0 / (sqrt(*squares) + 1e-7));
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        y[i] = x[i] * factor;
    }
}

// out = a x + b y; out may be x or y.
extern "C" __global__ void combine(const float* x, float a, const float* y, float b, float* out, long long n) {
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        out[i] = a * x[i] + b * y[i];
    }
}

// Brings the filters together to the length sqrt(filters), then moves them; `squares` is the sum of
// the weights' squares.
extern "C" __global__ void muon_update(
    float* w, const float* move, long long n, int filters, const double* squares, const UpdateParams* params) {
    UpdateParams by = *params;
    if (!by.active || by.rate <= 0.0f) {
        return;
    }
    float length = (float)(sqrt((double)filters) / sqrt(*squares));
    for (long long i = first_index(); i < n; i += stride_of_grid()) {
        w[i] = w[i] * length - by.rate * move[i];
    }
}
