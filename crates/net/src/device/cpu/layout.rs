//! How one layer's values lie in memory.

use super::lanes::round_up;
use crate::shape::Shape;
use std::iter::StepBy;
use std::ops::Range;

/// Floats past the end of every buffer, so that whole vectors may be read from any pixel.
const SPARE: usize = 64;

/// Pixels of zeros around the values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Halo {
    pub top: usize,
    pub left: usize,
    pub bottom: usize,
    pub right: usize,
}

impl Halo {
    /// The smallest halo that serves both.
    pub fn union(self, other: Self) -> Self {
        Self {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }
}

/// Channels last, `stride` floats a pixel, images one after another, each with its halo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub shape: Shape,
    pub stride: usize,
    pub halo: Halo,
}

impl Layout {
    /// Channels rounded up to whole vectors.
    pub fn padded(shape: Shape, halo: Halo) -> Self {
        Self { shape, stride: round_up(shape.channels), halo }
    }

    /// Channels packed without gaps: what only layers that read single floats can take.
    pub fn unpadded(shape: Shape, halo: Halo) -> Self {
        Self { shape, stride: shape.channels, halo }
    }

    /// Floats from one row to the next.
    pub fn row(&self) -> usize {
        (self.halo.left + self.shape.width + self.halo.right) * self.stride
    }

    /// Floats from one image to the next.
    pub fn image(&self) -> usize {
        (self.halo.top + self.shape.height + self.halo.bottom) * self.row()
    }

    /// Floats in a buffer for `images` images.
    pub fn len(&self, images: usize) -> usize {
        images * self.image() + SPARE
    }

    /// Where a pixel begins; coordinates may lie in the halo.
    pub fn offset(&self, image: usize, y: isize, x: isize) -> usize {
        let y = (y + self.halo.top as isize) as usize;
        let x = (x + self.halo.left as isize) as usize;
        image * self.image() + y * self.row() + x * self.stride
    }

    /// The real channels of a pixel.
    pub fn pixel(&self, image: usize, y: usize, x: usize) -> Range<usize> {
        let start = self.offset(image, y as isize, x as isize);
        start..start + self.shape.channels
    }

    /// Where every pixel of an image begins, row by row.
    pub fn pixel_starts(&self, image: usize) -> Vec<usize> {
        let pixels = (0..self.shape.height).flat_map(|y| (0..self.shape.width).map(move |x| (y, x)));
        pixels.map(|(y, x)| self.offset(image, y as isize, x as isize)).collect()
    }

    /// A row's pixels, padding channels included, without the halo.
    pub fn pixels(&self, image: usize, y: usize) -> Range<usize> {
        let start = self.offset(image, y as isize, 0);
        start..start + self.shape.width * self.stride
    }

    /// Where the values of an image's channel are, by row.
    pub fn channel(&self, image: usize, channel: usize) -> impl Iterator<Item = StepBy<Range<usize>>> + use<> {
        let layout = *self;
        (0..layout.shape.height).map(move |y| {
            let start = layout.offset(image, y as isize, 0) + channel;
            (start..start + layout.shape.width * layout.stride).step_by(layout.stride.max(1))
        })
    }

    /// True if pixels have no padding channels.
    pub fn is_full(&self) -> bool {
        self.stride == self.shape.channels
    }

    /// Whether the values of all images lie one after another, with nothing around or between them.
    pub fn is_dense(&self) -> bool {
        self.is_full() && self.halo == Halo::default()
    }

    /// Whether a buffer may hold values in this layout after values in the other, without being cleared.
    pub fn is_interchangeable_with(&self, other: &Self) -> bool {
        self == other || (self.is_dense() && other.is_dense())
    }

    /// The floats past the last value of that many images, which vectors may reach into.
    pub fn spare(&self, images: usize) -> Range<usize> {
        images * self.image()..self.len(images)
    }

    /// The longest contiguous pieces of an image's values (without padding): rows, or pixels where
    /// channels were rounded up.
    pub fn pieces(&self, image: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let layout = *self;
        let (per_row, length) = if layout.is_full() {
            (1, layout.shape.width * layout.stride)
        } else {
            (layout.shape.width, layout.shape.channels)
        };
        (0..layout.shape.height).flat_map(move |y| {
            (0..per_row).map(move |x| {
                let start = layout.offset(image, y as isize, x as isize);
                start..start + length
            })
        })
    }
}

/// An activation or gradient of several images, to be read.
#[derive(Clone, Copy)]
pub(crate) struct FeatureMaps<'a> {
    pub layout: &'a Layout,
    pub values: &'a [f32],
}

impl FeatureMaps<'_> {
    /// Copies one image's values into `out`, in channel, row, column order.
    pub fn copy_image(&self, image: usize, out: &mut [f32]) {
        let Shape { height, width, .. } = self.layout.shape;
        let area = height * width;
        for index in 0..area {
            let pixel = &self.values[self.layout.pixel(image, index / width, index % width)];
            for (channel, &value) in pixel.iter().enumerate() {
                out[channel * area + index] = value;
            }
        }
    }
}

/// An activation or gradient of several images, to be written.
pub(crate) struct FeatureMapsMut<'a> {
    pub layout: &'a Layout,
    pub values: &'a mut [f32],
}

/// Copies the first `images` images, pixel by pixel.
pub(crate) fn copy(images: usize, from: FeatureMaps<'_>, to: &mut FeatureMapsMut<'_>) {
    for image in 0..images {
        for y in 0..to.layout.shape.height {
            for x in 0..to.layout.shape.width {
                let values = &from.values[from.layout.pixel(image, y, x)];
                let at = to.layout.pixel(image, y, x).start;
                to.values[at..at + values.len()].copy_from_slice(values);
            }
        }
    }
}

impl FeatureMapsMut<'_> {
    /// Borrows them for a shorter time.
    pub fn reborrow(&mut self) -> FeatureMapsMut<'_> {
        FeatureMapsMut { layout: self.layout, values: self.values }
    }

    /// Sets every value (without padding) of the first `images` images to zero.
    pub fn clear(&mut self, images: usize) {
        for image in 0..images {
            for piece in self.layout.pieces(image) {
                self.values[piece].fill(0.0);
            }
        }
    }
}
