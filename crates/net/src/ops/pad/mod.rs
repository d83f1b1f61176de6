//! A border around the maps.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::receptive_field::Field;
use super::{Example, FromTable, Operation, ShapeError, WindowAxis};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::pair::{put_sides, sides_of};
use crate::table::write::{put, short};
use toml::Table;

/// The input with a border of one value.
///
/// `y[c,i,j] = x[c,i - top,j - left]` inside, `value` in the border.
///
/// # Shapes
/// input `c x h x w`, output `c x (top + h + bottom) x (left + w + right)`.
///
/// # Errors
/// A border of no pixels, or one wider than 1,000.
///
/// # Source
/// `PyTorch`'s `pad` with a constant; `TensorFlow`'s "same" convolutions, whose padding is uneven.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pad {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
    /// What is there.
    pub value: f32,
}

/// Pixels of a border.
const MAX_PIXELS: usize = 1000;

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb pad padding=[0,1,2,3]\nc conv filters=5 size=3", [2, 6, 5]),
    ("a pad padding=1 value=-0.5\nb pool pool=\"max\" size=3 stride=2", [3, 5, 5]),
];

impl FromTable for Pad {
    const TYPES: &'static [&'static str] = &["pad"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        let sides = sides_of(section, "padding")?;
        let [top, bottom, left, right] = sides.ok_or_else(|| section.missing("padding"))?;
        Ok(Self { top, bottom, left, right, value: section.or("value", 0.0)? as f32 })
    }
}

impl Operation for Pad {
    fn kind(&self) -> &'static str {
        "pad"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let Self { top, bottom, left, right, .. } = *self;
        let (widest, input) = (top.max(bottom).max(left).max(right), inputs[0]);
        ShapeError::ensure(
            (1..=MAX_PIXELS).contains(&widest),
            || format!("a border of 1 to {MAX_PIXELS} pixels"),
            || format!("{widest}"),
        )?;
        Ok(Shape::new(input.channels, top + input.height + bottom, left + input.width + right))
    }

    fn receptive_field(&self, field: Field, _: Shape) -> Field {
        let axis = |before, after| WindowAxis { size: 1, stride: 1, dilation: 1, before, after };
        field.through_windows(axis(self.top, self.bottom), axis(self.left, self.right))
    }

    fn describe(&self, _: &[Shape]) -> String {
        let Self { top, bottom, left, right, value } = *self;
        format!("border of {value}: {top} above, {bottom} below, {left} left, {right} right")
    }

    fn write(&self, table: &mut Table) {
        put_sides(table, "padding", [self.top, self.bottom, self.left, self.right]);
        put(table, "value", short(self.value));
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::PadLayer { pad: *self, input: context.inputs[0], output: context.output }))
    }
}
