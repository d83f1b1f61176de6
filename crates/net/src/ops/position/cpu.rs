//! A learnt value for every pixel and channel, on the CPU.

use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::layout::{FeatureMapsMut, copy};
use crate::error::Error;
use crate::ops::cpu::{
    BackwardInputs, Chunk, CpuLayer, GradientMut, GradientSpace, GradientTotals, Inputs, LayerArrays, SavedForBackward,
    WeightGradient, WeightGradientInputs,
};
use crate::shape::Shape;

/// The values in the order of the files: pixel by pixel, channels last.
#[derive(Clone, Debug)]
pub(crate) struct PositionLayer {
    shape: Shape,
    is_trained: bool,
    weight: Buffer,
}

impl PositionLayer {
    pub fn new(shape: Shape) -> Self {
        Self { shape, is_trained: false, weight: Buffer::zeros(shape.len()) }
    }
}

impl CpuLayer for PositionLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(Self::new(self.shape))
    }

    fn prepare_training(&mut self) {
        self.is_trained = true;
    }

    fn pack(&mut self, _: VectorLevel, arrays: LayerArrays<'_>) {
        self.weight.copy_from_slice(arrays.weight);
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        let x = x.first();
        let channels = self.shape.channels;
        for image in 0..chunk.images {
            let starts = x.layout.pixel_starts(image).into_iter().zip(y.layout.pixel_starts(image));
            for ((from, to), weights) in starts.zip(self.weight.chunks_exact(channels)) {
                let (from, to) = (&x.values[from..from + channels], &mut y.values[to..to + channels]);
                for ((to, from), weight) in to.iter_mut().zip(from).zip(weights) {
                    *to = from + weight;
                }
            }
        }
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let mut dx = dx;
        if dx.is_written {
            let channels = self.shape.channels;
            for image in 0..chunk.images {
                let starts = known.dy.layout.pixel_starts(image).into_iter().zip(dx.maps.layout.pixel_starts(image));
                for (from, to) in starts {
                    let from = &known.dy.values[from..from + channels];
                    dx.maps.values[to..to + channels].iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
        } else {
            copy(chunk.images, known.dy, &mut dx.maps);
        }
        Ok(())
    }

    fn weight_gradient(&self) -> Option<&dyn WeightGradient> {
        if self.is_trained { Some(self) } else { None }
    }
}

impl WeightGradient for PositionLayer {
    fn space(&self) -> GradientSpace {
        GradientSpace { sums: self.shape.len(), deferred: 0 }
    }

    fn accumulate(&self, chunk: Chunk, known: WeightGradientInputs<'_>, sums: &mut [f32], _: &mut [f32]) {
        let channels = self.shape.channels;
        for image in 0..chunk.images {
            let starts = known.dy.layout.pixel_starts(image);
            for (start, sums) in starts.into_iter().zip(sums.chunks_exact_mut(channels)) {
                let gradients = &known.dy.values[start..start + channels];
                sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| *sum += gradient);
            }
        }
    }

    fn finish(&self, _: VectorLevel, totals: GradientTotals<'_>, weight: &mut [f32], _: &mut [f32]) {
        weight.copy_from_slice(totals.sums);
    }
}
