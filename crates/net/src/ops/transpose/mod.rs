//! Channels and pixels that change places.

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

/// Every pixel becomes a channel, and every channel a pixel; pixels are numbered row by row.
///
/// `y[p,c] = x[c,p]`.
///
/// # Shapes
/// input `c x h x w`, output `h w x height x width` with `height width = c`, by default `h w x c x 1`.
///
/// # Errors
/// Height and width whose product is not the number of channels.
///
/// # Source
/// Tolstikhin and others, "MLP-Mixer", 2021, whose token mixing works along the pixels; `PyTorch`'s `transpose`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transpose {
    /// Rows of the output.
    pub height: usize,
    /// Columns of the output.
    pub width: usize,
}

const EXAMPLES: &[Example] = &[
    (
        "a conv filters=9 size=3\nb transpose height=9\nc conv filters=5 size=1\nd transpose height=5\ne conv filters=4 size=1",
        [2, 6, 5],
    ),
    ("a conv filters=12 size=3\nb transpose height=4 width=3\nc conv filters=5 size=2", [3, 4, 5]),
];

impl FromTable for Transpose {
    const TYPES: &'static [&'static str] = &["transpose"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self { height: section.required("height")?, width: section.or("width", 1)? })
    }
}

impl Operation for Transpose {
    fn kind(&self) -> &'static str {
        "transpose"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let (Self { height, width }, input) = (*self, inputs[0]);
        ShapeError::ensure(
            height.checked_mul(width) == Some(input.channels),
            || format!("as many pixels as the input has channels, {}", input.channels),
            || format!("{height} x {width}"),
        )?;
        Ok(Shape::new(input.height * input.width, height, width))
    }

    fn receptive_field(&self, _: Field, input: Shape) -> Field {
        Field::whole(input)
    }

    /// Back to pixels from channels that were pixels.
    fn grid(&self, inputs: &[(Shape, Option<Grid>)], output: Shape) -> Option<Grid> {
        inputs.iter().all(|(_, grid)| grid.is_none()).then_some(Grid::of(output))
    }

    fn source_channel(&self, _: &[Shape], _: usize) -> Option<(usize, usize)> {
        None
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        let Shape { channels, height, width } = inputs[0];
        format!("{channels} channels become pixels, {height} x {width} pixels become channels")
    }

    fn write(&self, table: &mut Table) {
        put(table, "height", whole(self.height));
        put(table, "width", whole(self.width));
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::TransposeLayer { input: context.inputs[0] }))
    }
}
