//! Weighted sum of layers.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::put;
use toml::Table;

/// Weighted sum of equal-sized inputs.
///
/// `y = sum over i of coefficients[i] x_i`.
///
/// # Shapes
/// All inputs and the output alike.
///
/// # Errors
/// Inputs that differ in shape, or not one coefficient an input.
///
/// # Source
/// cuda-convnet's `eltsum`.
#[derive(Clone, Debug, PartialEq)]
pub struct Add {
    /// One factor per input.
    pub coefficients: Vec<f64>,
}

impl Add {
    pub(crate) fn factors(&self) -> Vec<f32> {
        self.coefficients.iter().map(|value| *value as f32).collect()
    }
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=4 size=3\nb batch_norm weight=false bias=false\nc gelu\nd add inputs=[\"a\",\"c\"]", [3, 6, 5]),
    (
        "a conv filters=6 size=3 padding=1\nb conv filters=6 size=3 padding=1\nc add inputs=[\"a\",\"b\"] coefficients=[1.0,-0.5]\nr relu",
        [2, 5, 6],
    ),
    (
        "a conv filters=6 size=3 padding=1\nr relu\nb conv filters=6 size=3 padding=1\nc add inputs=[\"r\",\"b\"]\nd relu\ne pool pool=\"average\" size=2 stride=2",
        [2, 6, 6],
    ),
];

impl FromTable for Add {
    const TYPES: &'static [&'static str] = &["add"];

    const TAKES_SEVERAL_INPUTS: bool = true;

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, inputs: usize) -> Result<Self, Error> {
        Ok(Self { coefficients: section.or("coefficients", vec![1.0; inputs])? })
    }
}

impl Operation for Add {
    fn kind(&self) -> &'static str {
        "add"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::ensure(
            self.coefficients.len() == inputs.len(),
            || format!("{} coefficients, one an input", inputs.len()),
            || format!("{}", self.coefficients.len()),
        )?;
        let first = inputs[0];
        for shape in inputs {
            ShapeError::ensure(
                *shape == first,
                || format!("inputs of one shape ({first}, as the first)"),
                || format!("{shape}"),
            )?;
        }
        Ok(first)
    }

    /// Its factors are part of what it computes, also where there is one input.
    fn source_channel(&self, _: &[Shape], _: usize) -> Option<(usize, usize)> {
        None
    }

    fn input_factor(&self, input: usize) -> Option<f32> {
        self.coefficients.get(input).map(|value| *value as f32)
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        format!("weighted sum of {} layers", inputs.len())
    }

    fn write(&self, table: &mut Table) {
        put(table, "coefficients", self.coefficients.clone());
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::AddLayer { factors: self.factors() })
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::AddLayer { factors: self.factors(), values: context.output.len() }))
    }
}
