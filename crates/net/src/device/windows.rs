//! Windows that slide over the maps of an image.

use crate::shape::Shape;
use std::ops::Range;

/// How windows slide along the rows or the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowAxis {
    /// Pixels that a window takes.
    pub size: usize,
    /// Distance from one window to the next.
    pub stride: usize,
    /// Distance from one pixel of a window to its next; 1: neighbours.
    pub dilation: usize,
    /// Zeros before the input.
    pub before: usize,
    /// Zeros behind the input.
    pub after: usize,
}

impl WindowAxis {
    /// Windows of neighbours, one at every pixel, without padding.
    pub const fn new(size: usize) -> Self {
        Self { size, stride: 1, dilation: 1, before: 0, after: 0 }
    }

    /// Pixels from a window's first to its last.
    pub const fn span(&self) -> usize {
        self.size.saturating_sub(1) * self.dilation + 1
    }

    /// Where a window begins, in input pixels; before the input where there is padding.
    pub const fn origin(&self, index: usize) -> isize {
        (index * self.stride) as isize - self.before as isize
    }

    /// The pixels of a window that lie inside an input of `length` pixels, as a part of `0..size`.
    pub(crate) fn inside(&self, index: usize, length: usize) -> Range<usize> {
        let origin = self.origin(index);
        let is_inside = |at: &usize| (0..length as isize).contains(&(origin + (at * self.dilation) as isize));
        let first = (0..self.size).find(is_inside).unwrap_or(0);
        first..first + (0..self.size).filter(is_inside).count()
    }
}

/// The windows of a weighted layer. A fully connected layer is one window over everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub input: Shape,
    pub output: Shape,
    pub rows: WindowAxis,
    pub columns: WindowAxis,
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

    /// Pixels of a window.
    pub fn area(&self) -> usize {
        self.rows.size * self.columns.size
    }

    /// Weights of one filter.
    pub fn weights(&self) -> usize {
        self.channels() * self.area()
    }

    /// Where a window begins, in input pixels; before the input where there is padding.
    pub fn origin(&self, y: usize, x: usize) -> (isize, isize) {
        (self.rows.origin(y), self.columns.origin(x))
    }
}
