//! Rectangles of pixels on which outputs depend.

use crate::device::windows::WindowAxis;
use crate::shape::Shape;

/// Rows and columns, from the first to the last; may reach past the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub top: isize,
    pub bottom: isize,
    pub left: isize,
    pub right: isize,
}

impl Field {
    /// One pixel.
    pub fn pixel(y: usize, x: usize) -> Self {
        let (y, x) = (y as isize, x as isize);
        Self { top: y, bottom: y, left: x, right: x }
    }

    /// All of a map.
    pub fn whole(shape: Shape) -> Self {
        Self { top: 0, bottom: shape.height as isize - 1, left: 0, right: shape.width as isize - 1 }
    }

    /// The pixels that windows see, those between the taps of dilated ones too.
    pub fn through_windows(self, rows: WindowAxis, columns: WindowAxis) -> Self {
        let first = |axis: WindowAxis, index: isize| index * axis.stride as isize - axis.before as isize;
        let last = |axis: WindowAxis, index: isize| first(axis, index) + axis.span() as isize - 1;
        Self {
            top: first(rows, self.top),
            bottom: last(rows, self.bottom),
            left: first(columns, self.left),
            right: last(columns, self.right),
        }
    }

    /// The part inside a map: what lies past its edges is padding, and depends on nothing.
    pub fn within(self, shape: Shape) -> Self {
        let whole = Self::whole(shape);
        Self {
            top: self.top.max(0),
            bottom: self.bottom.min(whole.bottom),
            left: self.left.max(0),
            right: self.right.min(whole.right),
        }
    }

    /// The smallest field that holds both.
    pub fn union(self, other: Self) -> Self {
        Self {
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
            left: self.left.min(other.left),
            right: self.right.max(other.right),
        }
    }
}
