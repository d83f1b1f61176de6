//! A layer's output, shown while it is at hand.

use crate::cpu::layout::Maps;
use crate::shape::Shape;

/// What a layer put out for a few images, as it lies in memory: row by row, pixel by pixel, the
/// channels of a pixel side by side.
#[derive(Clone, Copy)]
pub struct LayerOutput<'a> {
    pub(crate) maps: Maps<'a>,
    pub(crate) images: usize,
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
        let Maps { layout, values } = self.maps;
        (0..layout.shape.height).map(move |y| &values[layout.pixels(image, y)])
    }
}
