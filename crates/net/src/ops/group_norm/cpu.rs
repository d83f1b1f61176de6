//! Group normalisation on the CPU. A group's mean and variance are computed again in the backward pass: that costs less
//! than to keep them.

use super::GroupNorm;
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::lanes::{LANES, round_up, vectorised};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::ops::cpu::{
    BackwardInputs, Chunk, CpuLayer, GradientMut, GradientSpace, GradientTotals, Inputs, LayerArrays, SavedForBackward,
    WeightGradient, WeightGradientInputs,
};

/// Padding channels have a weight and a bias of 0.
#[derive(Clone, Debug)]
pub(crate) struct GroupNormLayer {
    is_trained: bool,
    epsilon: f64,
    channels: usize,
    groups: usize,
    weight: Buffer,
    bias: Buffer,
}

/// Of every channel: the mean of its group, and one over its group's standard deviation; of padding channels zeros.
struct Moments {
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

/// The output's gradients of an image, summed over the pixels of every channel.
struct GradientSums {
    /// As they are.
    plain: Vec<f32>,
    /// Times the normalised inputs.
    products: Vec<f32>,
}

impl GroupNormLayer {
    pub fn new(norm: &GroupNorm, channels: usize) -> Self {
        let buffer = |value: f32| {
            let mut buffer = Buffer::default();
            buffer.grow(round_up(channels));
            buffer[..channels].fill(value);
            buffer
        };
        let (epsilon, groups) = (norm.epsilon, norm.groups);
        Self { is_trained: false, epsilon, channels, groups, weight: buffer(1.0), bias: buffer(0.0) }
    }

    fn padded_channels(&self) -> usize {
        self.weight.len()
    }

    /// The mean over a group's channels and pixels of what was summed over the pixels of each channel; of every channel,
    /// that of its group.
    fn group_means(&self, sums: &[f32], pixels: usize) -> Vec<f32> {
        let per_group = self.channels / self.groups;
        let mut means = vec![0.0; self.padded_channels()];
        for (sums, means) in sums.chunks_exact(per_group).zip(means.chunks_exact_mut(per_group)).take(self.groups) {
            let sum: f64 = sums.iter().map(|sum| f64::from(*sum)).sum();
            means.fill((sum / (per_group * pixels) as f64) as f32);
        }
        means
    }

    /// In two passes, so that a large mean costs no digits.
    fn moments(&self, level: VectorLevel, image: usize, x: FeatureMaps<'_>) -> Moments {
        let (pixels, zeros) = (x.layout.shape.height * x.layout.shape.width, || vec![0.0; self.padded_channels()]);
        let (mut sums, mut squares) = (zeros(), zeros());
        add_values(level, image, x, &mut sums);
        let mean = self.group_means(&sums, pixels);
        add_squares(level, image, x, &mean, &mut squares);
        let mut inverse = self.group_means(&squares, pixels);
        for variance in &mut inverse[..self.channels] {
            *variance = (1.0 / (f64::from(*variance) + self.epsilon).sqrt()) as f32;
        }
        Moments { mean, inverse }
    }

    fn gradient_sums(
        &self,
        level: VectorLevel,
        image: usize,
        x: FeatureMaps<'_>,
        dy: FeatureMaps<'_>,
        by: &Moments,
    ) -> GradientSums {
        let zeros = || vec![0.0; self.padded_channels()];
        let mut sums = GradientSums { plain: zeros(), products: zeros() };
        add_gradients(level, image, x, dy, by, &mut sums);
        sums
    }
}

impl CpuLayer for GroupNormLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn prepare_training(&mut self) {
        self.is_trained = true;
    }

    fn pack(&mut self, _: VectorLevel, arrays: LayerArrays<'_>) {
        self.weight[..arrays.weight.len()].copy_from_slice(arrays.weight);
        self.bias[..arrays.bias.len()].copy_from_slice(arrays.bias);
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        let x = x.first();
        for image in 0..chunk.images {
            let Moments { mean, inverse } = self.moments(chunk.level, image, x);
            let factor: Vec<f32> = inverse.iter().zip(self.weight.iter()).map(|(a, b)| a * b).collect();
            affine(chunk.level, image, [&mean, &factor, &self.bias], x, &mut y);
        }
    }

    fn backward(
        &self,
        chunk: Chunk,
        inputs: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let (x, mut dx) = (inputs.x.first(), dx.zeroed_unless_written(chunk.images));
        let pixels = x.layout.shape.height * x.layout.shape.width;
        for image in 0..chunk.images {
            let by = self.moments(chunk.level, image, x);
            let GradientSums { mut plain, mut products } = self.gradient_sums(chunk.level, image, x, inputs.dy, &by);
            plain.iter_mut().zip(self.weight.iter()).for_each(|(sum, weight)| *sum *= weight);
            products.iter_mut().zip(self.weight.iter()).for_each(|(sum, weight)| *sum *= weight);
            let means = [self.group_means(&plain, pixels), self.group_means(&products, pixels)];
            backward(chunk.level, image, &self.weight, &by, &means, [x, inputs.dy], &mut dx);
        }
        Ok(())
    }

    fn weight_gradient(&self) -> Option<&dyn WeightGradient> {
        if self.is_trained { Some(self) } else { None }
    }
}

impl WeightGradient for GroupNormLayer {
    /// Weights, then biases.
    fn space(&self) -> GradientSpace {
        GradientSpace { sums: 2 * self.padded_channels(), deferred: 0 }
    }

