//! The hard swish.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;

/// The hard swish: x times a line from 0 to 1, a silu without exponentials.
///
/// `y = x min(6, max(0, x + 3)) / 6`; derivative 0 where `x <= -3`, 1 where `x >= 3`, else `x / 3 + 1 / 2`.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// None.
///
/// # Source
/// Howard and others, "Searching for `MobileNetV3`", 2019; `PyTorch`'s `Hardswish`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardSwish;

const EXAMPLES: &[Example] =
    &[("a conv filters=9 size=3\nb hard_swish\nc full outputs=6", [2, 6, 5]), ("a hard_swish", [3, 4, 5])];

impl FromTable for HardSwish {
    const TYPES: &'static [&'static str] = &["hard_swish"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, _: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Operation for HardSwish {
    fn kind(&self) -> &'static str {
        "hard_swish"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(inputs[0])
    }

    fn is_nonlinearity(&self) -> bool {
        true
    }

    fn describe(&self, _: &[Shape]) -> String {
        "hard swish".to_owned()
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::HardSwishLayer { values: context.output.len() }))
    }
}
