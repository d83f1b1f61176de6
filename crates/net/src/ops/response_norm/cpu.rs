//! Response normalisation within a map on the CPU.

use super::ResponseNormGeometry;
use crate::device::VectorLevel;
use crate::device::cpu::lanes::{LANES, vectorised};
use crate::device::cpu::layout::{Layout, Maps, MapsMut};
use crate::device::cpu::norm::{
    Around, Centre, Factors, Finish, Kept, Power, Squared, Value, divide, weigh, window_sums, with_power,
};

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
    pub(crate) fn denominators(images: usize, around: Around, factors: Factors, u: Maps<'_>, own: (&Layout, &mut Kept)) {
        let (layout, kept) = own;
        let mut finish = Denominator { layout, d: &mut kept.denominators, scale: factors.scale };
        for image in 0..images {
            window_sums(image, around, Squared, u, &mut finish);
        }
    }
}

struct Denominator<'a> {
    layout: &'a Layout,
    d: &'a mut [f32],
    scale: f32,
}

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
impl Finish for Denominator<'_> {
    #[inline(always)]
    fn take(&mut self, sum: &[f32; LANES], _: f32, at: Centre) {
        let d = &mut self.d[at.of(self.layout)];
        for lane in 0..LANES {
            d[lane] = 1.0 + self.scale * sum[lane];
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
        let mut finish = Spread { power, factor, window, dv, du };
        for image in 0..images {
            window_sums(image, window.around, Value, room, &mut finish);
        }
    }
}

struct Spread<'a, P> {
    power: P,
    factor: f32,
    window: &'a WindowGradient<'a>,
    dv: Maps<'a>,
    du: MapsMut<'a>,
}

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
impl<P: Power> Finish for Spread<'_, P> {
    #[inline(always)]
    fn take(&mut self, sum: &[f32; LANES], _: f32, at: Centre) {
        let own = at.of(self.dv.layout);
        let d = &self.window.kept.denominators[own.clone()];
        let dv = &self.dv.values[own];
        let inner = &self.window.inner.values[at.of(self.window.inner.layout)];
        let du = &mut self.du.values[at.of(self.du.layout)];
        for lane in 0..LANES {
            du[lane] += dv[lane] * self.power.of(d[lane]) - self.factor * inner[lane] * sum[lane];
        }
    }
}
