//! Pooling on the CPU: whole vectors of channels, window by window.

use super::{PoolGeometry, PoolKind};
use crate::cpu::lanes::{LANES, vectorised};
use crate::cpu::layout::{Layout, Maps, MapsMut};
use crate::device::VectorLevel;
use crate::shape::Shape;
use std::ops::Range;

type Vector = [f32; LANES];

impl PoolGeometry {
    /// The windows (of `outputs`, along one side) that hold a pixel.
    fn holding(&self, pixel: usize, outputs: usize) -> Range<usize> {
        let past = (pixel as isize - self.start) as usize;
        let first = (past + 1).saturating_sub(self.size).div_ceil(self.stride);
        let last = past / self.stride + 1;
        first.min(outputs)..last.min(outputs)
    }

    /// Pools the first `images` images.
    pub(crate) fn forward(&self, level: VectorLevel, images: usize, x: Maps<'_>, y: &mut MapsMut<'_>) {
        match self.kind {
            PoolKind::Max => forward_max(level, self, images, x, y),
            PoolKind::Average => forward_average(level, self, images, x, y),
        }
    }

    /// Adds to the input's gradient, or writes it where nothing is `written` yet.
    pub(crate) fn backward(
        &self,
        level: VectorLevel,
        images: usize,
        (x, y): (Maps<'_>, Maps<'_>),
        (dy, dx, written): (Maps<'_>, &mut MapsMut<'_>, bool),
    ) {
        match self.kind {
            PoolKind::Max => backward_max(level, self, images, (x, y), dy, (dx, written)),
            PoolKind::Average => backward_average(level, self, images, dy, (dx, written)),
        }
    }
}

vectorised! {
    fn forward_max(geometry: &PoolGeometry, images: usize, x: Maps<'_>, y: &mut MapsMut<'_>) {
        pool::<Largest>(geometry, images, x, y);
    }
}

vectorised! {
    fn forward_average(geometry: &PoolGeometry, images: usize, x: Maps<'_>, y: &mut MapsMut<'_>) {
        pool::<Mean>(geometry, images, x, y);
    }
}

/// What is made of a window's values.
trait Fold {
    const START: f32;
    fn step(so_far: &mut Vector, value: &Vector);
    fn finish(value: &mut Vector, pixels: f32);
}

struct Largest;
struct Mean;

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
impl Fold for Largest {
    const START: f32 = f32::NEG_INFINITY;

    #[inline(always)]
    fn step(so_far: &mut Vector, value: &Vector) {
        for lane in 0..LANES {
            so_far[lane] = if so_far[lane] > value[lane] { so_far[lane] } else { value[lane] };
        }
    }

    #[inline(always)]
    fn finish(_: &mut Vector, _: f32) {}
}

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
impl Fold for Mean {
    const START: f32 = 0.0;

    #[inline(always)]
    fn step(so_far: &mut Vector, value: &Vector) {
        for lane in 0..LANES {
            so_far[lane] += value[lane];
        }
    }

    #[inline(always)]
    fn finish(value: &mut Vector, pixels: f32) {
        for lane in value {
            *lane /= pixels;
        }
    }
}

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
#[inline(always)]
fn pool<F: Fold>(geometry: &PoolGeometry, images: usize, x: Maps<'_>, y: &mut MapsMut<'_>) {
    let (from, to) = (x.layout, y.layout);
    let vectors = to.stride / LANES;
    for image in 0..images {
        for oy in 0..to.shape.height {
            let (top, bottom) = geometry.window(oy, from.shape.height);
            for ox in 0..to.shape.width {
                let (left, right) = geometry.window(ox, from.shape.width);
                let pixels = ((bottom - top) * (right - left)) as f32;
                let at = to.pixel(image, oy, ox).start;
                let out = y.values[at..at + to.stride].as_chunks_mut::<LANES>().0;
                for (vector, out) in out.iter_mut().enumerate() {
                    let mut value = [F::START; LANES];
                    for iy in top..bottom {
                        let at = from.pixel(image, iy, left).start;
                        let row = x.values[at..at + (right - left) * from.stride].as_chunks().0;
                        for pixel in (vector..row.len()).step_by(vectors) {
                            F::step(&mut value, &row[pixel]);
                        }
                    }
                    F::finish(&mut value, pixels);
                    *out = value;
                }
            }
        }
    }
}

vectorised! {
    fn backward_max(geometry: &PoolGeometry, images: usize, values: (Maps<'_>, Maps<'_>), dy: Maps<'_>, dx: (&mut MapsMut<'_>, bool)) {
        gather(geometry, images, &Equal { x: values.0, y: values.1, dy }, dx);
    }
}

