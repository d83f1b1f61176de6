//! Stacking on the CPU.

use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

#[derive(Clone, Debug)]
pub(crate) struct ConcatLayer {
    /// The first channel of every input.
    pub first: Vec<usize>,
}

impl CpuLayer for ConcatLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        for (slot, &first) in self.first.iter().enumerate() {
            forward(chunk.images, first, x.get(slot), &mut y);
        }
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        backward(chunk.images, self.first[known.slot], known.dy, &mut dx.zeroed_unless_written(chunk.images));
        Ok(())
    }
}

/// Copies one input's channels to where they stand in the output, from channel `first` on.
fn forward(images: usize, first: usize, x: FeatureMaps<'_>, y: &mut FeatureMapsMut<'_>) {
    for image in 0..images {
        for row in 0..y.layout.shape.height {
            for column in 0..y.layout.shape.width {
                let from = &x.values[x.layout.pixel(image, row, column)];
                let at = y.layout.pixel(image, row, column).start + first;
                y.values[at..at + from.len()].copy_from_slice(from);
            }
        }
    }
}

/// Adds the output's gradient, from channel `first` on, to one input's.
fn backward(images: usize, first: usize, dy: FeatureMaps<'_>, dx: &mut FeatureMapsMut<'_>) {
    for image in 0..images {
        for row in 0..dx.layout.shape.height {
            for column in 0..dx.layout.shape.width {
                let from = &dy.values[dy.layout.pixel(image, row, column)][first..];
                let to = &mut dx.values[dx.layout.pixel(image, row, column)];
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
    }
}
