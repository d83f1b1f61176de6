//! Sums of pixels, weighted by attention, on the CPU.

use super::Attention;
use crate::device::cpu::attention::{SumOver, add_dot_products, add_weighted_sums};
use crate::device::cpu::layout::FeatureMapsMut;
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

impl CpuLayer for Attention {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        y.clear(chunk.images);
        add_weighted_sums(chunk.level, chunk.images, SumOver::Keys, 1.0, x.get(0), x.get(1), y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let dx = dx.zeroed_unless_written(chunk.images);
        if known.slot == 0 {
            add_dot_products(chunk.level, chunk.images, 1.0, known.dy, known.x.get(1), dx);
        } else {
            add_weighted_sums(chunk.level, chunk.images, SumOver::Queries, 1.0, known.x.get(0), known.dy, dx);
        }
        Ok(())
    }
}
