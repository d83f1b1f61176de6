//! Response normalisation within a map on the CPU.

use super::ResponseNorm;
use crate::device::cpu::buffer::{Buffer, SavedForBackward};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, Layout};
use crate::device::cpu::norm::{Around, Factors, divide, weigh, with_power};
use crate::device::cpu::window_norm::{WindowGradient, denominators, spread};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuContext, CpuLayer, GradientMut, Inputs};

#[derive(Clone, Debug)]
pub(crate) struct ResponseNormLayer {
    around: Around,
    factors: Factors,
    /// Layout of everything that is saved.
    layout: Layout,
    /// Floats of it.
    length: usize,
}

impl ResponseNormLayer {
    pub fn new(norm: ResponseNorm, context: &CpuContext<'_>) -> Self {
        let size = norm.window.size;
        let layout = context.output.gradient;
        let length = layout.len(context.images);
        Self { around: Around::window(size), factors: norm.window.factors(size * size), layout, length }
    }
}

impl CpuLayer for ResponseNormLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn saved(&self, backward: bool) -> SavedForBackward {
        SavedForBackward {
            denominators: Buffer::zeros(self.length),
            scratch: Buffer::zeros(if backward { self.length } else { 0 }),
            ..SavedForBackward::default()
        }
    }

    fn has_saved(&self) -> bool {
        true
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, saved: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        let Chunk { level, images, .. } = chunk;
        let x = x.first();
        denominators(level, images, self.around, self.factors, x, &self.layout, &mut saved.denominators);
        let d = FeatureMaps { layout: &self.layout, values: &saved.denominators };
        with_power!(self.factors.power, |power| divide(level, images, power, (x, d), y));
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        saved: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let Chunk { level, images, .. } = chunk;
        weigh(level, images, known.y, known.dy, saved);
        let window = WindowGradient {
            around: self.around.transposed(),
            factors: self.factors,
            // The derivative of the sum of squares.
            inner: known.x.first(),
            saved,
        };
        let gradients = (known.dy, dx.zeroed_unless_written(images));
        with_power!(self.factors.power, |power| spread(level, images, power, &window, gradients));
        Ok(())
    }
}
