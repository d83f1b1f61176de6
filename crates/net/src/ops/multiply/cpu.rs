//! Products of two layers on the CPU.

use super::Multiply;
use crate::device::cpu::lanes::{LANES, vectorised};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, Layout};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};
use std::ops::Range;

impl CpuLayer for Multiply {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        y.clear(chunk.images);
        add_products(chunk.level, chunk.images, Factors { a: x.get(0), b: x.get(1) }, y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let factors = Factors { a: known.dy, b: known.x.get(1 - known.slot) };
        add_products(chunk.level, chunk.images, factors, dx.zeroed_unless_written(chunk.images));
        Ok(())
    }
}

/// What is multiplied.
#[derive(Clone, Copy)]
struct Factors<'a> {
    a: FeatureMaps<'a>,
    b: FeatureMaps<'a>,
}

vectorised! {
    /// `to += a b` over all pixels of the larger maps; maps of one pixel stand for, or sum over, all of them.
    fn add_products(images: usize, factors: Factors<'_>, to: FeatureMapsMut<'_>) {
        let Factors { a, b } = factors;
        let area = |layout: &Layout| layout.shape.height * layout.shape.width;
        let largest = [a.layout, b.layout, to.layout].into_iter().max_by_key(|layout| area(layout)).unwrap_or(a.layout);
        for image in 0..images {
            for y in 0..largest.shape.height {
                for x in 0..largest.shape.width {
                    let a = a.values[pixel(a.layout, image, y, x)].as_chunks::<LANES>().0;
                    let b = b.values[pixel(b.layout, image, y, x)].as_chunks::<LANES>().0;
                    let to = to.values[pixel(to.layout, image, y, x)].as_chunks_mut::<LANES>().0;
                    for (to, (a, b)) in to.iter_mut().zip(a.iter().zip(b)) {
                        for lane in 0..LANES {
                            to[lane] += a[lane] * b[lane];
                        }
                    }
                }
            }
        }
    }
}

/// A pixel with its padding channels, or the only one.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn pixel(layout: &Layout, image: usize, y: usize, x: usize) -> Range<usize> {
    let (y, x) = (y.min(layout.shape.height - 1), x.min(layout.shape.width - 1));
    let first = layout.pixel(image, y, x).start;
    first..first + layout.stride
}
