//! Windows that slide over the maps of an image.

use crate::shape::Shape;

/// The windows of a weighted layer. A fully connected layer is one window over everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub input: Shape,
    pub output: Shape,
    /// Height and width of a window.
    pub height: usize,
    pub width: usize,
    pub stride: usize,
    pub padding: usize,
    pub groups: usize,
}

impl Windows {
    /// Channels that a filter sees.
    pub fn channels(&self) -> usize {
        self.input.channels / self.groups
    }

    /// Filters of one group.
    pub fn filters(&self) -> usize {
        self.output.channels / self.groups
    }

    /// Weights of one filter.
    pub fn weights(&self) -> usize {
        self.channels() * self.height * self.width
    }

    /// Where a window begins, in input pixels; before the input where there is padding.
    pub fn origin(&self, y: usize, x: usize) -> (isize, isize) {
        let at = |output: usize| (output * self.stride) as isize - self.padding as isize;
        (at(y), at(x))
    }
}
