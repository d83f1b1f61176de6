//! What the two normalisations over windows of a map, `rnorm` and `cnorm`, share.

use super::buffer::SavedForBackward;
use super::lanes::{LANES, vectorised};
use super::layout::{FeatureMaps, FeatureMapsMut, Layout};
use super::norm::{Around, Centre, Factors, Finish, Power, Squared, Value, window_sums};

vectorised! {
    /// `D = 1 + scale * sum over the window of u^2`.
    pub(crate) fn denominators(images: usize, around: Around, factors: Factors, u: FeatureMaps<'_>, layout: &Layout, d: &mut [f32]) {
        let mut finish = Denominator { layout, d, scale: factors.scale };
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

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
impl Finish for Denominator<'_> {
    #[inline(always)]
    fn take(&mut self, sum: &[f32; LANES], _: f32, at: Centre) {
        let d = &mut self.d[at.of(self.layout)];
        for lane in 0..LANES {
            d[lane] = 1.0 + self.scale * sum[lane];
        }
    }
}

/// What the gradient through windows is computed from.
pub(crate) struct WindowGradient<'a> {
    pub around: Around,
    pub factors: Factors,
    /// What was squared and summed.
    pub inner: FeatureMaps<'a>,
    pub saved: &'a SavedForBackward,
}

vectorised! {
    /// `du += dv D^-power - 2 power scale inner * sum over the windows of s`, where `s`, which the caller has left in
    /// the saved scratch memory, is `dv v / D`, the outputs' gradient times the outputs over the denominators, in the
    /// layout of `dv`.
    pub(crate) fn spread<P: Power>(
        images: usize,
        power: P,
        window: &WindowGradient<'_>,
        gradients: (FeatureMaps<'_>, FeatureMapsMut<'_>),
    ) {
        let (dv, du) = gradients;
        let scratch = FeatureMaps { layout: dv.layout, values: &window.saved.scratch };
        let factor = 2.0 * window.factors.power * window.factors.scale;
        let mut finish = WindowSpread { power, factor, window, dv, du };
        for image in 0..images {
            window_sums(image, window.around, Value, scratch, &mut finish);
        }
    }
}

struct WindowSpread<'a, P> {
    power: P,
    factor: f32,
    window: &'a WindowGradient<'a>,
    dv: FeatureMaps<'a>,
    du: FeatureMapsMut<'a>,
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
impl<P: Power> Finish for WindowSpread<'_, P> {
    #[inline(always)]
    fn take(&mut self, sum: &[f32; LANES], _: f32, at: Centre) {
        let own = at.of(self.dv.layout);
        let d = &self.window.saved.denominators[own.clone()];
        let dv = &self.dv.values[own];
        let inner = &self.window.inner.values[at.of(self.window.inner.layout)];
        let du = &mut self.du.values[at.of(self.du.layout)];
        for lane in 0..LANES {
            du[lane] += dv[lane] * self.power.of(d[lane]) - self.factor * inner[lane] * sum[lane];
        }
    }
}
