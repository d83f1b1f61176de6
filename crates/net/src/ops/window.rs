//! The sliding windows that convolutions and locally connected layers share.

use super::ShapeError;
use super::receptive_field::Field;
use crate::device::windows::{WindowAxis, Windows};
use crate::error::Error;
use crate::init::Fan;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::pair::{pair, pair_of, put_pair, put_sides, sides_of};
use crate::table::write::{put, whole, word};
use toml::Table;

/// What happens where strides do not fit: whether pixels are left over, or the last window hangs over the border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// A last window that hangs over the border, as in cuda-convnet.
    #[default]
    Up,
    /// Only whole windows, as in `PyTorch`.
    Down,
}

pub(crate) const ROUNDINGS: [(&str, Rounding); 2] = [("up", Rounding::Up), ("down", Rounding::Down)];

impl Rounding {
    /// The quotient of two whole numbers.
    pub(crate) const fn divide(self, value: usize, by: usize) -> usize {
        match self {
            Self::Up => value.div_ceil(by),
            Self::Down => value / by,
        }
    }
}

/// Filters and how they slide over the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filters {
    /// Filters of all groups together.
    pub filters: usize,
    /// Rows of a filter, and how filters slide from row to row.
    pub rows: WindowAxis,
    /// The same of columns.
    pub columns: WindowAxis,
    /// Where strides do not fit.
    pub rounding: Rounding,
    /// Groups into which channels and filters are split.
    pub groups: usize,
}

impl Filters {
    /// That many filters of one group, which slide alike both ways.
    pub const fn square(filters: usize, axis: WindowAxis) -> Self {
        Self { filters, rows: axis, columns: axis, rounding: Rounding::Up, groups: 1 }
    }

    /// Channels each filter sees.
    pub const fn channels(&self, input: Shape) -> usize {
        input.channels / self.groups
    }

    /// Shape of the output.
    ///
    /// # Errors
    /// Filters larger than the padded input, a padding that a filter does not reach over, a stride or dilation of 0, or
    /// channels and filters that the groups do not divide.
    pub fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let Self { filters, rows, columns, groups, .. } = *self;
        ShapeError::ensure(
            filters > 0 && rows.size > 0 && columns.size > 0 && groups > 0,
            || "at least one filter, a size and a group".into(),
            || format!("filters {filters}, size {}, groups {groups}", pair(rows.size, columns.size)),
        )?;
        let (height, width) = (self.count(input, rows, input.height)?, self.count(input, columns, input.width)?);
        ShapeError::ensure(
            input.channels.is_multiple_of(groups) && filters.is_multiple_of(groups),
            || format!("channels and filters that {groups} groups divide"),
            || format!("{} channels and {filters} filters", input.channels),
        )?;
        Ok(Shape::new(filters, height, width))
    }

    /// Windows along one side of the input.
    fn count(&self, input: Shape, axis: WindowAxis, side: usize) -> Result<usize, ShapeError> {
        let WindowAxis { size, stride, dilation, before, after } = axis;
        ShapeError::ensure(stride > 0, || "a stride of 1 or more".into(), || format!("{stride}"))?;
        ShapeError::ensure(dilation > 0, || "a dilation of 1 or more".into(), || format!("{dilation}"))?;
        let span = axis.span();
        let size = if dilation == 1 { format!("{size}") } else { format!("{size} with dilation {dilation}") };
        ShapeError::ensure(
            before.max(after) < span,
            || format!("a padding that filters reach over, below {span}"),
            || format!("{} with filters of size {size}", before.max(after)),
        )?;
        let padded = side + before + after;
        ShapeError::ensure(
            span <= padded,
            || format!("filters no larger than the padded input ({padded} pixels)"),
            || format!("size {size} on an input of {input}"),
        )?;
        let covering = self.rounding.divide(padded - span, stride);
        // Where strides pass over pixels, the window that would be the last may see none.
        let touching = (before + side - 1) / stride;
        Ok(1 + if stride > span { covering.min(touching) } else { covering })
    }

    pub(crate) fn fan(&self, input: Shape) -> Fan {
        let area = self.rows.size * self.columns.size;
        Fan { inputs: self.channels(input) * area, outputs: self.filters / self.groups * area }
    }

    /// The windows from an input to an output.
    pub(crate) const fn windows(&self, input: Shape, output: Shape) -> Windows {
        Windows { input, output, rows: self.rows, columns: self.columns, groups: self.groups }
    }

    pub(crate) fn receptive_field(&self, field: Field) -> Field {
        field.through_windows(self.rows, self.columns)
    }

    /// Floats of all windows of one image.
    pub(crate) fn window_floats(&self, input: Shape, output: Shape) -> usize {
        output.height * output.width * self.rows.size * self.columns.size * self.channels(input)
    }

    pub(crate) fn describe(&self) -> String {
        let Self { filters, rows, columns, groups, .. } = *self;
        let padding = match [rows.before, rows.after, columns.before, columns.after] {
            [0, 0, 0, 0] => String::new(),
            [top, bottom, left, right] if [bottom, left, right] == [top; 3] => format!(", padding {top}"),
            [top, bottom, left, right] => {
                format!(", padding {top} above, {bottom} below, {left} left, {right} right")
            }
        };
        let dilation = match (rows.dilation, columns.dilation) {
            (1, 1) => String::new(),
            (y, x) => format!(", dilation {}", pair(y, x)),
        };
        let groups = if groups > 1 { format!(", groups {groups}") } else { String::new() };
        let stride = pair(rows.stride, columns.stride);
        format!("{filters} filters of {} x {}, stride {stride}{padding}{dilation}{groups}", rows.size, columns.size)
    }

    pub(crate) fn read(section: &mut Section<'_>) -> Result<Self, Error> {
        let filters = section.required("filters")?;
        let size = pair_of(section, "size")?.ok_or_else(|| section.missing("size"))?;
        let stride = pair_of(section, "stride")?.unwrap_or([1; 2]);
        let dilation = pair_of(section, "dilation")?.unwrap_or([1; 2]);
        let [top, bottom, left, right] = sides_of(section, "padding")?.unwrap_or([0; 4]);
        let axis = |way: usize, before, after| WindowAxis {
            size: size[way],
            stride: stride[way],
            dilation: dilation[way],
            before,
            after,
        };
        Ok(Self {
            filters,
            rows: axis(0, top, bottom),
            columns: axis(1, left, right),
            rounding: section.choice("rounding", &ROUNDINGS)?.unwrap_or_default(),
            groups: section.or("groups", 1)?,
        })
    }

    pub(crate) fn write(&self, table: &mut Table) {
        let Self { filters, rows, columns, rounding, groups } = *self;
        put(table, "filters", whole(filters));
        put_pair(table, "size", [rows.size, columns.size]);
        put_pair(table, "stride", [rows.stride, columns.stride]);
        put_pair(table, "dilation", [rows.dilation, columns.dilation]);
        put_sides(table, "padding", [rows.before, rows.after, columns.before, columns.after]);
        put(table, "rounding", word(&ROUNDINGS, &rounding));
        put(table, "groups", whole(groups));
    }
}
