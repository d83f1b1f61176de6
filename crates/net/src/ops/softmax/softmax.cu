// Softmax and the cross-entropy loss: a thread an image; these are so few values that speed does not matter.

static __device__ __forceinline__ float largest(const float* values, int count) {
    float best = -1.0f / 0.0f;
    for (int k = 0; k < count; k++) {
        best = fmaxf(best, values[k]);
    }
    return best;
}

extern "C" __global__ void softmax_forward(const float* x, float* p, int n, int classes) {
    for (long long image = first_index(); image < n; image += stride_of_grid()) {
        const float* logits = x + image * classes;
        float* probabilities = p + image * classes;
        float best = largest(logits, classes), sum = 0.0f;
        for (int k = 0; k < classes; k++) {
            float value = expf(logits[k] - best);
            probabilities[k] = value;
            sum += value;
        }
        for (int k = 0; k < classes; k++) {
            probabilities[k] /= sum;
        }
    }
}

// Whatever the loss: dx = p (dy - sum of dy p).
extern "C" __global__ void softmax_backward(const float* p, const float* dy, float* dx, int n, int classes, int add) {
    for (long long image = first_index(); image < n; image += stride_of_grid()) {
        const float* probabilities = p + image * classes;
        const float* gradient = dy + image * classes;
        float dot = 0.0f;
        for (int k = 0; k < classes; k++) {
            dot += probabilities[k] * gradient[k];
        }
        for (int k = 0; k < classes; k++) {
            put(&dx[image * classes + k], probabilities[k] * (gradient[k] - dot), add);
        }
    }
}

// Loss and error of each image, and the loss' gradient with respect to the logits: cross_entropy in cpu.rs.
extern "C" __global__ void judge(
    const float* x, const float* p, const unsigned short* labels, float smoothing, float* dx, double* loss,
    double* error, int n, int classes) {
    float share = smoothing / (float)classes;
    for (long long image = first_index(); image < n; image += stride_of_grid()) {
        const float* logits = x + image * classes;
        const float* probabilities = p + image * classes;
        float* gradient = dx + image * classes;
        int label = labels[image];
        // From the logits, not from p: p may have become 0.
        float highest = largest(logits, classes), best = largest(probabilities, classes);
        double sum = 0.0, mean = 0.0;
        int ties = 0;
        for (int k = 0; k < classes; k++) {
            gradient[k] = probabilities[k] - share;
            sum += exp((double)(logits[k] - highest));
            mean += logits[k];
            ties += probabilities[k] >= best;
        }
        gradient[label] -= 1.0f - smoothing;
        double own = logits[label];
        double own_loss = (double)highest + log(sum) - own;
        if (smoothing > 0.0f) {
            own_loss += (double)smoothing * (own - mean / classes);
        }
        loss[image] = own_loss;
        // Wrong by as much as a guess among the classes that tie would be.
        error[image] = probabilities[label] >= best ? 1.0 - 1.0 / most(ties, 1) : 1.0;
    }
}

// Sums of losses and errors, by one block.
extern "C" __global__ void sum_judgements(const double* loss, const double* error, int n, double* out) {
    if (blockIdx.x > 0) {
        return;
    }
    double losses = 0.0, errors = 0.0;
    for (long long i = threadIdx.x; i < n; i += THREADS) {
        losses += loss[i];
        errors += error[i];
    }
    losses = sum_of_block(losses);
    errors = sum_of_block(errors);
    if (threadIdx.x == 0) {
        out[0] = losses;
        out[1] = errors;
    }
}
