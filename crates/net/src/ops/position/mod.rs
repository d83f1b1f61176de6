//! A learnt value for every pixel and channel.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Learning, Operation, ParameterSpec, ShapeError};
use crate::error::Error;
use crate::init::{Fan, Init};
use crate::shape::Shape;
use crate::table::Section;
use toml::Table;

/// Adds a learnt value to every channel of every pixel: a position embedding.
///
/// `y[c,i,j] = x[c,i,j] + weight[i w + j,c]`.
///
/// # Shapes
/// Output as input, `c x h x w`; weight `[h w, c]`.
///
/// # Errors
/// None.
///
/// # Source
/// Dosovitskiy and others, "An image is worth 16x16 words", 2021.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// Initialisation and learning of the values.
    pub learning: Learning,
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb position init={type=\"uniform\",limit=1.0}", [2, 6, 5]),
    ("a position init={type=\"normal\",std=0.5}\nb conv filters=8 size=3 padding=1\nc position", [3, 4, 5]),
];

impl FromTable for Position {
    const TYPES: &'static [&'static str] = &["position"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self { learning: Learning::read_weight(section, Init::Normal { std: 0.02 })? })
    }
}

impl Operation for Position {
    fn kind(&self) -> &'static str {
        "position"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(inputs[0])
    }

    fn parameters(&self, _: &[Shape], output: Shape) -> Vec<ParameterSpec> {
        let shape = vec![output.height * output.width, output.channels];
        vec![self.learning.weight(shape, Fan { inputs: 1, outputs: 1 })]
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        format!("a learnt value for each of {} x {} pixels and channel", inputs[0].height, inputs[0].width)
    }

    fn write(&self, table: &mut Table) {
        self.learning.write_weight(table);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::PositionLayer::new(context.output.activation.shape))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::PositionLayer { input: context.output }))
    }
}
