//! A learnt factor and offset a channel, on the CPU.

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
pub(crate) struct ScaleLayer {
    is_trained: bool,
    weight: Buffer,
    bias: Buffer,
}

impl ScaleLayer {
    pub fn new(channels: usize) -> Self {
        let buffer = |value: f32| {
            let mut buffer = Buffer::default();
            buffer.grow(round_up(channels));
            buffer[..channels].fill(value);
            buffer
        };
        Self { is_trained: false, weight: buffer(1.0), bias: buffer(0.0) }
    }
}

impl CpuLayer for ScaleLayer {
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

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        forward(chunk.level, chunk.images, self, x.first(), y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        inputs: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let dx = dx.zeroed_unless_written(chunk.images);
        backward(chunk.level, chunk.images, &self.weight, inputs.dy, dx);
        Ok(())
    }

    fn weight_gradient(&self) -> Option<&dyn WeightGradient> {
        if self.is_trained { Some(self) } else { None }
    }
}

impl WeightGradient for ScaleLayer {
    /// Weights, then biases.
    fn space(&self) -> GradientSpace {
        GradientSpace { sums: 2 * self.weight.len(), deferred: 0 }
    }

    fn accumulate(&self, chunk: Chunk, inputs: WeightGradientInputs<'_>, sums: &mut [f32], _: &mut [f32]) {
        add_gradients(chunk.level, chunk.images, self.weight.len(), inputs.x, inputs.dy, sums);
    }

    fn finish(&self, _: VectorLevel, totals: GradientTotals<'_>, weight: &mut [f32], bias: &mut [f32]) {
        let (weights, biases) = totals.sums.split_at(totals.sums.len() / 2);
        weight.iter_mut().zip(weights).for_each(|(to, from)| *to = *from);
        bias.iter_mut().zip(biases).for_each(|(to, from)| *to = *from);
    }
}

vectorised! {
    /// Scales and shifts the first `images` images.
    fn forward(images: usize, layer: &ScaleLayer, x: FeatureMaps<'_>, y: FeatureMapsMut<'_>) {
        let (weight, bias, count) = (vectors(&layer.weight), vectors(&layer.bias), layer.weight.len() / LANES);
        for image in 0..images {
            for row in 0..y.layout.shape.height {
                let from = vectors(&x.values[x.layout.pixels(image, row)]);
                let to = y.values[y.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
                for (from, to) in from.chunks_exact(count).zip(to.chunks_exact_mut(count)) {
                    for vector in 0..count {
                        for lane in 0..LANES {
                            to[vector][lane] = from[vector][lane] * weight[vector][lane] + bias[vector][lane];
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds the output's gradient times the weight.
    fn backward(images: usize, weight: &[f32], dy: FeatureMaps<'_>, dx: FeatureMapsMut<'_>) {
        let (weight, count) = (vectors(weight), weight.len() / LANES);
        for image in 0..images {
            for row in 0..dx.layout.shape.height {
                let from = vectors(&dy.values[dy.layout.pixels(image, row)]);
                let to = dx.values[dx.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
                for (from, to) in from.chunks_exact(count).zip(to.chunks_exact_mut(count)) {
                    for vector in 0..count {
                        for lane in 0..LANES {
                            to[vector][lane] += from[vector][lane] * weight[vector][lane];
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds to every channel's sums its gradients times the inputs, then the gradients.
    fn add_gradients(images: usize, channels: usize, x: FeatureMaps<'_>, dy: FeatureMaps<'_>, sums: &mut [f32]) {
        let count = channels / LANES;
        let (weights, biases) = sums.as_chunks_mut::<LANES>().0.split_at_mut(count);
        for image in 0..images {
            for row in 0..x.layout.shape.height {
                let values = vectors(&x.values[x.layout.pixels(image, row)]).chunks_exact(count);
                let gradients = vectors(&dy.values[dy.layout.pixels(image, row)]).chunks_exact(count);
                for (value, gradient) in values.zip(gradients) {
                    for vector in 0..count {
                        for lane in 0..LANES {
                            weights[vector][lane] += gradient[vector][lane] * value[vector][lane];
                            biases[vector][lane] += gradient[vector][lane];
                        }
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
