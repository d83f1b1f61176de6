//! Layers stacked along the channels.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;

/// Inputs stacked along the channels, in the order they are named.
///
/// `y = [x_0; x_1; ...]`.
///
/// # Shapes
/// inputs `c_i x h x w`, output `(sum of c_i) x h x w`.
///
/// # Errors
/// Inputs that differ in height or width.
///
/// # Source
/// cuda-convnet2's `concat`, for maps of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat;

/// The first channel of every input in the output.
pub(crate) fn first_channels(inputs: impl Iterator<Item = Shape>) -> Vec<usize> {
    inputs
        .scan(0, |next, shape| {
            let first = *next;
            *next += shape.channels;
            Some(first)
        })
        .collect()
}

const EXAMPLES: &[Example] = &[(
    "a conv filters=6 size=3 padding=1\nb conv filters=5 size=3 padding=1 inputs=[\"data\"]\nc concat inputs=[\"a\",\"b\",\"a\"]\nd conv filters=7 size=3",
    [2, 5, 6],
)];

impl FromTable for Concat {
    const TYPES: &'static [&'static str] = &["concat"];

    const TAKES_SEVERAL_INPUTS: bool = true;

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, _: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Operation for Concat {
    fn kind(&self) -> &'static str {
        "concat"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let first = inputs[0];
        for shape in inputs {
            ShapeError::ensure(
                (shape.height, shape.width) == (first.height, first.width),
                || format!("inputs of one height and width ({first}, as the first)"),
                || format!("{shape}"),
            )?;
        }
        let channels = inputs.iter().map(|shape| shape.channels).sum();
        Ok(Shape::new(channels, first.height, first.width))
    }

    fn source_channel(&self, inputs: &[Shape], channel: usize) -> Option<(usize, usize)> {
        let mut left = channel;
        for (input, shape) in inputs.iter().enumerate() {
            if left < shape.channels {
                return Some((input, left));
            }
            left -= shape.channels;
        }
        None
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        format!("{} layers stacked", inputs.len())
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        let shapes = context.inputs.iter().map(|slot| slot.activation.shape);
        Box::new(cpu::ConcatLayer { first: first_channels(shapes) })
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        let first = first_channels(context.inputs.iter().copied());
        Ok(Box::new(cuda::ConcatLayer { inputs: context.inputs.to_vec(), first, output: context.output }))
    }
}
