//! Response normalisation within a map on the CPU.

use super::ResponseNormGeometry;
use crate::cpu::lanes::{LANES, vectorised};
use crate::cpu::layout::{Layout, Maps, MapsMut};
use crate::cpu::norm::{Around, Factors, Kept, Power, Squared, Value, divide, weigh, window_sums, with_power};
use crate::device::VectorLevel;

impl ResponseNormGeometry {
    fn factors(&self) -> Factors {
        Factors { scale: self.scale / (self.size * self.size) as f32, power: self.power }
    }

    /// Normalises the first `images` images; `own` is how everything kept lies.
    pub(crate) fn forward(
        &self,
        level: VectorLevel,
        images: usize,
        (own, kept): (&Layout, &mut Kept),
        (u, v): (Maps<'_>, MapsMut<'_>),
    ) {
        let around = Around::window(self.size);
        denominators(level, images, around, self.factors(), u, (own, kept));
        let d = Maps { layout: own, values: &kept.denominators };
        with_power!(self.power, |power| divide(level, images, power, (u, d), v));
    }

    /// Adds to the input's gradient.
    pub(crate) fn backward(
        &self,
        level: VectorLevel,
        images: usize,
        kept: &mut Kept,
        (u, v): (Maps<'_>, Maps<'_>),
        (dv, du): (Maps<'_>, MapsMut<'_>),
    ) {
        weigh(level, images, v, dv, kept);
        let window = WindowGradient {
            around: Around::window(self.size).transposed(),
            factors: self.factors(),
            // The derivative of the sum of squares.
            inner: u,
            kept,
        };
        with_power!(self.power, |power| spread(level, images, power, &window, (dv, du)));
    }
}

vectorised! {
    /// `D = 1 + scale * sum over the window of u^2`.
    pub(crate) fn denominators(
        images: usize,
        around: Around,
        factors: Factors,
        u: Maps<'_>,
        own: (&Layout, &mut Kept),
    ) {
        let (layout, kept) = own;
        let d = &mut kept.denominators;
        for image in 0..images {
            window_sums(image, around, Squared, u, layout, |sum: &[f32; LANES], _, at: usize| {
                let d = &mut d[at..at + LANES];
                for lane in 0..LANES {
                    d[lane] = 1.0 + factors.scale * sum[lane];
                }
            });
        }
    }
}

/// What the way back through windows needs.
pub(crate) struct WindowGradient<'a> {
    pub around: Around,
    pub factors: Factors,
    /// What was squared and summed.
    pub inner: Maps<'a>,
    pub kept: &'a Kept,
}

vectorised! {
    /// `du += dv D^-power - 2 power scale inner * sum over the windows of room`; what is kept lies
    /// as `dv`.
    pub(crate) fn spread<P: Power>(
        images: usize,
        power: P,
        window: &WindowGradient<'_>,
        gradients: (Maps<'_>, MapsMut<'_>),
    ) {
        let (dv, du) = gradients;
        let room = Maps { layout: dv.layout, values: &window.kept.room };
        let factor = 2.0 * window.factors.power * window.factors.scale;
        // Places in a map are told from places in `dv`, the rims being different.
        let width = dv.layout.row();
        for image in 0..images {
            let start = image * dv.layout.image();
            let finish = |sum: &[f32; LANES], _: f32, at: usize| {
                let y = (at - start) / width - dv.layout.rim.top;
                let x = (at - start) % width / dv.layout.stride - dv.layout.rim.left;
                let channel = (at - start) % dv.layout.stride;
                let inner = window.inner.layout.pixel(image, y, x).start + channel;
                let to = du.layout.pixel(image, y, x).start + channel;
                let inner = &window.inner.values[inner..inner + LANES];
                let d = &window.kept.denominators[at..at + LANES];
                let dv = &dv.values[at..at + LANES];
                let du = &mut du.values[to..to + LANES];
                for lane in 0..LANES {
                    du[lane] += dv[lane] * power.of(d[lane]) - factor * inner[lane] * sum[lane];
                }
            };
            window_sums(image, window.around, Value, room, dv.layout, finish);
        }
    }
}
