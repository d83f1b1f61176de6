//! Channels and pixels that change places, on the CPU.

use super::Transpose;
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

impl CpuLayer for Transpose {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        y.clear(chunk.images);
        add_transposed(chunk.images, x.first(), &mut y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        add_transposed(chunk.images, known.dy, &mut dx.zeroed_unless_written(chunk.images));
        Ok(())
    }
}

/// Adds channel `c` of pixel `p` to channel `p` of pixel `c`.
fn add_transposed(images: usize, from: FeatureMaps<'_>, to: &mut FeatureMapsMut<'_>) {
    let channels = from.layout.shape.channels;
    for image in 0..images {
        let starts = to.layout.pixel_starts(image);
        for (pixel, start) in from.layout.pixel_starts(image).into_iter().enumerate() {
            for (value, to_start) in from.values[start..start + channels].iter().zip(&starts) {
                to.values[to_start + pixel] += value;
            }
        }
    }
}
