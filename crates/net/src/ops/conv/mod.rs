//! Convolution (correlation: filters are not flipped).

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Convolution of an input with square filters.
///
/// `y[k,i,j] = b[k] + sum over c,r,s of w[k,c,r,s] x[g(k)C/G + c, i*stride - padding + r, j*stride - padding + s]`,
/// values outside the input being 0; `g(k)` is the group of filter `k`.
///
/// # Shapes
/// input `C x h x w`; weight `[k, C/groups, size, size]`; bias `[k]`, or `[k, oh, ow]` where it is
/// not shared; output `k x oh x ow` with `oh = 1 + ceil((2 padding + h - size) / stride)`, less where
/// a stride over the filter size would put the last window wholly behind the input.
///
/// # Errors
/// Filters larger than the padded input, a stride of 0, or channels and filters that the groups do
/// not divide.
///
/// # Source
/// cuda-convnet's `conv`: where the stride does not fit, the last window hangs over the border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Input shape.
    pub input: Shape,
    /// Filters of all groups together.
    pub filters: usize,
    /// Height and width of a filter.
    pub size: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
    /// Groups into which channels and filters are split.
    pub groups: usize,
    /// One bias a filter, not one a filter and position.
    pub shared_bias: bool,
}

impl ConvGeometry {
    /// Channels each filter sees.
    pub const fn channels_per_filter(&self) -> usize {
        self.input.channels / self.groups
    }

    /// Shape of the weight tensor.
    pub fn weight_shape(&self) -> Vec<usize> {
        vec![self.filters, self.channels_per_filter(), self.size, self.size]
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

/// The sliding windows that [`ConvGeometry`] and local layers share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub filters: usize,
    pub size: usize,
    pub stride: usize,
    pub padding: usize,
    pub groups: usize,
}

impl Windows {
    pub fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        let Self { filters, size, stride, padding, groups } = *self;
        Misfit::unless(
            filters > 0 && size > 0 && groups > 0,
            || "at least one filter, a size and a group".into(),
            || format!("filters {filters}, size {size}, groups {groups}"),
        )?;
        Misfit::unless(stride > 0, || "a stride of 1 or more".into(), || format!("{stride}"))?;
        Misfit::unless(padding < size, || format!("a padding below the filter size {size}"), || format!("{padding}"))?;
        let smallest = input.height.min(input.width) + 2 * padding;
        Misfit::unless(
            size <= smallest,
            || format!("filters no larger than the padded input ({smallest} pixels)"),
            || format!("size {size} on an input of {input}"),
        )?;
        Misfit::unless(
            input.channels.is_multiple_of(groups) && filters.is_multiple_of(groups),
            || format!("channels and filters that {groups} groups divide"),
            || format!("{} channels and {filters} filters", input.channels),
        )?;
        let count = |side: usize| {
            let covering = (2 * padding + side - size).div_ceil(stride);
            // Where strides pass over pixels, the window that would be the last may see none.
            let touching = (padding + side - 1) / stride;
            1 + if stride > size { covering.min(touching) } else { covering }
        };
        Ok(Shape::new(filters, count(input.height), count(input.width)))
    }
}
