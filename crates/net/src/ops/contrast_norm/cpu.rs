//! Contrast normalisation on the CPU.

use super::ContrastNormGeometry;
use crate::cpu::lanes::{LANES, vectorised};
use crate::cpu::layout::{Layout, Maps, MapsMut};
use crate::cpu::norm::{Around, Factors, Kept, Value, divide, weigh, window_sums, with_power};
use crate::device::VectorLevel;
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
        for image in 0..images {
            let layout = d.layout;
            window_sums(image, around, Value, u, layout, |sum: &[f32; LANES], pixels, at: usize| {
                for lane in 0..LANES {
                    d.values[at + lane] = sum[lane] / pixels;
                }
            });
            for y in 0..layout.shape.height {
                for x in 0..layout.shape.width {
                    let u = &u.values[u.layout.pixel(image, y, x)];
                    for (d, u) in d.values[layout.pixel(image, y, x)].iter_mut().zip(u) {
                        *d = u - *d;
                    }
                }
            }
        }
    }
}
