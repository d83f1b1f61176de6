//! Dropout on the CPU.

use super::Dropout;
use crate::device::cpu::buffer::{Buffer, SavedForBackward};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, Layout};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuContext, CpuLayer, GradientMut, Inputs, Noise};
use crate::random::{Stream, philox};

/// The mask is what is saved.
#[derive(Clone, Debug)]
pub(crate) struct DropoutLayer {
    dropout: Dropout,
    /// Tells dropout layers apart.
    layer: usize,
    /// Layout of the mask.
    layout: Layout,
    /// Floats of it.
    length: usize,
}

impl CpuLayer for DropoutLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn saved(&self, backward: bool) -> SavedForBackward {
        SavedForBackward {
            scratch: Buffer::zeros(if backward { self.length } else { 0 }),
            ..SavedForBackward::default()
        }
    }

    fn has_saved(&self) -> bool {
        true
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, saved: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        let mask = chunk.noise.map(|noise| {
            let mut mask = FeatureMapsMut { layout: &self.layout, values: &mut saved.scratch };
            self.draw(noise, chunk.images, &mut mask);
            FeatureMaps { layout: &self.layout, values: &saved.scratch }
        });
        self.apply(chunk.images, x.first(), mask, &mut y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        saved: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let mask = chunk.noise.map(|_| FeatureMaps { layout: &self.layout, values: &saved.scratch });
        self.add_gradient(chunk.images, known.dy, mask, &mut dx.zeroed_unless_written(chunk.images));
        Ok(())
    }
}

impl DropoutLayer {
    pub fn new(dropout: Dropout, context: &CpuContext<'_>) -> Self {
        let layout = context.output.gradient;
        Self { dropout, layer: context.layer, layout, length: layout.len(context.images) }
    }

    /// Draws the mask, 0 or 1 a value: a function of step, layer, image and the value's place in
    /// channel, row, column order.
    fn draw(&self, noise: Noise, images: usize, mask: &mut FeatureMapsMut<'_>) {
        let layout = mask.layout;
        let area = layout.shape.height * layout.shape.width;
        let threshold = self.dropout.threshold();
        for image in 0..images {
            let purpose = [self.layer as u64, (noise.first_image + image) as u64];
            let key = Stream::new(noise.step, &purpose).key();
            let (mut words, mut drawn) = ([0; 4], usize::MAX);
            for channel in 0..layout.shape.channels {
                for place in 0..area {
                    let unit = channel * area + place;
                    if unit / 4 != drawn {
                        drawn = unit / 4;
                        words = philox(key, drawn as u128);
                    }
                    let (y, x) = (place / layout.shape.width, place % layout.shape.width);
                    let at = layout.pixel(image, y, x).start + channel;
                    let dropped = u64::from(words[unit % 4]) < threshold;
                    mask.values[at] = if dropped { 0.0 } else { 1.0 };
                }
            }
        }
    }

    /// Applies the mask, or without one the mean of all masks.
    fn apply(&self, images: usize, x: FeatureMaps<'_>, mask: Option<FeatureMaps<'_>>, y: &mut FeatureMapsMut<'_>) {
        for image in 0..images {
            for row in 0..y.layout.shape.height {
                for column in 0..y.layout.shape.width {
                    let x = &x.values[x.layout.pixel(image, row, column)];
                    let mask = mask.map(|m| &m.values[m.layout.pixel(image, row, column)]);
                    let y = &mut y.values[y.layout.pixel(image, row, column)];
                    for (channel, (y, x)) in y.iter_mut().zip(x).enumerate() {
                        *y = x * mask.map_or(self.dropout.keep_probability(), |mask| mask[channel]);
                    }
                }
            }
        }
    }

    /// Adds to the input's gradient.
    fn add_gradient(
        &self,
        images: usize,
        dy: FeatureMaps<'_>,
        mask: Option<FeatureMaps<'_>>,
        dx: &mut FeatureMapsMut<'_>,
    ) {
        for image in 0..images {
            for row in 0..dx.layout.shape.height {
                for column in 0..dx.layout.shape.width {
                    let dy = &dy.values[dy.layout.pixel(image, row, column)];
                    let mask = mask.map(|m| &m.values[m.layout.pixel(image, row, column)]);
                    let dx = &mut dx.values[dx.layout.pixel(image, row, column)];
                    for (channel, (dx, dy)) in dx.iter_mut().zip(dy).enumerate() {
                        *dx += dy * mask.map_or(self.dropout.keep_probability(), |mask| mask[channel]);
                    }
                }
            }
        }
    }
}
