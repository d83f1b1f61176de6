//! The hard swish on the CPU.

use super::HardSwish;
use crate::device::cpu::elementwise::{BackwardOperands, accumulate_gradient, map};
use crate::device::cpu::layout::{FeatureMapsMut, copy};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

impl CpuLayer for HardSwish {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        copy(chunk.images, x.first(), &mut y);
        map(chunk.level, chunk.images, y, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let known = BackwardOperands { x: known.x.first(), y: known.y, dy: known.dy };
        accumulate_gradient(chunk.level, chunk.images, &known, dx.zeroed_unless_written(chunk.images), |x, _| slope(x));
        Ok(())
    }
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn slope(x: f32) -> f32 {
    if x <= -3.0 {
        0.0
    } else if x >= 3.0 {
        1.0
    } else {
        x / 3.0 + 0.5
    }
}
