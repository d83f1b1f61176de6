//! Weighted sums on the CPU.

use crate::device::cpu::lanes::vectorised;
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

#[derive(Clone, Debug)]
pub(crate) struct AddLayer {
    pub factors: Vec<f32>,
}

impl CpuLayer for AddLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        y.clear(chunk.images);
        for (slot, &factor) in self.factors.iter().enumerate() {
            add_scaled(chunk.level, chunk.images, factor, x.get(slot), y.reborrow());
        }
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let factor = self.factors[known.slot];
        add_scaled(chunk.level, chunk.images, factor, known.dy, dx.zeroed_unless_written(chunk.images));
        Ok(())
    }
}

vectorised! {
    /// `to += factor * from` over the real values of the first `images` images.
    fn add_scaled(images: usize, factor: f32, from: FeatureMaps<'_>, to: FeatureMapsMut<'_>) {
        for image in 0..images {
            for y in 0..to.layout.shape.height {
                for x in 0..to.layout.shape.width {
                    let from = &from.values[from.layout.pixel(image, y, x)];
                    let to = &mut to.values[to.layout.pixel(image, y, x)];
                    for (to, from) in to.iter_mut().zip(from) {
                        *to += factor * from;
                    }
                }
            }
        }
    }
}
