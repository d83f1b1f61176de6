//! Batch normalisation on the CPU.

mod kernels;

use super::BatchNorm;
use crate::device::VectorLevel;
use crate::device::cpu::buffer::{Buffer, SavedForBackward};
use crate::device::cpu::lanes::round_up;
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cpu::{BackwardInputs, BatchStatistics, Chunk, CpuContext, CpuLayer, GradientMut, Inputs, LayerArrays};
use kernels::{NormBackward, add_gradients, add_statistics, backward, backward_fixed, forward, sums_len};

/// What is done to a pixel's channels: `y = (x - mean) factor + shift`. Padding channels hold zeros
/// everywhere, so that theirs stay zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Normaliser {
    pub mean: Buffer,
    /// `1 / sqrt(variance + epsilon)`.
    pub inverse: Buffer,
    /// `inverse` times the weight.
    pub factor: Buffer,
    pub shift: Buffer,
}

impl Normaliser {
    /// Sets mean, variance and what is learnt, channel by channel.
    pub fn set(
        &mut self,
        epsilon: f64,
        arrays: LayerArrays<'_>,
        statistics: impl ExactSizeIterator<Item = (f64, f64)>,
    ) {
        let stride = round_up(statistics.len());
        for buffer in [&mut self.mean, &mut self.inverse, &mut self.factor, &mut self.shift] {
            buffer.grow(stride);
        }
        for (channel, (mean, variance)) in statistics.enumerate() {
            let inverse = 1.0 / (variance + epsilon).sqrt();
            let weight = arrays.weight.get(channel).map_or(1.0, |weight| f64::from(*weight));
            self.mean[channel] = mean as f32;
            self.inverse[channel] = inverse as f32;
            self.factor[channel] = (inverse * weight) as f32;
            self.shift[channel] = arrays.bias.get(channel).copied().unwrap_or(0.0);
        }
    }
}

/// A batch normalisation by its running statistics, or while training by the minibatch's.
#[derive(Debug)]
pub(crate) struct BatchNormLayer {
    epsilon: f64,
    normaliser: Normaliser,
    minibatch: Minibatch,
    is_trained: bool,
}

/// What a step finds out about the minibatch, channel by channel.
#[derive(Debug)]
struct Minibatch {
    mean: Vec<f64>,
    /// Biased, as the normalisation has it.
    variance: Vec<f64>,
    bias: Vec<f64>,
    weight: Vec<f64>,
    /// Values of a channel.
    count: f64,
    /// Means of the gradient, then of its product with the normalised value.
    gradient_means: Buffer,
}

impl BatchNormLayer {
    pub fn new(norm: &BatchNorm, context: &CpuContext<'_>) -> Self {
        Self::of(norm.epsilon, context.output.activation.shape.channels)
    }

    fn of(epsilon: f64, channels: usize) -> Self {
        let zeros = || vec![0.0; channels];
        let (mean, variance, bias, weight) = (zeros(), zeros(), zeros(), zeros());
        let minibatch = Minibatch { mean, variance, bias, weight, count: 0.0, gradient_means: Buffer::default() };
        Self { epsilon, normaliser: Normaliser::default(), minibatch, is_trained: false }
    }
}

impl CpuLayer for BatchNormLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(Self::of(self.epsilon, self.minibatch.mean.len()))
    }

    fn prepare_training(&mut self) {
        self.is_trained = true;
    }

    fn pack(&mut self, _: VectorLevel, arrays: LayerArrays<'_>) {
        let means = arrays.running_mean.iter().map(|value| f64::from(*value));
        let variances = arrays.running_variance.iter().map(|value| f64::from(*value));
        self.normaliser.set(self.epsilon, arrays, means.zip(variances));
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        forward(chunk.level, chunk.images, &self.normaliser, x.first(), y);
    }

    /// By fixed statistics.
    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        backward_fixed(chunk.level, chunk.images, &self.normaliser, known.dy, dx.zeroed_unless_written(chunk.images));
        Ok(())
    }

    fn batch_statistics(&self) -> Option<&dyn BatchStatistics> {
        if self.is_trained { Some(self) } else { None }
    }

    fn batch_statistics_mut(&mut self) -> Option<&mut dyn BatchStatistics> {
        if self.is_trained { Some(self) } else { None }
    }
}

impl BatchStatistics for BatchNormLayer {
    fn sums_len(&self) -> usize {
        sums_len(self.minibatch.mean.len())
    }

    fn add_inputs(&self, chunk: Chunk, x: FeatureMaps<'_>, sums: &mut [f64]) {
        add_statistics(chunk.level, chunk.images, x, sums);
    }

    fn set_statistics(&mut self, sums: &[f64], count: f64, arrays: LayerArrays<'_>) {
        let (plain, squares) = sums.split_at(sums.len() / 2);
        let Minibatch { mean, variance, count: values, .. } = &mut self.minibatch;
        *values = count;
        for channel in 0..mean.len() {
            mean[channel] = plain[channel] / count;
            variance[channel] = (squares[channel] / count - mean[channel] * mean[channel]).max(0.0);
        }
        let statistics = mean.iter().copied().zip(variance.iter().copied());
        self.normaliser.set(self.epsilon, arrays, statistics);
    }

    fn add_gradients(&self, chunk: Chunk, x: FeatureMaps<'_>, dy: FeatureMaps<'_>, sums: &mut [f64]) {
        add_gradients(chunk.level, chunk.images, &self.normaliser, x, dy, sums);
    }

    fn set_gradients(&mut self, sums: &[f64]) {
        let (plain, products) = sums.split_at(sums.len() / 2);
        let Minibatch { bias, weight, count, gradient_means, .. } = &mut self.minibatch;
        let channels = bias.len();
        bias.copy_from_slice(&plain[..channels]);
        weight.copy_from_slice(&products[..channels]);
        gradient_means.grow(sums.len());
        for (mean, sum) in gradient_means.iter_mut().zip(sums) {
            *mean = (sum / *count) as f32;
        }
    }

    fn backward(&self, chunk: Chunk, x: FeatureMaps<'_>, dy: FeatureMaps<'_>, dx: GradientMut<'_>) {
        let known = NormBackward { by: &self.normaliser, means: &self.minibatch.gradient_means, x, dy };
        backward(chunk.level, chunk.images, &known, dx.zeroed_unless_written(chunk.images));
    }

    fn write(&self, role: Role, into: &mut [f32]) {
        let Minibatch { mean, variance, bias, weight, count, .. } = &self.minibatch;
        // PyTorch's running variance follows the unbiased one.
        let unbiased = count / (count - 1.0).max(1.0);
        let (values, factor) = match role {
            Role::Weight => (weight, 1.0),
            Role::Bias => (bias, 1.0),
            Role::RunningMean => (mean, 1.0),
            Role::RunningVariance => (variance, unbiased),
        };
        into.iter_mut().zip(values).for_each(|(to, value)| *to = (value * factor) as f32);
    }
}
