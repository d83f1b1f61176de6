//! A layer's output while a forward pass has it in memory.

use crate::device::VectorLevel;
use crate::device::cpu::lanes::{LANES, vectorised};
use crate::device::cpu::layout::FeatureMaps;
use crate::shape::Shape;

/// The outputs of a layer for a few images, in memory layout: row by row, pixel by pixel, the
/// channels of a pixel side by side.
#[derive(Clone, Copy)]
pub struct LayerOutput<'a> {
    pub(crate) maps: FeatureMaps<'a>,
    pub(crate) images: usize,
    /// Vector instructions with which [`LayerOutput::add_up`] computes.
    pub(crate) level: VectorLevel,
}

impl<'a> LayerOutput<'a> {
    /// Channels, height and width.
    pub fn shape(&self) -> Shape {
        self.maps.layout.shape
    }

    /// How many images.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Floats from one pixel to the next: first the channels; what may follow them means nothing.
    pub fn stride(&self) -> usize {
        self.maps.layout.stride
    }

    /// The rows of an image from top to bottom, each `width * stride` floats.
    pub fn rows(&self, image: usize) -> impl Iterator<Item = &'a [f32]> + use<'a> {
        let FeatureMaps { layout, values } = self.maps;
        (0..layout.shape.height).map(move |y| &values[layout.pixels(image, y)])
    }

    /// Adds an image's values up, channel by channel: `blocks` becomes as many as hold all channels.
    pub fn add_up(&self, image: usize, blocks: &mut Vec<ChannelSums>) {
        blocks.clear();
        blocks.resize(self.shape().channels.div_ceil(LANES), ChannelSums::EMPTY);
        add_rows(self.level, self, image, blocks);
    }
}

/// Sums over a map of eight channels side by side; what stands past the last channel means nothing.
#[derive(Clone, Copy, Debug)]
pub struct ChannelSums {
    /// Sums of the values.
    pub sums: [f32; LANES],
    /// Sums of their squares.
    pub squares: [f32; LANES],
    /// How many are zero.
    pub zeros: [f32; LANES],
    /// The greatest.
    pub maxima: [f32; LANES],
}

impl ChannelSums {
    /// Channels side by side.
    pub const LANES: usize = LANES;

    const EMPTY: Self =
        Self { sums: [0.0; LANES], squares: [0.0; LANES], zeros: [0.0; LANES], maxima: [f32::NEG_INFINITY; LANES] };
}

vectorised! {
    fn add_rows(output: &LayerOutput<'_>, image: usize, blocks: &mut [ChannelSums]) {
        let stride = output.stride();
        for row in output.rows(image) {
            for (block, first) in blocks.iter_mut().zip((0..).step_by(LANES)) {
                let mut sums = *block;
                for pixel in row.chunks_exact(stride) {
                    let values = match pixel.get(first..).and_then(<[f32]>::first_chunk::<LANES>) {
                        Some(values) => *values,
                        // Channels without spare room after them.
                        None => std::array::from_fn(|lane| pixel.get(first + lane).copied().unwrap_or_default()),
                    };
                    for (lane, value) in values.into_iter().enumerate() {
                        sums.sums[lane] += value;
                        sums.squares[lane] += value * value;
                        sums.zeros[lane] += if value == 0.0 { 1.0 } else { 0.0 };
                        sums.maxima[lane] = if value > sums.maxima[lane] { value } else { sums.maxima[lane] };
                    }
                }
                *block = sums;
            }
        }
    }
}
