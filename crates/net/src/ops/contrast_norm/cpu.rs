//! Contrast normalisation on the CPU.

use super::ContrastNormGeometry;
use crate::device::VectorLevel;
use crate::device::cpu::lanes::{LANES, vectorised};
use crate::device::cpu::layout::{Layout, Maps, MapsMut};
use crate::device::cpu::norm::{Around, Centre, Factors, Finish, Kept, Value, divide, weigh, window_sums, with_power};
use crate::ops::response_norm::cpu::{WindowGradient, denominators, spread};

impl ContrastNormGeometry {
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
        let mut room = std::mem::take(&mut kept.distances);
        let distances = MapsMut { layout: own, values: &mut room };
        subtract_means(level, images, around, u, distances);
        let distances = Maps { layout: own, values: &room };
        denominators(level, images, around, self.factors(), distances, (own, kept));
        let d = Maps { layout: own, values: &kept.denominators };
        with_power!(self.power, |power| divide(level, images, power, (u, d), v));
        kept.distances = room;
    }

    /// Adds to the input's gradient, the means being taken as constant.
    pub(crate) fn backward(
        &self,
        level: VectorLevel,
        images: usize,
        kept: &mut Kept,
        v: Maps<'_>,
        (dv, du): (Maps<'_>, MapsMut<'_>),
    ) {
        weigh(level, images, v, dv, kept);
        let window = WindowGradient {
            around: Around::window(self.size).transposed(),
            factors: self.factors(),
            inner: Maps { layout: dv.layout, values: &kept.distances },
            kept,
        };
        with_power!(self.power, |power| spread(level, images, power, &window, (dv, du)));
    }
}

vectorised! {
    fn subtract_means(images: usize, around: Around, u: Maps<'_>, d: MapsMut<'_>) {
        let mut finish = Distance { u, d };
        for image in 0..images {
            window_sums(image, around, Value, u, &mut finish);
        }
    }
}

/// A value's distance from the mean of its window.
struct Distance<'a> {
    u: Maps<'a>,
    d: MapsMut<'a>,
}

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
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
