//! The hard sigmoid on the CPU, in place or from one buffer to another.

use super::HardSigmoid;
use crate::device::cpu::elementwise::{Known, add, map, scale};
use crate::device::cpu::layout::{Maps, MapsMut, copy};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, InPlaceLayer, Inputs, SavedForBackward};

/// Slope of the line.
const SLOPE: f32 = 1.0 / 6.0;

impl CpuLayer for HardSigmoid {
    fn fresh(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: MapsMut<'_>) {
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
        let known = Known { x: known.x.first(), y: known.y, dy: known.dy };
        add(chunk.level, chunk.images, &known, dx.cleared_unless_written(chunk.images), |_, y| slope(y));
        Ok(())
    }
}

impl InPlaceLayer for HardSigmoid {
    /// Not one in the sense of [`crate::ops::cpu::OutputUse::InsideBounds`], which asks for the input's own value inside.
    fn is_rectifier(&self) -> bool {
        false
    }

    fn forward(&self, chunk: Chunk, y: MapsMut<'_>) {
        map(chunk.level, chunk.images, y, |x| (x + 3.0).clamp(0.0, 6.0) / 6.0);
    }

    fn backward(&self, chunk: Chunk, y: Maps<'_>, gradient: MapsMut<'_>) {
        scale(chunk.level, chunk.images, y, gradient, slope);
    }
}

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
#[inline(always)]
fn slope(y: f32) -> f32 {
    if y > 0.0 && y < 1.0 { SLOPE } else { 0.0 }
}
