//! Learnt tokens before the pixels of a map, on the CPU.

use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::layout::FeatureMapsMut;
use crate::error::Error;
use crate::ops::cpu::{
    BackwardInputs, Chunk, CpuLayer, GradientMut, GradientSpace, GradientTotals, Inputs, LayerArrays, SavedForBackward,
    WeightGradient, WeightGradientInputs,
};

/// The learnt tokens, one after another.
#[derive(Clone, Debug)]
pub(crate) struct ClassTokenLayer {
    count: usize,
    channels: usize,
    is_trained: bool,
    weight: Buffer,
}

impl ClassTokenLayer {
    pub fn new(count: usize, channels: usize) -> Self {
        Self { count, channels, is_trained: false, weight: Buffer::zeros(count * channels) }
    }
}

impl CpuLayer for ClassTokenLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(Self::new(self.count, self.channels))
    }

    fn prepare_training(&mut self) {
        self.is_trained = true;
    }

    fn pack(&mut self, _: VectorLevel, arrays: LayerArrays<'_>) {
        self.weight.copy_from_slice(arrays.weight);
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        let (x, channels) = (x.first(), self.channels);
        for image in 0..chunk.images {
            let learnt = self.weight.chunks_exact(channels);
            let pixels = x.layout.pixel_starts(image).into_iter().map(|start| &x.values[start..start + channels]);
            for (to, from) in y.layout.pixel_starts(image).into_iter().zip(learnt.chain(pixels)) {
                y.values[to..to + channels].copy_from_slice(from);
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
        let (dx, channels) = (dx.zeroed_unless_written(chunk.images), self.channels);
        for image in 0..chunk.images {
            let from = known.dy.layout.pixel_starts(image).into_iter().skip(self.count);
            for (to, from) in dx.layout.pixel_starts(image).into_iter().zip(from) {
                let from = &known.dy.values[from..from + channels];
                dx.values[to..to + channels].iter_mut().zip(from).for_each(|(to, from)| *to += from);
            }
        }
        Ok(())
    }

    fn weight_gradient(&self) -> Option<&dyn WeightGradient> {
        if self.is_trained { Some(self) } else { None }
    }
}

impl WeightGradient for ClassTokenLayer {
    fn space(&self) -> GradientSpace {
        GradientSpace { sums: self.weight.len(), deferred: 0 }
    }

    fn accumulate(&self, chunk: Chunk, known: WeightGradientInputs<'_>, sums: &mut [f32], _: &mut [f32]) {
        for image in 0..chunk.images {
            let starts = known.dy.layout.pixel_starts(image);
            for (start, sums) in starts.into_iter().zip(sums.chunks_exact_mut(self.channels)) {
                let gradients = &known.dy.values[start..start + self.channels];
                sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| *sum += gradient);
            }
        }
    }

    fn finish(&self, _: VectorLevel, totals: GradientTotals<'_>, weight: &mut [f32], _: &mut [f32]) {
        weight.copy_from_slice(totals.sums);
    }
}
