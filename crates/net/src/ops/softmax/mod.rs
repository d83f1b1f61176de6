//! Class probabilities.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Linear, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;

/// Softmax over the classes; the loss is the cross-entropy (logistic loss) `-log p[label]`.
///
/// `p[k] = e^(x[k] - max x) / sum over j of e^(x[j] - max x)`.
///
/// # Shapes
/// input and output `classes x 1 x 1`.
///
/// # Errors
/// An input that is a map, not one value per class.
///
/// # Source
/// cuda-convnet's `softmax` and `cost.logreg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax;

const EXAMPLES: &[Example] = &[("a conv filters=4 size=3", [2, 5, 5])];

impl FromTable for Softmax {
    const TYPES: &'static [&'static str] = &["softmax"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, _: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Operation for Softmax {
    fn kind(&self) -> &'static str {
        "softmax"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let input = inputs[0];
        ShapeError::ensure(
            input == Shape::vector(input.channels),
            || "one input per class (n x 1 x 1 for n classes)".into(),
            || format!("an input of {input}"),
        )?;
        Ok(input)
    }

    fn linear(&self) -> Linear {
        Linear::Unknown
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        format!("probabilities of {} classes", inputs[0].channels)
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::Values)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::SoftmaxLayer { classes: context.output.channels }))
    }
}
