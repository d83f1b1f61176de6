//! A part of the maps.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, Field, FromTable, Grid, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, whole};
use toml::Table;

/// Some rows and columns of every map.
///
/// `y[c,i,j] = x[c,top + i,left + j]`.
///
/// # Shapes
/// input `c x h x w`, output `c x height x width`.
///
/// # Errors
/// No rows or columns, or some past the input's last.
///
/// # Source
/// `PyTorch`'s `narrow` and `select` along rows and columns; the class token of Dosovitskiy and others, "An image is worth
/// 16x16 words", 2021, is cropped like that from the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    /// The first row that is taken.
    pub top: usize,
    /// The first column that is taken.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb crop top=1 height=2 width=3\nc conv filters=5 size=2", [2, 6, 5]),
    ("a crop left=2 height=5 width=3\nb conv filters=4 size=3", [3, 6, 5]),
];

impl FromTable for Crop {
    const TYPES: &'static [&'static str] = &["crop"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self {
            top: section.or("top", 0)?,
            left: section.or("left", 0)?,
            height: section.required("height")?,
            width: section.required("width")?,
        })
    }
}

impl Operation for Crop {
    fn kind(&self) -> &'static str {
        "crop"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let (Self { top, left, height, width }, input) = (*self, inputs[0]);
        ShapeError::ensure(
            height > 0 && width > 0,
            || "at least one row and one column".into(),
            || format!("height {height}, width {width}"),
        )?;
        let fits = |first: usize, count: usize, of: usize| first.checked_add(count).is_some_and(|end| end <= of);
        ShapeError::ensure(
            fits(top, height, input.height) && fits(left, width, input.width),
            || format!("rows and columns of the input's {} x {} pixels", input.height, input.width),
            || format!("{height} rows from row {top} on, {width} columns from column {left} on"),
        )?;
        Ok(Shape::new(input.channels, height, width))
    }

    fn receptive_field(&self, field: Field, _: Shape) -> Field {
        let (top, left) = (self.top as isize, self.left as isize);
        Field { top: field.top + top, bottom: field.bottom + top, left: field.left + left, right: field.right + left }
    }

    /// Tokens of which only learnt ones are left out keep the map of the image; else it is the output's own pixels.
    fn grid(&self, inputs: &[(Shape, Option<Grid>)], output: Shape) -> Option<Grid> {
        let (input, grid) = (inputs[0].0, inputs[0].1?);
        let is_tail = self.top <= grid.learnt && self.top + self.height == input.height && self.width == input.width;
        Some(if is_tail && grid.learnt > 0 {
            Grid { learnt: grid.learnt - self.top, ..grid }
        } else {
            Grid::of(output)
        })
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        let Self { top, left, height, width } = *self;
        let (rows, columns) = (inputs[0].height, inputs[0].width);
        format!(
            "rows {top} to {} of {rows}, columns {left} to {} of {columns}",
            (top + height).saturating_sub(1),
            (left + width).saturating_sub(1)
        )
    }

    fn write(&self, table: &mut Table) {
        for (key, value) in [("top", self.top), ("left", self.left), ("height", self.height), ("width", self.width)] {
            put(table, key, whole(value));
        }
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::CropLayer { crop: *self, input: context.inputs[0], output: context.output }))
    }
}
