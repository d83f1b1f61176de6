//! Layer normalisation over the channels, on the CPU. A pixel's mean and variance are computed again in the backward
//! pass: that costs less than to keep them.

use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::lanes::{LANES, round_up, vectorised};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::ops::cpu::{
    BackwardInputs, Chunk, CpuLayer, GradientMut, GradientSpace, GradientTotals, Inputs, LayerArrays, SavedForBackward,
    WeightGradient, WeightGradientInputs,
};

#[derive(Clone, Debug)]
pub(crate) struct LayerNormLayer {
    is_trained: bool,
    affine: Affine,
}

/// What is done to a pixel's channels once they are normalised; padding channels have zeros everywhere.
#[derive(Clone, Debug)]
struct Affine {
    epsilon: f32,
    channels: usize,
    weight: Buffer,
    bias: Buffer,
    /// 1 for every real channel.
    is_real: Buffer,
}

impl LayerNormLayer {
    pub fn new(epsilon: f64, channels: usize) -> Self {
        let buffer = |value: f32| {
            let mut buffer = Buffer::default();
            buffer.grow(round_up(channels));
            buffer[..channels].fill(value);
            buffer
        };
        let affine =
            Affine { epsilon: epsilon as f32, channels, weight: buffer(1.0), bias: buffer(0.0), is_real: buffer(1.0) };
        Self { is_trained: false, affine }
    }
}

impl CpuLayer for LayerNormLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn prepare_training(&mut self) {
        self.is_trained = true;
    }

    fn pack(&mut self, _: VectorLevel, arrays: LayerArrays<'_>) {
        self.affine.weight[..arrays.weight.len()].copy_from_slice(arrays.weight);
        self.affine.bias[..arrays.bias.len()].copy_from_slice(arrays.bias);
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        forward(chunk.level, chunk.images, &self.affine, x.first(), y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let dx = dx.zeroed_unless_written(chunk.images);
        backward(chunk.level, chunk.images, &self.affine, known.x.first(), known.dy, dx);
        Ok(())
    }

    fn weight_gradient(&self) -> Option<&dyn WeightGradient> {
        if self.is_trained { Some(self) } else { None }
    }
}

impl WeightGradient for LayerNormLayer {
    /// Weights, then biases.
    fn space(&self) -> GradientSpace {
        GradientSpace { sums: 2 * self.affine.weight.len(), deferred: 0 }
    }

    fn accumulate(&self, chunk: Chunk, known: WeightGradientInputs<'_>, sums: &mut [f32], _: &mut [f32]) {
        add_gradients(chunk.level, chunk.images, &self.affine, known.x, known.dy, sums);
    }

    fn finish(&self, _: VectorLevel, totals: GradientTotals<'_>, weight: &mut [f32], bias: &mut [f32]) {
        let (weights, biases) = totals.sums.split_at(totals.sums.len() / 2);
        weight.iter_mut().zip(weights).for_each(|(to, from)| *to = *from);
        bias.iter_mut().zip(biases).for_each(|(to, from)| *to = *from);
    }
}