    fn accumulate(&self, chunk: Chunk, inputs: WeightGradientInputs<'_>, sums: &mut [f32], _: &mut [f32]) {
        let (weights, biases) = sums.split_at_mut(self.padded_channels());
        for image in 0..chunk.images {
            let by = self.moments(chunk.level, image, inputs.x);
            let found = self.gradient_sums(chunk.level, image, inputs.x, inputs.dy, &by);
            weights.iter_mut().zip(&found.products).for_each(|(to, from)| *to += from);
            biases.iter_mut().zip(&found.plain).for_each(|(to, from)| *to += from);
        }
    }

    fn finish(&self, _: VectorLevel, totals: GradientTotals<'_>, weight: &mut [f32], bias: &mut [f32]) {
        let (weights, biases) = totals.sums.split_at(totals.sums.len() / 2);
        weight.iter_mut().zip(weights).for_each(|(to, from)| *to = *from);
        bias.iter_mut().zip(biases).for_each(|(to, from)| *to = *from);
    }
}

vectorised! {
    /// Adds an image's values to every channel's sum.
    fn add_values(image: usize, x: FeatureMaps<'_>, sums: &mut [f32]) {
        let sums = sums.as_chunks_mut::<LANES>().0;
        for row in 0..x.layout.shape.height {
            for pixel in vectors(&x.values[x.layout.pixels(image, row)]).chunks_exact(sums.len()) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    for lane in 0..LANES {
                        sum[lane] += value[lane];
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds the squares of an image's distances from the mean.
    fn add_squares(image: usize, x: FeatureMaps<'_>, mean: &[f32], sums: &mut [f32]) {
        let (mean, sums) = (vectors(mean), sums.as_chunks_mut::<LANES>().0);
        for row in 0..x.layout.shape.height {
            for pixel in vectors(&x.values[x.layout.pixels(image, row)]).chunks_exact(sums.len()) {
                for (vector, sum) in sums.iter_mut().enumerate() {
                    for lane in 0..LANES {
                        let distance = pixel[vector][lane] - mean[vector][lane];
                        sum[lane] += distance * distance;
                    }
                }
            }
        }
    }
}

vectorised! {
    /// `(x - mean) factor + bias`, each a number a channel.
    fn affine(image: usize, by: [&[f32]; 3], x: FeatureMaps<'_>, y: &mut FeatureMapsMut<'_>) {
        let [mean, factor, bias] = by.map(vectors);
        for row in 0..x.layout.shape.height {
            let from = vectors(&x.values[x.layout.pixels(image, row)]).chunks_exact(mean.len());
            let to = y.values[y.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
            for (from, to) in from.zip(to.chunks_exact_mut(mean.len())) {
                for vector in 0..mean.len() {
                    for lane in 0..LANES {
                        let distance = from[vector][lane] - mean[vector][lane];
                        to[vector][lane] = distance * factor[vector][lane] + bias[vector][lane];
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds an image's gradients, and their products with the normalised inputs.
    fn add_gradients(image: usize, x: FeatureMaps<'_>, dy: FeatureMaps<'_>, by: &Moments, sums: &mut GradientSums) {
        let (mean, inverse) = (vectors(&by.mean), vectors(&by.inverse));
        let plain = sums.plain.as_chunks_mut::<LANES>().0;
        let products = sums.products.as_chunks_mut::<LANES>().0;
        for row in 0..x.layout.shape.height {
            let values = vectors(&x.values[x.layout.pixels(image, row)]).chunks_exact(mean.len());
            let gradients = vectors(&dy.values[dy.layout.pixels(image, row)]).chunks_exact(mean.len());
            for (value, gradient) in values.zip(gradients) {
                for vector in 0..mean.len() {
                    for lane in 0..LANES {
                        let normal = (value[vector][lane] - mean[vector][lane]) * inverse[vector][lane];
                        plain[vector][lane] += gradient[vector][lane];
                        products[vector][lane] += gradient[vector][lane] * normal;
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds to the input's gradient `inverse (g - mean of g - xhat mean of g xhat)`, g being the output's gradient times
    /// the weight, and the `means` those of its group.
    fn backward(
        image: usize, weight: &[f32], by: &Moments, means: &[Vec<f32>; 2], x_and_dy: [FeatureMaps<'_>; 2],
        dx: &mut FeatureMapsMut<'_>,
    ) {
        let [x, dy] = x_and_dy;
        let (weight, mean, inverse) = (vectors(weight), vectors(&by.mean), vectors(&by.inverse));
        let (plain, product, count) = (vectors(&means[0]), vectors(&means[1]), weight.len());
        for row in 0..x.layout.shape.height {
            let values = vectors(&x.values[x.layout.pixels(image, row)]).chunks_exact(count);
            let gradients = vectors(&dy.values[dy.layout.pixels(image, row)]).chunks_exact(count);
            let out = dx.values[dx.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
            for (out, (value, gradient)) in out.chunks_exact_mut(count).zip(values.zip(gradients)) {
                for vector in 0..count {
                    for lane in 0..LANES {
                        let g = gradient[vector][lane] * weight[vector][lane];
                        let normal = (value[vector][lane] - mean[vector][lane]) * inverse[vector][lane];
                        let rest = plain[vector][lane] + normal * product[vector][lane];
                        out[vector][lane] += inverse[vector][lane] * (g - rest);
                    }
                }
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn vectors(values: &[f32]) -> &[[f32; LANES]] {
    values.as_chunks().0
}
