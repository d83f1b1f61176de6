//! A border around the maps, on the CPU.

use super::Pad;
use crate::device::cpu::layout::FeatureMapsMut;
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

impl CpuLayer for Pad {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        let (x, shape) = (x.first(), y.layout.shape);
        for image in 0..chunk.images {
            for row in 0..shape.height {
                for column in 0..shape.width {
                    let inner = (row.wrapping_sub(self.top), column.wrapping_sub(self.left));
                    let is_inside = inner.0 < x.layout.shape.height && inner.1 < x.layout.shape.width;
                    // Padding channels stay zero.
                    let to = &mut y.values[y.layout.pixel(image, row, column)][..shape.channels];
                    if is_inside {
                        to.copy_from_slice(&x.values[x.layout.pixel(image, inner.0, inner.1)][..shape.channels]);
                    } else {
                        to.fill(self.value);
                    }
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
            for row in 0..dx.layout.shape.height {
                for column in 0..dx.layout.shape.width {
                    let from = &dy.values[dy.layout.pixel(image, row + self.top, column + self.left)];
                    let to = &mut dx.values[dx.layout.pixel(image, row, column)];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
        }
        Ok(())
    }
}
