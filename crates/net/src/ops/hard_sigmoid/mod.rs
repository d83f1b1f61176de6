//! The hard sigmoid.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, InPlaceLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use std::sync::Arc;

/// The hard sigmoid: a line from 0 to 1, a logistic without exponentials.
///
/// `y = min(6, max(0, x + 3)) / 6`; derivative 1 / 6 where `0 < y < 1`, else 0.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// None.
///
/// # Source
/// Howard and others, "Searching for `MobileNetV3`", 2019; `PyTorch`'s `Hardsigmoid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardSigmoid;

const EXAMPLES: &[Example] =
    &[("a conv filters=9 size=3\nb hard_sigmoid\nc full outputs=6", [2, 6, 5]), ("a hard_sigmoid", [3, 4, 5])];

impl FromTable for HardSigmoid {
    const TYPES: &'static [&'static str] = &["hard_sigmoid"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, _: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Operation for HardSigmoid {
    fn kind(&self) -> &'static str {
        "hard_sigmoid"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(inputs[0])
    }

    fn is_nonlinearity(&self) -> bool {
        true
    }

    fn describe(&self, _: &[Shape]) -> String {
        "hard sigmoid".to_owned()
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::Values)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cpu_in_place(&self) -> Option<Arc<dyn InPlaceLayer>> {
        Some(Arc::new(*self))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::HardSigmoidLayer { values: context.output.len() }))
    }
}
