//! Locally connected layer: convolution with its own filters at every position.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use super::conv::Windows;
use crate::shape::Shape;

/// Convolution whose filters are not shared between positions.
///
/// `y[k,i,j] = b[k,i,j] + sum over c,r,s of w[i,j,k,c,r,s] x[g(k)C/G + c, i*stride - padding + r, j*stride - padding + s]`.
///
/// # Shapes
/// As [`super::ConvGeometry`]; weight `[oh, ow, k, C/groups, size, size]`, bias `[k, oh, ow]`.
///
/// # Errors
/// As [`super::ConvGeometry`].
///
/// # Source
/// cuda-convnet's `local`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalGeometry {
    /// Input shape.
    pub input: Shape,
    /// Filters at each position, of all groups together.
    pub filters: usize,
    /// Height and width of a filter.
    pub size: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
    /// Groups into which channels and filters are split.
    pub groups: usize,
}

impl LocalGeometry {
    /// Channels each filter sees.
    pub const fn channels_per_filter(&self) -> usize {
        self.input.channels / self.groups
    }

    /// Shape of the weight tensor, given the output shape.
    pub fn weight_shape(&self, output: Shape) -> Vec<usize> {
        vec![output.height, output.width, self.filters, self.channels_per_filter(), self.size, self.size]
    }

    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        self.windows_of().output(self.input)
    }

    pub(crate) fn windows_of(&self) -> Windows {
        Windows {
            filters: self.filters,
            size: self.size,
            stride: self.stride,
            padding: self.padding,
            groups: self.groups,
        }
    }
}
