//! Pooling on the CPU: whole vectors of channels, window by window.

use super::{PoolGeometry, PoolKind};
use crate::cpu::lanes::{LANES, vectorised};
use crate::cpu::layout::{Maps, MapsMut};
use crate::device::VectorLevel;

type Vector = [f32; LANES];

impl PoolGeometry {
    /// Pools the first `images` images.
    pub(crate) fn forward(&self, level: VectorLevel, images: usize, x: Maps<'_>, y: MapsMut<'_>) {
        match self.kind {
            PoolKind::Max => forward_max(level, self, images, x, y),
            PoolKind::Average => forward_average(level, self, images, x, y),
        }
    }

    /// Adds to the input's gradient.
    pub(crate) fn backward(
        &self,
        level: VectorLevel,
        images: usize,
        (x, y): (Maps<'_>, Maps<'_>),
        (dy, dx): (Maps<'_>, MapsMut<'_>),
    ) {
        match self.kind {
            PoolKind::Max => backward_max(level, self, images, (x, y), dy, dx),
            PoolKind::Average => backward_average(level, self, images, dy, dx),
        }
    }
}

vectorised! {
    fn forward_max(geometry: &PoolGeometry, images: usize, x: Maps<'_>, y: MapsMut<'_>) {
        pool(geometry, images, x, y, [f32::NEG_INFINITY; LANES], |best, value| {
            for lane in 0..LANES {
                // Written so that it is one instruction, and so that a NaN wins over what came before.
                best[lane] = if best[lane] > value[lane] { best[lane] } else { value[lane] };
            }
        }, |best, _| best);
    }
}

vectorised! {
    fn forward_average(geometry: &PoolGeometry, images: usize, x: Maps<'_>, y: MapsMut<'_>) {
        pool(geometry, images, x, y, [0.0; LANES], |sum, value| {
            for lane in 0..LANES {
                sum[lane] += value[lane];
            }
        }, |mut sum, pixels| {
            for value in &mut sum {
                *value /= pixels;
            }
            sum
        });
    }
}

#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
#[expect(clippy::too_many_arguments, reason = "the two pools differ in the last three")]
#[inline(always)]
fn pool(
    geometry: &PoolGeometry,
    images: usize,
    x: Maps<'_>,
    y: MapsMut<'_>,
    start: Vector,
    step: impl Fn(&mut Vector, &Vector),
    finish: impl Fn(Vector, f32) -> Vector,
) {
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
                    let mut value = start;
                    for iy in top..bottom {
                        let at = from.pixel(image, iy, left).start;
                        let row = &x.values[at..at + (right - left) * from.stride];
                        let row = row.as_chunks::<LANES>().0;
                        for pixel in row.chunks_exact(vectors) {
                            step(&mut value, &pixel[vector]);
                        }
                    }
                    *out = finish(value, pixels);
                }
            }
        }
    }
}

vectorised! {
    fn backward_max(
        geometry: &PoolGeometry,
        images: usize,
        values: (Maps<'_>, Maps<'_>),
        dy: Maps<'_>,
        dx: MapsMut<'_>,
    ) {
        let (x, y) = values;
        let (from, to) = (x.layout, y.layout);
        let vectors = to.stride / LANES;
        for image in 0..images {
            for oy in 0..to.shape.height {
                let (top, bottom) = geometry.window(oy, from.shape.height);
                for ox in 0..to.shape.width {
                    let (left, right) = geometry.window(ox, from.shape.width);
                    let best = y.values[to.pixel(image, oy, ox).start..].as_chunks::<LANES>().0;
                    let at = dy.layout.pixel(image, oy, ox).start;
                    let gradient = dy.values[at..].as_chunks::<LANES>().0;
                    let (best, gradient) = (&best[..vectors], &gradient[..vectors]);
                    for iy in top..bottom {
                        let at = from.pixel(image, iy, left).start;
                        let row = x.values[at..at + (right - left) * from.stride]
                            .as_chunks::<LANES>().0;
                        let at = dx.layout.pixel(image, iy, left).start;
                        let out = dx.values[at..at + (right - left) * dx.layout.stride]
                            .as_chunks_mut::<LANES>().0;
                        let pixels = row.chunks_exact(vectors).zip(out.chunks_exact_mut(vectors));
                        for (pixel, out) in pixels {
                            for vector in 0..vectors {
                                for lane in 0..LANES {
                                    let hit = pixel[vector][lane] == best[vector][lane];
                                    let value = gradient[vector][lane];
                                    out[vector][lane] += if hit { value } else { 0.0 };
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    fn backward_average(
        geometry: &PoolGeometry,
        images: usize,
        dy: Maps<'_>,
        dx: MapsMut<'_>,
    ) {
        let vectors = dy.layout.stride / LANES;
        let from = dx.layout.shape;
        for image in 0..images {
            for oy in 0..dy.layout.shape.height {
                let (top, bottom) = geometry.window(oy, from.height);
                for ox in 0..dy.layout.shape.width {
                    let (left, right) = geometry.window(ox, from.width);
                    let pixels = ((bottom - top) * (right - left)) as f32;
                    let at = dy.layout.pixel(image, oy, ox).start;
                    let gradient = &dy.values[at..].as_chunks::<LANES>().0[..vectors];
                    for iy in top..bottom {
                        let at = dx.layout.pixel(image, iy, left).start;
                        let out = dx.values[at..at + (right - left) * dx.layout.stride]
                            .as_chunks_mut::<LANES>().0;
                        for out in out.chunks_exact_mut(vectors) {
                            for vector in 0..vectors {
                                for lane in 0..LANES {
                                    out[vector][lane] += gradient[vector][lane] / pixels;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
