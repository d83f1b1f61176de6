//! Means of maps on the CPU.

use super::GlobalAvgPool;
use crate::device::cpu::lanes::{LANES, vectorised};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

/// Pixels of a map that are summed one after the other. Larger maps are summed in parts of [`PART`] pixels first, because
/// the rounding error of a sum grows with its length: the mean of 28 x 28 values that nearly cancel was off by 1e-5.
const MAX_SUMMED_AT_ONCE: usize = 256;
const PART: usize = 16;

impl CpuLayer for GlobalAvgPool {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        forward(chunk.level, chunk.images, x.first(), y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        backward(chunk.level, chunk.images, known.dy, dx.zeroed_unless_written(chunk.images));
        Ok(())
    }
}

vectorised! {
    /// The means of the first `images` images' maps.
    fn forward(images: usize, x: FeatureMaps<'_>, y: FeatureMapsMut<'_>) {
        let shape = x.layout.shape;
        let pixels = shape.height * shape.width;
        let share = 1.0 / pixels as f32;
        let blocks = y.layout.stride / LANES;
        let sums_parts = pixels > MAX_SUMMED_AT_ONCE;
        let mut part_sums = vec![[0.0; LANES]; if sums_parts { blocks } else { 0 }];
        for image in 0..images {
            let at = y.layout.pixel(image, 0, 0).start;
            let out = y.values[at..at + y.layout.stride].as_chunks_mut::<LANES>().0;
            out.fill([0.0; LANES]);
            for pixel in 0..pixels {
                let at = x.layout.pixel(image, pixel / shape.width, pixel % shape.width).start;
                let values = x.values[at..at + x.layout.stride].as_chunks::<LANES>().0;
                let sums = if sums_parts { &mut part_sums[..] } else { &mut *out };
                for (sum, value) in sums.iter_mut().zip(values) {
                    for lane in 0..LANES {
                        sum[lane] += value[lane];
                    }
                }
                if (pixel + 1) % PART == 0 || pixel + 1 == pixels {
                    for (out, sum) in out.iter_mut().zip(&mut part_sums) {
                        for lane in 0..LANES {
                            out[lane] += std::mem::take(&mut sum[lane]);
                        }
                    }
                }
            }
            for out in out {
                for lane in out {
                    *lane *= share;
                }
            }
        }
    }
}

vectorised! {
    /// Adds to the input's gradient: every pixel its share.
    fn backward(images: usize, dy: FeatureMaps<'_>, dx: FeatureMapsMut<'_>) {
        let shape = dx.layout.shape;
        let share = 1.0 / (shape.height * shape.width) as f32;
        for image in 0..images {
            let at = dy.layout.pixel(image, 0, 0).start;
            let gradient = dy.values[at..at + dy.layout.stride].as_chunks::<LANES>().0;
            for row in 0..shape.height {
                let row = dx.values[dx.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
                for pixel in row.chunks_exact_mut(gradient.len()) {
                    for (out, gradient) in pixel.iter_mut().zip(gradient) {
                        for lane in 0..LANES {
                            out[lane] += gradient[lane] * share;
                        }
                    }
                }
            }
        }
    }
}
