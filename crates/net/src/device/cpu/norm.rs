//! What cuda-convnet's normalisations (`rnorm`, `cmrnorm`, `cnorm`) share: powers and sums over windows of a map.

use super::buffer::SavedForBackward;
use super::lanes::{LANES, vectorised};
use super::layout::{FeatureMaps, FeatureMapsMut, Layout};
use std::ops::Range;

/// `d^-power` for a fixed power.
pub(crate) trait Power: Copy {
    fn of(self, d: f32) -> f32;
}

#[derive(Clone, Copy)]
pub(crate) struct ThreeQuarters;
#[derive(Clone, Copy)]
pub(crate) struct Half;
#[derive(Clone, Copy)]
pub(crate) struct One;
#[derive(Clone, Copy)]
pub(crate) struct Any(pub f32);

impl Power for ThreeQuarters {
    #[inline]
    fn of(self, d: f32) -> f32 {
        let root = d.sqrt();
        1.0 / (root * root.sqrt())
    }
}

impl Power for Half {
    #[inline]
    fn of(self, d: f32) -> f32 {
        1.0 / d.sqrt()
    }
}

impl Power for One {
    #[inline]
    fn of(self, d: f32) -> f32 {
        1.0 / d
    }
}

impl Power for Any {
    #[inline]
    fn of(self, d: f32) -> f32 {
        d.powf(-self.0)
    }
}

/// Evaluates `$call` with `$power` bound to the fastest [`Power`] for `$value`: square roots instead of a general power
/// where that is exact.
macro_rules! with_power {
    ($value:expr, |$power:ident| $call:expr) => {{
        let value = $value;
        if value.to_bits() == 0.75_f32.to_bits() {
            let $power = $crate::device::cpu::norm::ThreeQuarters;
            $call
        } else if value.to_bits() == 0.5_f32.to_bits() {
            let $power = $crate::device::cpu::norm::Half;
            $call
        } else if value.to_bits() == 1.0_f32.to_bits() {
            let $power = $crate::device::cpu::norm::One;
            $call
        } else {
            let $power = $crate::device::cpu::norm::Any(value);
            $call
        }
    }};
}
pub(crate) use with_power;

/// A square window around each pixel of a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    /// Pixels before the centre.
    pub before: usize,
    /// Pixels after the centre.
    pub after: usize,
}

impl Around {
    /// The window that normalises its centre: one more pixel before the centre where `size` is even.
    pub fn window(size: usize) -> Self {
        Self { before: size / 2, after: size - 1 - size / 2 }
    }

    /// The pixels whose windows hold the centre.
    pub fn transposed(self) -> Self {
        Self { before: self.after, after: self.before }
    }

    /// First and one past the last of the window around `centre`, clipped.
    pub fn clip(self, centre: usize, length: usize) -> (usize, usize) {
        (centre.saturating_sub(self.before), (centre + self.after + 1).min(length))
    }
}

/// What is done with the sum over the window around a pixel. (No closures: those would not be compiled with the
/// caller's target features.)
pub(crate) trait Finish {
    /// Takes the sum of a window of `pixels` pixels.
    fn take(&mut self, sum: &[f32; LANES], pixels: f32, at: Centre);
}

/// The pixel in the middle of a window, and the first of the [`LANES`] channels summed.
#[derive(Clone, Copy)]
pub(crate) struct Centre {
    pub image: usize,
    pub y: usize,
    pub x: usize,
    pub channel: usize,
}

impl Centre {
    /// Where those channels lie.
    pub fn of(self, layout: &Layout) -> Range<usize> {
        let start = layout.pixel(self.image, self.y, self.x).start + self.channel;
        start..start + LANES
    }
}

/// What is summed.
pub(crate) trait Term: Copy {
    fn of(self, x: f32) -> f32;
}

/// The value itself.
#[derive(Clone, Copy)]
pub(crate) struct Value;
/// Its square.
#[derive(Clone, Copy)]
pub(crate) struct Squared;

impl Term for Value {
    #[inline]
    fn of(self, x: f32) -> f32 {
        x
    }
}

impl Term for Squared {
    #[inline]
    fn of(self, x: f32) -> f32 {
        x * x
    }
}

/// Sums `term` over the clipped window around every pixel of one image.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
pub(crate) fn window_sums(image: usize, around: Around, term: impl Term, x: FeatureMaps<'_>, finish: &mut impl Finish) {
    let shape = x.layout.shape;
    let vectors = x.layout.stride / LANES;
    for y in 0..shape.height {
        let (top, bottom) = around.clip(y, shape.height);
        for column in 0..shape.width {
            let (left, right) = around.clip(column, shape.width);
            let pixels = ((bottom - top) * (right - left)) as f32;
            for vector in 0..vectors {
                let mut sum = [0.0; LANES];
                for iy in top..bottom {
                    let from = x.layout.pixel(image, iy, left).start;
                    let row = x.values[from..from + (right - left) * x.layout.stride].as_chunks::<LANES>().0;
                    for pixel in (vector..row.len()).step_by(vectors) {
                        for lane in 0..LANES {
                            sum[lane] += term.of(row[pixel][lane]);
                        }
                    }
                }
                finish.take(&sum, pixels, Centre { image, y, x: column, channel: vector * LANES });
            }
        }
    }
}

/// Factors of a normalisation: `D = 1 + scale * sum`, `v = u D^-power`. `u` is what is normalised, the layer's input or,
/// in contrast normalisation, its difference from the mean of the window; `sum` is over the squares in a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors {
    /// alpha / n
    pub scale: f32,
    /// beta
    pub power: f32,
}

vectorised! {
    /// `v = u D^-power` over the first `images` images, from `(u, D)`.
    pub(crate) fn divide<P: Power>(
        images: usize,
        power: P,
        values: (FeatureMaps<'_>, FeatureMaps<'_>),
        v: FeatureMapsMut<'_>,
    ) {
        let (u, d) = values;
        for image in 0..images {
            for y in 0..v.layout.shape.height {
                for x in 0..v.layout.shape.width {
                    let to = v.layout.pixel(image, y, x);
                    let d = &d.values[d.layout.pixel(image, y, x)];
                    let u = &u.values[u.layout.pixel(image, y, x)];
                    for (v, (u, d)) in v.values[to].iter_mut().zip(u.iter().zip(d)) {
                        *v = u * power.of(*d);
                    }
                }
            }
        }
    }
}

vectorised! {
    /// `scratch = g v / D` over the first `images` images; `scratch` and `D` have the layout of `g`.
    pub(crate) fn weigh(images: usize, v: FeatureMaps<'_>, g: FeatureMaps<'_>, saved: &mut SavedForBackward) {
        for image in 0..images {
            for y in 0..g.layout.shape.height {
                for x in 0..g.layout.shape.width {
                    let at = g.layout.pixel(image, y, x);
                    let v = &v.values[v.layout.pixel(image, y, x)];
                    let d = &saved.denominators[at.clone()];
                    let g = g.values[at.clone()].iter().zip(v).zip(d);
                    for (to, ((g, v), d)) in saved.scratch[at].iter_mut().zip(g) {
                        *to = g * v / d;
                    }
                }
            }
        }
    }
}
