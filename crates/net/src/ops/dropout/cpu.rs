//! Dropout on the CPU.

use super::DropoutGeometry;
use crate::device::cpu::layout::{Maps, MapsMut};
use crate::random::{Stream, philox};

/// Whose random numbers a mask is drawn from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise {
    /// Of the training step.
    pub step: u64,
    /// Tells dropout layers apart.
    pub layer: usize,
    /// Position in the batch of the first image of the chunk.
    pub first_image: usize,
}

impl DropoutGeometry {
    /// Draws the mask, 0 or 1 a value: a function of step, layer, image and the value's place in
    /// channel, row, column order.
    pub(crate) fn draw(&self, noise: Noise, images: usize, mask: &mut MapsMut<'_>) {
        let layout = mask.layout;
        let area = layout.shape.height * layout.shape.width;
        let threshold = (f64::from(self.rate) * 4_294_967_296.0) as u64;
        for image in 0..images {
            let purpose = [noise.layer as u64, (noise.first_image + image) as u64];
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
    pub(crate) fn forward(&self, images: usize, x: Maps<'_>, mask: Option<Maps<'_>>, y: &mut MapsMut<'_>) {
        for image in 0..images {
            for row in 0..y.layout.shape.height {
                for column in 0..y.layout.shape.width {
                    let x = &x.values[x.layout.pixel(image, row, column)];
                    let mask = mask.map(|m| &m.values[m.layout.pixel(image, row, column)]);
                    let y = &mut y.values[y.layout.pixel(image, row, column)];
                    for (channel, (y, x)) in y.iter_mut().zip(x).enumerate() {
                        *y = x * mask.map_or(1.0 - self.rate, |mask| mask[channel]);
                    }
                }
            }
        }
    }

    /// Adds to the input's gradient.
    pub(crate) fn backward(&self, images: usize, dy: Maps<'_>, mask: Option<Maps<'_>>, dx: &mut MapsMut<'_>) {
        for image in 0..images {
            for row in 0..dx.layout.shape.height {
                for column in 0..dx.layout.shape.width {
                    let dy = &dy.values[dy.layout.pixel(image, row, column)];
                    let mask = mask.map(|m| &m.values[m.layout.pixel(image, row, column)]);
                    let dx = &mut dx.values[dx.layout.pixel(image, row, column)];
                    for (channel, (dx, dy)) in dx.iter_mut().zip(dy).enumerate() {
                        *dx += dy * mask.map_or(1.0 - self.rate, |mask| mask[channel]);
                    }
                }
            }
        }
    }
}
