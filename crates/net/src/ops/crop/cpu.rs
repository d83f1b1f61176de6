//! A part of the maps, on the CPU.

use super::Crop;
use crate::device::cpu::layout::FeatureMapsMut;
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

impl CpuLayer for Crop {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        let x = x.first();
        for image in 0..chunk.images {
            for row in 0..self.height {
                for column in 0..self.width {
                    let from = &x.values[x.layout.pixel(image, self.top + row, self.left + column)];
                    y.values[y.layout.pixel(image, row, column)].copy_from_slice(from);
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
        let (dy, dx) = (known.dy, dx.zeroed_unless_written(chunk.images));
        for image in 0..chunk.images {
            for row in 0..self.height {
                for column in 0..self.width {
                    let to = &mut dx.values[dx.layout.pixel(image, self.top + row, self.left + column)];
                    for (to, from) in to.iter_mut().zip(&dy.values[dy.layout.pixel(image, row, column)]) {
                        *to += from;
                    }
                }
            }
        }
        Ok(())
    }
}
