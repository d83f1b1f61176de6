//! Values brought into a range on the CPU, in place or out of place.

use super::Clip;
use crate::device::cpu::elementwise::{BackwardOperands, accumulate_gradient, map, scale_gradient};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, copy};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, InPlaceLayer, Inputs, SavedForBackward};

impl CpuLayer for Clip {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        copy(chunk.images, x.first(), &mut y);
        InPlaceLayer::forward(self, chunk, y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let operands = BackwardOperands { x: known.x.first(), y: known.y, dy: known.dy };
        let [low, high] = self.bounds();
        let dx = dx.zeroed_unless_written(chunk.images);
        accumulate_gradient(chunk.level, chunk.images, &operands, dx, |_, y| is_inside(y, low, high));
        Ok(())
    }
}

impl InPlaceLayer for Clip {
    /// A layer that reads the output of a rectifier may take 0 for a bound; here 0 need be none.
    fn is_rectifier(&self) -> bool {
        false
    }

    fn forward(&self, chunk: Chunk, y: FeatureMapsMut<'_>) {
        let [low, high] = self.bounds();
        // NaN stays NaN.
        map(chunk.level, chunk.images, y, |x| {
            if x < low {
                low
            } else if x > high {
                high
            } else {
                x
            }
        });
    }

    fn backward(&self, chunk: Chunk, y: FeatureMaps<'_>, gradient: FeatureMapsMut<'_>) {
        let [low, high] = self.bounds();
        scale_gradient(chunk.level, chunk.images, y, gradient, |y| is_inside(y, low, high));
    }
}

/// The derivative where the output is `y`.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn is_inside(y: f32, low: f32, high: f32) -> f32 {
    if y > low && y < high { 1.0 } else { 0.0 }
}
