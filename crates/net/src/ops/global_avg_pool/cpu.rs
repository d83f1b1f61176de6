//! Means of maps on the CPU.

use super::GlobalAvgPool;
use crate::device::cpu::lanes::{LANES, vectorised};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

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
        let share = 1.0 / (shape.height * shape.width) as f32;
        for image in 0..images {
            let at = y.layout.pixel(image, 0, 0).start;
            let out = y.values[at..at + y.layout.stride].as_chunks_mut::<LANES>().0;
            out.fill([0.0; LANES]);
            for row in 0..shape.height {
                let row = x.values[x.layout.pixels(image, row)].as_chunks::<LANES>().0;
                for pixel in row.chunks_exact(out.len()) {
                    for (out, value) in out.iter_mut().zip(pixel) {
                        for lane in 0..LANES {
                            out[lane] += value[lane];
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
