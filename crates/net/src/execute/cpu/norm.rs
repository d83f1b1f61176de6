//! What a step finds out about the batch normalisations.

use crate::execute::cpu::plan::PackedLayer;
use crate::network::{Layer, Network, Role};
use crate::ops::Op;
use crate::ops::batch_norm::cpu::Affine;
use crate::parameters::Parameters;
use ndarray::ArrayD;

/// What a step finds out about one batch normalisation, channel by channel.
#[derive(Debug)]
pub(super) struct Norm {
    pub layer: usize,
    mean: Vec<f64>,
    /// Biased, as the normalisation has it.
    variance: Vec<f64>,
    bias: Vec<f64>,
    weight: Vec<f64>,
    /// Values of a channel in the batch.
    count: f64,
}

impl Norm {
    pub fn new(layer: usize, channels: usize) -> Self {
        let zeros = || vec![0.0; channels];
        Self { layer, mean: zeros(), variance: zeros(), bias: zeros(), weight: zeros(), count: 0.0 }
    }

    pub fn channels(&self) -> usize {
        self.mean.len()
    }

    /// Takes the batch's sums of values and squares.
    pub fn take_statistics(&mut self, sums: &[f64], count: f64) {
        let (plain, squares) = sums.split_at(sums.len() / 2);
        self.count = count;
        for channel in 0..self.mean.len() {
            let mean = plain[channel] / count;
            self.mean[channel] = mean;
            self.variance[channel] = (squares[channel] / count - mean * mean).max(0.0);
        }
    }

    /// Takes the batch's sums of gradients and their products; these are the learnt arrays' gradients.
    pub fn take_gradients(&mut self, sums: &[f64], means: &mut [f32]) {
        let (plain, products) = sums.split_at(sums.len() / 2);
        let channels = self.mean.len();
        self.bias.copy_from_slice(&plain[..channels]);
        self.weight.copy_from_slice(&products[..channels]);
        for (mean, sum) in means.iter_mut().zip(sums) {
            *mean = (sum / self.count) as f32;
        }
    }

    /// Lets the layer use the batch's statistics.
    pub fn set(&self, layer: &Layer, packed: &mut PackedLayer, parameters: &Parameters) {
        let (Op::BatchNorm(geometry), PackedLayer::BatchNorm(normaliser)) = (&layer.op, packed) else {
            return;
        };
        let values = |role| {
            let array = layer.parameter(role).and_then(|spec| parameters.get(&spec.name));
            array.and_then(ArrayD::as_slice).unwrap_or_default()
        };
        let affine = Affine { weight: values(Role::Weight), bias: values(Role::Bias) };
        let statistics = self.mean.iter().copied().zip(self.variance.iter().copied());
        normaliser.set(geometry.epsilon, affine, statistics);
    }

    /// Writes the learnt arrays' gradients, and the batch's statistics in place of running ones.
    pub fn write(&self, into: &mut Parameters, network: &Network) {
        // PyTorch's running variance follows the unbiased one.
        let unbiased = self.count / (self.count - 1.0).max(1.0);
        for spec in &network.layers()[self.layer].parameters {
            let (values, factor) = match spec.role {
                Role::Weight => (&self.weight, 1.0),
                Role::Bias => (&self.bias, 1.0),
                Role::RunningMean => (&self.mean, 1.0),
                Role::RunningVariance => (&self.variance, unbiased),
            };
            if let Some(array) = into.get_mut(&spec.name) {
                array.iter_mut().zip(values).for_each(|(to, value)| *to = (value * factor) as f32);
            }
        }
    }
}