vectorised! {
    fn backward_average(geometry: &PoolGeometry, images: usize, dy: Maps<'_>, dx: (&mut MapsMut<'_>, bool)) {
        gather(geometry, images, &Share { geometry, dy }, dx);
    }
}

/// What an input pixel takes of the gradients of the windows that hold it. (No closures: those
/// would not take on the caller's instructions.)
trait Take {
    fn outputs(&self) -> Shape;
    fn take(&self, at: Pixel, rows: Range<usize>, columns: Range<usize>, out: &mut [Vector]);
}

/// The whole gradient of every window whose maximum it equals.
struct Equal<'a> {
    x: Maps<'a>,
    y: Maps<'a>,
    dy: Maps<'a>,
}

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
#[expect(clippy::float_cmp, reason = "the maximum is one of the values, bit for bit")]
impl Take for Equal<'_> {
    #[inline(always)]
    fn outputs(&self) -> Shape {
        self.dy.layout.shape
    }

    #[inline(always)]
    fn take(&self, at: Pixel, rows: Range<usize>, columns: Range<usize>, out: &mut [Vector]) {
        let vectors = out.len();
        let x = &vectors_of(self.x.values, self.x.layout.pixel(at.image, at.y, at.x).start)[..vectors];
        let place = |layout: &Layout, y: usize| layout.pixel(at.image, y, columns.start).start;
        for y in rows {
            let best = vectors_of(self.y.values, place(self.y.layout, y));
            let gradient = vectors_of(self.dy.values, place(self.dy.layout, y));
            let count = columns.len() * vectors;
            let (best, gradient) = (&best[..count], &gradient[..count]);
            for (vector, out) in out.iter_mut().enumerate() {
                let (own, mut sum) = (x[vector], *out);
                for window in (vector..count).step_by(vectors) {
                    let (best, gradient) = (best[window], gradient[window]);
                    for lane in 0..LANES {
                        // All ones or none: a mask, where a branch would be taken lane by lane.
                        let mask = 0_u32.wrapping_sub(u32::from(own[lane] == best[lane]));
                        sum[lane] += f32::from_bits(gradient[lane].to_bits() & mask);
                    }
                }
                *out = sum;
            }
        }
    }
}

/// Its share of every window's gradient.
struct Share<'a> {
    geometry: &'a PoolGeometry,
    dy: Maps<'a>,
}

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
impl Take for Share<'_> {
    #[inline(always)]
    fn outputs(&self) -> Shape {
        self.dy.layout.shape
    }

    #[inline(always)]
    fn take(&self, at: Pixel, rows: Range<usize>, columns: Range<usize>, out: &mut [Vector]) {
        let input = self.geometry.input;
        for y in rows {
            let (top, bottom) = self.geometry.window(y, input.height);
            for x in columns.clone() {
                let (left, right) = self.geometry.window(x, input.width);
                let share = 1.0 / ((bottom - top) * (right - left)) as f32;
                let gradient = vectors_of(self.dy.values, self.dy.layout.pixel(at.image, y, x).start);
                for (out, gradient) in out.iter_mut().zip(gradient) {
                    let (mut sum, gradient) = (*out, *gradient);
                    for lane in 0..LANES {
                        sum[lane] += gradient[lane] * share;
                    }
                    *out = sum;
                }
            }
        }
    }
}

fn vectors_of(values: &[f32], start: usize) -> &[Vector] {
    values[start..].as_chunks().0
}

/// A pixel of the input.
#[derive(Clone, Copy)]
struct Pixel {
    image: usize,
    y: usize,
    x: usize,
}

/// Lets every input pixel take from the windows that hold it: every gradient of the input is read
/// and written once.
#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
#[inline(always)]
fn gather(geometry: &PoolGeometry, images: usize, from: &impl Take, (dx, written): (&mut MapsMut<'_>, bool)) {
    let (outputs, shape) = (from.outputs(), dx.layout.shape);
    for image in 0..images {
        for y in 0..shape.height {
            let rows = geometry.holding(y, outputs.height);
            let row = &mut dx.values[dx.layout.pixels(image, y)];
            if !written {
                row.fill(0.0);
            }
            for (x, out) in row.chunks_exact_mut(dx.layout.stride).enumerate() {
                let columns = geometry.holding(x, outputs.width);
                if !rows.is_empty() && !columns.is_empty() {
                    from.take(Pixel { image, y, x }, rows.clone(), columns, out.as_chunks_mut().0);
                }
            }
        }
    }
}
