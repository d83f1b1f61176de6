//! The hard sigmoid on the CPU, in place or out of place.

use super::HardSigmoid;
use crate::device::cpu::elementwise::{BackwardOperands, accumulate_gradient, map, scale_gradient};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, copy};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, InPlaceLayer, Inputs, SavedForBackward};

/// Derivative where the output lies strictly between 0 and 1.
const SLOPE: f32 = 1.0 / 6.0;

impl CpuLayer for HardSigmoid {
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
        accumulate_gradient(chunk.level, chunk.images, &operands, dx.zeroed_unless_written(chunk.images), |_, y| {
            derivative(y)
        });
        Ok(())
    }
}

impl InPlaceLayer for HardSigmoid {
    /// [`crate::ops::cpu::OutputUse::InsideBounds`] needs `y = x` inside the bounds; here `y = (x + 3) / 6`.
    fn is_rectifier(&self) -> bool {
        false
    }

    fn forward(&self, chunk: Chunk, y: FeatureMapsMut<'_>) {
        map(chunk.level, chunk.images, y, |x| (x + 3.0).clamp(0.0, 6.0) / 6.0);
    }

    fn backward(&self, chunk: Chunk, y: FeatureMaps<'_>, gradient: FeatureMapsMut<'_>) {
        scale_gradient(chunk.level, chunk.images, y, gradient, derivative);
    }
}

/// The derivative where the output is `y`.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn derivative(y: f32) -> f32 {
    if y > 0.0 && y < 1.0 { SLOPE } else { 0.0 }
}
