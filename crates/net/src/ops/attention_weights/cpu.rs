//! Attention weights on the CPU.

use crate::device::cpu::attention::{SumOver, add_dot_products, add_weighted_sums};
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::lanes::{LANES, vectorised};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, Layout};
use crate::device::cpu::special::exp;
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionWeightsLayer {
    pub factor: f32,
    /// Layout of the dot products' gradient, which the backward pass computes.
    pub output: Layout,
    pub images: usize,
}

impl CpuLayer for AttentionWeightsLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn saved(&self, backward: bool) -> SavedForBackward {
        let floats = if backward { self.output.len(self.images) } else { 0 };
        SavedForBackward { scratch: Buffer::zeros(floats), ..SavedForBackward::default() }
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        y.clear(chunk.images);
        add_dot_products(chunk.level, chunk.images, self.factor, x.get(0), x.get(1), y.reborrow());
        softmax_over_keys(chunk.level, chunk.images, y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        saved: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let gradients = FeatureMapsMut { layout: &self.output, values: &mut saved.scratch };
        softmax_backward(chunk.level, chunk.images, known.y, known.dy, gradients);
        let gradients = FeatureMaps { layout: &self.output, values: &saved.scratch };
        let over = if known.slot == 0 { SumOver::Keys } else { SumOver::Queries };
        let (other, dx) = (known.x.get(1 - known.slot), dx.zeroed_unless_written(chunk.images));
        add_weighted_sums(chunk.level, chunk.images, over, self.factor, gradients, other, dx);
        Ok(())
    }
}

vectorised! {
    /// Every row of every map becomes its softmax.
    fn softmax_over_keys(images: usize, y: FeatureMapsMut<'_>) {
        let (count, heads) = (y.layout.stride / LANES, y.layout.shape.channels);
        for image in 0..images {
            for query in 0..y.layout.shape.height {
                let row = y.values[y.layout.pixels(image, query)].as_chunks_mut::<LANES>().0;
                for vector in 0..count {
                    let mut largest = [f32::NEG_INFINITY; LANES];
                    for pixel in row.chunks_exact(count) {
                        for lane in 0..LANES {
                            largest[lane] = largest[lane].max(pixel[vector][lane]);
                        }
                    }
                    let mut sums = [0.0; LANES];
                    for pixel in row.chunks_exact_mut(count) {
                        for lane in 0..LANES {
                            let value = exp(pixel[vector][lane] - largest[lane]);
                            pixel[vector][lane] = value;
                            sums[lane] += value;
                        }
                    }
                    // Padding channels stay zero.
                    let mut inverses = [0.0; LANES];
                    for lane in 0..LANES.min(heads - vector * LANES) {
                        inverses[lane] = 1.0 / sums[lane];
                    }
                    for pixel in row.chunks_exact_mut(count) {
                        for lane in 0..LANES {
                            pixel[vector][lane] *= inverses[lane];
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// `to = y (dy - sum over the row of dy y)`.
    fn softmax_backward(
        images: usize, y: FeatureMaps<'_>, dy: FeatureMaps<'_>, to: FeatureMapsMut<'_>,
    ) {
        let count = y.layout.stride / LANES;
        for image in 0..images {
            for query in 0..y.layout.shape.height {
                let values = y.values[y.layout.pixels(image, query)].as_chunks::<LANES>().0;
                let gradients = dy.values[dy.layout.pixels(image, query)].as_chunks::<LANES>().0;
                let to = to.values[to.layout.pixels(image, query)].as_chunks_mut::<LANES>().0;
                for vector in 0..count {
                    let mut sums = [0.0; LANES];
                    for (value, gradient) in values.chunks_exact(count).zip(gradients.chunks_exact(count)) {
                        for lane in 0..LANES {
                            sums[lane] += value[vector][lane] * gradient[vector][lane];
                        }
                    }
                    let pixels = values.chunks_exact(count).zip(gradients.chunks_exact(count));
                    for (to, (value, gradient)) in to.chunks_exact_mut(count).zip(pixels) {
                        for lane in 0..LANES {
                            to[vector][lane] = value[vector][lane] * (gradient[vector][lane] - sums[lane]);
                        }
                    }
                }
            }
        }
    }
}
