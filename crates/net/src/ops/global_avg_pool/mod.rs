//! The mean of every map.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, Field, FromTable, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;

/// The mean of every map over all its pixels.
///
/// `y[c] = 1 / (h w) * sum over i,j of x[c,i,j]`.
///
/// # Shapes
/// input `c x h x w`, output `c x 1 x 1`.
///
/// # Errors
/// None.
///
/// # Source
/// Lin, Chen and Yan, "Network in network", 2013; `PyTorch`'s `AdaptiveAvgPool2d(1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalAvgPool;

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3 padding=1\nb global_average", [2, 6, 5]),
    ("a global_average", [3, 4, 5]),
    ("a global_average", [9, 17, 16]),
    ("a global_average", [3, 300, 1]),
    ("a conv filters=6 size=3\nb global_average\nr relu", [2, 5, 6]),
];

impl FromTable for GlobalAvgPool {
    const TYPES: &'static [&'static str] = &["global_average"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, _: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Operation for GlobalAvgPool {
    fn kind(&self) -> &'static str {
        "global_average"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(Shape::vector(inputs[0].channels))
    }

    fn receptive_field(&self, _: Field, input: Shape) -> Field {
        Field::whole(input)
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        format!("mean of {} x {} pixels", inputs[0].height, inputs[0].width)
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::GlobalAvgPoolLayer { input: context.inputs[0] }))
    }
}
