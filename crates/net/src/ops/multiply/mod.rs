//! Product of two layers.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, Field, FromTable, Linear, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;

/// Product of two inputs, value by value; one of 1 x 1 pixels multiplies every pixel of the other.
///
/// `y[c,i,j] = a[c,i,j] b[c,i,j]`, or `a[c,i,j] b[c,0,0]`.
///
/// # Shapes
/// inputs `c x h x w` both, or one of them `c x 1 x 1`; output `c x h x w`.
///
/// # Errors
/// Not two inputs, or inputs of other shapes.
///
/// # Source
/// Hu, Shen and Sun, "Squeeze-and-excitation networks", 2018, for the gates; `PyTorch`'s `mul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiply;

const EXAMPLES: &[Example] = &[
    (
        "a conv filters=9 size=3 padding=1\np global_average\nq full outputs=9\ns logistic\ng multiply inputs=[\"a\",\"s\"]\nr relu",
        [2, 6, 5],
    ),
    ("a conv filters=6 size=3\nb tanh\nc multiply inputs=[\"b\",\"a\"]", [2, 6, 5]),
    ("a conv filters=5 size=3\np global_average\ng multiply inputs=[\"p\",\"a\"]", [2, 6, 5]),
];

impl FromTable for Multiply {
    const TYPES: &'static [&'static str] = &["multiply"];

    const TAKES_SEVERAL_INPUTS: bool = true;

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, _: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Operation for Multiply {
    fn kind(&self) -> &'static str {
        "multiply"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let &[a, b] = inputs else {
            return Err(ShapeError { expected: "two inputs".into(), found: inputs.len().to_string() });
        };
        let is_single = |shape: Shape| shape == Shape::vector(shape.channels);
        ShapeError::ensure(
            a.channels == b.channels && (a == b || is_single(a) || is_single(b)),
            || format!("a second input of {a}, as the first, or one of them with 1 x 1 pixels and as many channels"),
            || format!("{b}"),
        )?;
        Ok(if is_single(a) { b } else { a })
    }

    fn receptive_field(&self, field: Field, input: Shape) -> Field {
        if input == Shape::vector(input.channels) { Field::whole(input) } else { field }
    }

    fn linear(&self) -> Linear {
        Linear::Unknown
    }

    fn describe(&self, _: &[Shape]) -> String {
        "product of two layers".to_owned()
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::MultiplyLayer { inputs: context.inputs.to_vec(), output: context.output }))
    }
}
