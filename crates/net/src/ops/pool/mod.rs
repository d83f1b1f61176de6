//! Pooling over windows that are clipped at the borders.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// What is taken of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value; [`Ties`] says which of several receives the gradient.
    Max,
    /// The mean over the pixels of the window that lie inside the input.
    Average,
}

/// Where the gradient of a maximum goes if several values of its window are equal to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// The whole gradient to each of them, as in cuda-convnet.
    All,
    /// To the first in row, then column order, as in `PyTorch`.
    First,
}

/// Maximum or average over square windows.
///
/// The window of output `i` is `[start + i*stride, start + i*stride + size)` cut with the input;
/// averages divide by the number of pixels inside.
///
/// # Shapes
/// input `c x h x w`, output `c x oh x ow` with `oh = outputs`, or, where none are given,
/// `oh = 1 + ceil((h - start - size) / stride)`: as many windows as are needed to cover the input.
///
/// # Errors
/// A window larger than the input, a stride over the window size, a window wholly outside.
///
/// # Source
/// cuda-convnet's `pool`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    /// Maximum or average.
    pub kind: PoolKind,
    /// Input shape.
    pub input: Shape,
    /// Height and width of a window.
    pub size: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Position of the first window; may be negative.
    pub start: isize,
    /// Windows along each side, if not as many as cover the input.
    pub outputs: Option<usize>,
    /// Which of equal maxima receives the gradient.
    pub ties: Ties,
}

impl PoolGeometry {
    /// The rows (or columns) `first..last` that window `index` covers of a side of `length` pixels.
    pub fn window(&self, index: usize, length: usize) -> (usize, usize) {
        let begin = self.start + (index * self.stride) as isize;
        let end = begin + self.size as isize;
        (begin.max(0) as usize, end.clamp(0, length as isize) as usize)
    }

    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        let Shape { channels, height, width } = self.input;
        Misfit::unless(
            self.size > 0 && self.size <= height.min(width),
            || format!("a window from 1 to the input's {} pixels", height.min(width)),
            || format!("size {}", self.size),
        )?;
        Misfit::unless(
            self.stride > 0 && self.stride <= self.size,
            || format!("a stride from 1 to the window size {}", self.size),
            || format!("{}", self.stride),
        )?;
        Misfit::unless(
            self.start <= 0 && self.start.unsigned_abs() < self.size,
            || format!("a start from {} to 0", 1 - self.size as isize),
            || format!("{}", self.start),
        )?;
        let count = |side: usize| {
            let rest = side as isize - self.start - self.size as isize;
            self.outputs.unwrap_or_else(|| 1 + (rest.max(0) as usize).div_ceil(self.stride))
        };
        let (oh, ow) = (count(height), count(width));
        for (windows, side) in [(oh, height), (ow, width)] {
            let inside = windows > 0 && {
                let (first, last) = self.window(windows - 1, side);
                first < last
            };
            Misfit::unless(
                inside,
                || format!("windows that touch the input's {side} pixels"),
                || format!("{windows} windows of {} every {}", self.size, self.stride),
            )?;
        }
        Ok(Shape::new(channels, oh, ow))
    }
}
