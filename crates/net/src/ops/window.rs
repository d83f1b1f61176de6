//! The sliding windows that convolutions and locally connected layers share.

use super::ShapeError;
use super::receptive_field::Field;
use crate::device::cpu::window::Windows;
use crate::error::Error;
use crate::init::Fan;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, whole};
use toml::Table;

/// Filters and how they slide over the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filters {
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
}

impl Filters {
    /// Channels each filter sees.
    pub const fn channels(&self, input: Shape) -> usize {
        input.channels / self.groups
    }

    /// Shape of the output.
    ///
    /// # Errors
    /// Filters larger than the padded input, a stride of 0, or channels and filters that the groups do not divide.
    pub fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let Self { filters, size, stride, padding, groups } = *self;
        ShapeError::ensure(
            filters > 0 && size > 0 && groups > 0,
            || "at least one filter, a size and a group".into(),
            || format!("filters {filters}, size {size}, groups {groups}"),
        )?;
        ShapeError::ensure(stride > 0, || "a stride of 1 or more".into(), || format!("{stride}"))?;
        ShapeError::ensure(
            padding < size,
            || format!("a padding below the filter size {size}"),
            || format!("{padding}"),
        )?;
        let smallest = input.height.min(input.width) + 2 * padding;
        ShapeError::ensure(
            size <= smallest,
            || format!("filters no larger than the padded input ({smallest} pixels)"),
            || format!("size {size} on an input of {input}"),
        )?;
        ShapeError::ensure(
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

    pub(crate) fn fan(&self, input: Shape) -> Fan {
        let area = self.size * self.size;
        Fan { inputs: self.channels(input) * area, outputs: self.filters / self.groups * area }
    }

    /// The windows from an input to an output.
    pub(crate) const fn windows(&self, input: Shape, output: Shape) -> Windows {
        Windows {
            input,
            output,
            height: self.size,
            width: self.size,
            stride: self.stride,
            padding: self.padding,
            groups: self.groups,
        }
    }

    pub(crate) fn receptive_field(&self, field: Field) -> Field {
        field.through_windows(self.size, self.stride, -(self.padding as isize))
    }

    /// Floats of all windows of one image.
    pub(crate) fn window_floats(&self, input: Shape, output: Shape) -> usize {
        output.height * output.width * self.size * self.size * self.channels(input)
    }

    pub(crate) fn describe(&self) -> String {
        let Self { filters, size, stride, padding, groups } = *self;
        let padding = if padding > 0 { format!(", padding {padding}") } else { String::new() };
        let groups = if groups > 1 { format!(", groups {groups}") } else { String::new() };
        format!("{filters} filters of {size} x {size}, stride {stride}{padding}{groups}")
    }

    pub(crate) fn read(section: &mut Section<'_>) -> Result<Self, Error> {
        Ok(Self {
            filters: section.required("filters")?,
            size: section.required("size")?,
            stride: section.or("stride", 1)?,
            padding: section.or("padding", 0)?,
            groups: section.or("groups", 1)?,
        })
    }

    pub(crate) fn write(&self, table: &mut Table) {
        put(table, "filters", whole(self.filters));
        put(table, "size", whole(self.size));
        put(table, "stride", whole(self.stride));
        put(table, "padding", whole(self.padding));
        put(table, "groups", whole(self.groups));
    }
}
