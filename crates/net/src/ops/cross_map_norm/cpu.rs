//! Response normalisation across maps on the CPU: a pixel's channels at a time.

use super::CrossMapNorm;
use crate::device::cpu::buffer::{Buffer, SavedForBackward};
use crate::device::cpu::lanes::vectorised;
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, Layout};
use crate::device::cpu::norm::{Around, Factors, Power, divide, weigh, with_power};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuContext, CpuLayer, GradientMut, Inputs};

#[derive(Clone, Debug)]
pub(crate) struct CrossMapNormLayer {
    window: usize,
    blocked: bool,
    factors: Factors,
    /// Layout of everything that is saved, but the line.
    layout: Layout,
    /// Floats of it.
    length: usize,
    /// Floats of a pixel's channels with the zeros of a window around them.
    line: usize,
}

impl CrossMapNormLayer {
    pub fn new(norm: CrossMapNorm, context: &CpuContext<'_>) -> Self {
        let (window, layout) = (norm.window.size, context.output.gradient);
        Self {
            window,
            blocked: norm.blocked,
            factors: norm.window.factors(window),
            layout,
            length: layout.len(context.images),
            line: layout.shape.channels + 2 * window,
        }
    }

    /// Sums of the line's windows around every channel. The line holds its values from `window` on,
    /// zeros before and after.
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
    #[inline(always)]
    fn sums(&self, around: Around, line: &[f32], out: &mut [f32]) {
        if self.blocked {
            let values = &line[self.window..][..out.len()];
            for (out, block) in out.chunks_mut(self.window).zip(values.chunks(self.window)) {
                out.fill(block.iter().sum());
            }
            return;
        }
        out.fill(0.0);
        let first = self.window - around.before;
        for shift in 0..self.window {
            for (out, value) in out.iter_mut().zip(&line[first + shift..]) {
                *out += value;
            }
        }
    }
}

impl CpuLayer for CrossMapNormLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn saved(&self, backward: bool) -> SavedForBackward {
        SavedForBackward {
            denominators: Buffer::zeros(self.length),
            distances: Buffer::zeros(self.line),
            scratch: Buffer::zeros(if backward { self.length } else { 0 }),
        }
    }

    fn has_saved(&self) -> bool {
        true
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, saved: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        let Chunk { level, images, .. } = chunk;
        let x = x.first();
        denominators(level, images, self, x, saved);
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
        let gradients = (known.dy, dx.zeroed_unless_written(images));
        let x = known.x.first();
        with_power!(self.factors.power, |power| spread(level, images, power, (self, saved), x, gradients));
        Ok(())
    }
}

vectorised! {
    fn denominators(
        images: usize,
        layer: &CrossMapNormLayer,
        u: FeatureMaps<'_>,
        saved: &mut SavedForBackward,
    ) {
        let layout = &layer.layout;
        let around = Around::window(layer.window);
        let scale = layer.factors.scale;
        let line = &mut saved.distances[..layer.line];
        line.fill(0.0);
        for image in 0..images {
            for y in 0..layout.shape.height {
                for x in 0..layout.shape.width {
                    let u = &u.values[u.layout.pixel(image, y, x)];
                    for (line, u) in line[layer.window..].iter_mut().zip(u) {
                        *line = u * u;
                    }
                    let d = &mut saved.denominators[layout.pixel(image, y, x)];
                    layer.sums(around, line, d);
                    for d in d {
                        *d = 1.0 + scale * *d;
                    }
                }
            }
        }
    }
}

vectorised! {
    fn spread<P: Power>(
        images: usize,
        power: P,
        layer_and_saved: (&CrossMapNormLayer, &mut SavedForBackward),
        u: FeatureMaps<'_>,
        gradients: (FeatureMaps<'_>, FeatureMapsMut<'_>),
    ) {
        let (layer, saved) = layer_and_saved;
        let (dv, du) = gradients;
        let around = Around::window(layer.window).transposed();
        let factors = layer.factors;
        let factor = 2.0 * factors.power * factors.scale;
        let line = &mut saved.distances[..layer.line];
        line.fill(0.0);
        for image in 0..images {
            for y in 0..dv.layout.shape.height {
                for x in 0..dv.layout.shape.width {
                    let at = dv.layout.pixel(image, y, x);
                    let channels = at.len();
                    let summed = &mut saved.scratch[at.clone()];
                    line[layer.window..][..channels].copy_from_slice(summed);
                    layer.sums(around, line, summed);
                    let u = &u.values[u.layout.pixel(image, y, x)];
                    let d = &saved.denominators[at.clone()];
                    let dv = &dv.values[at];
                    let du = &mut du.values[du.layout.pixel(image, y, x)];
                    for channel in 0..channels {
                        du[channel] += dv[channel] * power.of(d[channel])
                            - factor * u[channel] * summed[channel];
                    }
                }
            }
        }
    }
}
