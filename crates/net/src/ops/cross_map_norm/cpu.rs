//! Response normalisation across maps on the CPU: a pixel's channels at a time.

use super::CrossMapNormGeometry;
use crate::device::VectorLevel;
use crate::device::cpu::lanes::vectorised;
use crate::device::cpu::layout::{Layout, Maps, MapsMut};
use crate::device::cpu::norm::{Around, Factors, Kept, Power, divide, weigh, with_power};

impl CrossMapNormGeometry {
    fn factors(&self) -> Factors {
        Factors { scale: self.scale / self.size as f32, power: self.power }
    }

    /// Floats of room that a pixel's channels need with the zeros of a window around them.
    pub(crate) fn line(&self) -> usize {
        self.input.channels + 2 * self.size
    }

    /// Normalises the first `images` images; `own` is how everything kept lies.
    pub(crate) fn forward(
        &self,
        level: VectorLevel,
        images: usize,
        (own, kept): (&Layout, &mut Kept),
        (u, v): (Maps<'_>, MapsMut<'_>),
    ) {
        denominators(level, images, self, u, (own, kept));
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
        with_power!(self.power, |power| spread(level, images, power, (self, kept), u, (dv, du)));
    }

    /// Sums of the line's windows around every channel. The line holds its values from `size` on,
    /// zeros before and after.
    #[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
    #[inline(always)]
    fn sums(&self, around: Around, line: &[f32], out: &mut [f32]) {
        if self.blocked {
            let values = &line[self.size..][..out.len()];
            for (out, block) in out.chunks_mut(self.size).zip(values.chunks(self.size)) {
                out.fill(block.iter().sum());
            }
            return;
        }
        out.fill(0.0);
        let first = self.size - around.before;
        for shift in 0..self.size {
            for (out, value) in out.iter_mut().zip(&line[first + shift..]) {
                *out += value;
            }
        }
    }
}

vectorised! {
    fn denominators(
        images: usize,
        geometry: &CrossMapNormGeometry,
        u: Maps<'_>,
        own: (&Layout, &mut Kept),
    ) {
        let (layout, kept) = own;
        let around = Around::window(geometry.size);
        let scale = geometry.factors().scale;
        let line = &mut kept.distances[..geometry.line()];
        line.fill(0.0);
        for image in 0..images {
            for y in 0..layout.shape.height {
                for x in 0..layout.shape.width {
                    let u = &u.values[u.layout.pixel(image, y, x)];
                    for (line, u) in line[geometry.size..].iter_mut().zip(u) {
                        *line = u * u;
                    }
                    let d = &mut kept.denominators[layout.pixel(image, y, x)];
                    geometry.sums(around, line, d);
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
        own: (&CrossMapNormGeometry, &mut Kept),
        u: Maps<'_>,
        gradients: (Maps<'_>, MapsMut<'_>),
    ) {
        let (geometry, kept) = own;
        let (dv, du) = gradients;
        let around = Around::window(geometry.size).transposed();
        let factors = geometry.factors();
        let factor = 2.0 * factors.power * factors.scale;
        let line = &mut kept.distances[..geometry.line()];
        line.fill(0.0);
        for image in 0..images {
            for y in 0..dv.layout.shape.height {
                for x in 0..dv.layout.shape.width {
                    let at = dv.layout.pixel(image, y, x);
                    let channels = at.len();
                    let room = &mut kept.room[at.clone()];
                    line[geometry.size..][..channels].copy_from_slice(room);
                    geometry.sums(around, line, room);
                    let u = &u.values[u.layout.pixel(image, y, x)];
                    let d = &kept.denominators[at.clone()];
                    let dv = &dv.values[at];
                    let du = &mut du.values[du.layout.pixel(image, y, x)];
                    for channel in 0..channels {
                        du[channel] += dv[channel] * power.of(d[channel])
                            - factor * u[channel] * room[channel];
                    }
                }
            }
        }
    }
}