vectorised! {
    /// Normalises the first `images` images.
    fn forward(images: usize, by: &Affine, x: FeatureMaps<'_>, y: FeatureMapsMut<'_>) {
        let (weight, bias, count) = (vectors(&by.weight), vectors(&by.bias), by.weight.len() / LANES);
        for image in 0..images {
            for row in 0..y.layout.shape.height {
                let from = vectors(&x.values[x.layout.pixels(image, row)]);
                let to = y.values[y.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
                for (from, to) in from.chunks_exact(count).zip(to.chunks_exact_mut(count)) {
                    let moments = Moments::of(by, from);
                    for vector in 0..count {
                        for lane in 0..LANES {
                            let normal = (from[vector][lane] - moments.mean) * moments.inverse;
                            to[vector][lane] = normal * weight[vector][lane] + bias[vector][lane];
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds to the input's gradient `inverse (g - mean of g - xhat mean of g xhat)`, g being the output's gradient times
    /// the weight.
    fn backward(images: usize, by: &Affine, x: FeatureMaps<'_>, dy: FeatureMaps<'_>, dx: FeatureMapsMut<'_>) {
        let (weight, is_real, count) = (vectors(&by.weight), vectors(&by.is_real), by.weight.len() / LANES);
        for image in 0..images {
            for row in 0..dx.layout.shape.height {
                let values = vectors(&x.values[x.layout.pixels(image, row)]).chunks_exact(count);
                let gradients = vectors(&dy.values[dy.layout.pixels(image, row)]).chunks_exact(count);
                let out = dx.values[dx.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
                for (out, (value, gradient)) in out.chunks_exact_mut(count).zip(values.zip(gradients)) {
                    let Moments { mean, inverse } = Moments::of(by, value);
                    let (mut plain, mut product) = ([0.0; LANES], [0.0; LANES]);
                    for vector in 0..count {
                        for lane in 0..LANES {
                            let g = gradient[vector][lane] * weight[vector][lane];
                            plain[lane] += g;
                            product[lane] += g * ((value[vector][lane] - mean) * inverse);
                        }
                    }
                    let (plain, product) = (mean_of(plain, by.channels), mean_of(product, by.channels));
                    for vector in 0..count {
                        for lane in 0..LANES {
                            let g = gradient[vector][lane] * weight[vector][lane];
                            let normal = (value[vector][lane] - mean) * inverse;
                            out[vector][lane] += is_real[vector][lane] * inverse * (g - plain - normal * product);
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds to every channel's sums its gradients times the normalised values, then the gradients.
    fn add_gradients(images: usize, by: &Affine, x: FeatureMaps<'_>, dy: FeatureMaps<'_>, sums: &mut [f32]) {
        let (is_real, count) = (vectors(&by.is_real), by.weight.len() / LANES);
        let (weights, biases) = sums.as_chunks_mut::<LANES>().0.split_at_mut(count);
        for image in 0..images {
            for row in 0..x.layout.shape.height {
                let values = vectors(&x.values[x.layout.pixels(image, row)]).chunks_exact(count);
                let gradients = vectors(&dy.values[dy.layout.pixels(image, row)]).chunks_exact(count);
                for (value, gradient) in values.zip(gradients) {
                    let Moments { mean, inverse } = Moments::of(by, value);
                    for vector in 0..count {
                        for lane in 0..LANES {
                            let g = gradient[vector][lane] * is_real[vector][lane];
                            weights[vector][lane] += g * ((value[vector][lane] - mean) * inverse);
                            biases[vector][lane] += g;
                        }
                    }
                }
            }
        }
    }
}

/// Mean of a pixel's channels, and one over their standard deviation.
#[derive(Clone, Copy)]
struct Moments {
    mean: f32,
    inverse: f32,
}

impl Moments {
    /// In two passes, so that a large mean costs no digits.
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
    #[inline(always)]
    fn of(by: &Affine, pixel: &[[f32; LANES]]) -> Self {
        let mut sums = [0.0; LANES];
        for vector in pixel {
            for lane in 0..LANES {
                sums[lane] += vector[lane];
            }
        }
        let mean = mean_of(sums, by.channels);
        let mut squares = [0.0; LANES];
        for (vector, is_real) in pixel.iter().zip(vectors(&by.is_real)) {
            for lane in 0..LANES {
                let distance = (vector[lane] - mean) * is_real[lane];
                squares[lane] += distance * distance;
            }
        }
        Self { mean, inverse: 1.0 / (mean_of(squares, by.channels) + by.epsilon).sqrt() }
    }
}

/// The mean over the channels of what the lanes summed.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn mean_of(lanes: [f32; LANES], channels: usize) -> f32 {
    let sum: f64 = lanes.iter().map(|lane| f64::from(*lane)).sum();
    (sum / channels as f64) as f32
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn vectors(values: &[f32]) -> &[[f32; LANES]] {
    values.as_chunks().0
}
