//! Contrast normalisation on the CPU.

use super::ContrastNorm;
use crate::device::cpu::buffer::{Buffer, SavedForBackward};
use crate::device::cpu::lanes::{LANES, vectorised};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, Layout};
use crate::device::cpu::norm::{Around, Centre, Factors, Finish, Value, divide, weigh, window_sums, with_power};
use crate::device::cpu::window_norm::{WindowGradient, denominators, spread};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuContext, CpuLayer, GradientMut, Inputs};

#[derive(Clone, Debug)]
pub(crate) struct ContrastNormLayer {
    around: Around,
    factors: Factors,
    /// Layout of everything that is saved.
    layout: Layout,
    /// Floats of it.
    length: usize,
}

impl ContrastNormLayer {
    pub fn new(norm: ContrastNorm, context: &CpuContext<'_>) -> Self {
        let size = norm.window.size;
        let layout = context.output.gradient;
        let length = layout.len(context.images);
        Self { around: Around::window(size), factors: norm.window.factors(size * size), layout, length }
    }
}

impl CpuLayer for ContrastNormLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn saved(&self, backward: bool) -> SavedForBackward {
        SavedForBackward {
            denominators: Buffer::zeros(self.length),
            distances: Buffer::zeros(self.length),
            scratch: Buffer::zeros(if backward { self.length } else { 0 }),
        }
    }

    fn has_saved(&self) -> bool {
        true
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, saved: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        let Chunk { level, images, .. } = chunk;
        let x = x.first();
        let distances = FeatureMapsMut { layout: &self.layout, values: &mut saved.distances };
        subtract_means(level, images, self.around, x, distances);
        let distances = FeatureMaps { layout: &self.layout, values: &saved.distances };
        denominators(level, images, self.around, self.factors, distances, &self.layout, &mut saved.denominators);
        let d = FeatureMaps { layout: &self.layout, values: &saved.denominators };
        with_power!(self.factors.power, |power| divide(level, images, power, (x, d), y));
    }

    /// The means are taken as constant.
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
            inner: FeatureMaps { layout: known.dy.layout, values: &saved.distances },
            saved,
        };
        let gradients = (known.dy, dx.zeroed_unless_written(images));
        with_power!(self.factors.power, |power| spread(level, images, power, &window, gradients));
        Ok(())
    }
}

vectorised! {
    fn subtract_means(images: usize, around: Around, u: FeatureMaps<'_>, d: FeatureMapsMut<'_>) {
        let mut finish = Distance { u, d };
        for image in 0..images {
            window_sums(image, around, Value, u, &mut finish);
        }
    }
}

/// A value's distance from the mean of its window.
struct Distance<'a> {
    u: FeatureMaps<'a>,
    d: FeatureMapsMut<'a>,
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
impl Finish for Distance<'_> {
    #[inline(always)]
    fn take(&mut self, sum: &[f32; LANES], pixels: f32, at: Centre) {
        let u = &self.u.values[at.of(self.u.layout)];
        let d = &mut self.d.values[at.of(self.d.layout)];
        for lane in 0..LANES {
            d[lane] = u[lane] - sum[lane] / pixels;
        }
    }
}
