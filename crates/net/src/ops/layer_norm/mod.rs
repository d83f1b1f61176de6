//! Layer normalisation over the channels.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Learning, Linear, Operation, ParameterSpec, ShapeError};
use crate::error::Error;
use crate::init::{Fan, Init};
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::put;
use toml::Table;

/// Layer normalisation over the channels: every pixel's channels brought to mean 0 and variance 1, then scaled and shifted.
///
/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`, mean and (biased) variance being those of one pixel's
/// channels, while training and otherwise.
///
/// # Shapes
/// Output as input; weight and bias `[c]`.
///
/// # Errors
/// An epsilon that is not above 0.
///
/// # Source
/// Ba, Kiros and Hinton, "Layer normalization", 2016; `PyTorch`'s `LayerNorm(c)` of channels-last maps, `ConvNeXt`'s
/// `LayerNorm2d`.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// Added to the variance.
    pub epsilon: f64,
    /// A factor per channel is learnt.
    pub weight: bool,
    /// Initialisation and learning of what is learnt.
    pub learning: Learning,
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb layer_norm", [2, 6, 5]),
    ("a layer_norm weight=false\nb conv filters=8 size=3\nc layer_norm bias=false epsilon=0.1\nr relu", [3, 6, 5]),
];

impl FromTable for LayerNorm {
    const TYPES: &'static [&'static str] = &["layer_norm"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self {
            epsilon: section.or("epsilon", 1e-5)?,
            weight: section.or("weight", true)?,
            learning: Learning::read(section, Init::Constant { value: 1.0 })?,
        })
    }
}

impl Operation for LayerNorm {
    fn kind(&self) -> &'static str {
        "layer_norm"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::ensure(self.epsilon > 0.0, || "an epsilon above 0".into(), || format!("{}", self.epsilon))?;
        Ok(inputs[0])
    }

    fn parameters(&self, _: &[Shape], output: Shape) -> Vec<ParameterSpec> {
        let (channels, fan) = (output.channels, Fan { inputs: 1, outputs: 1 });
        let weight = self.weight.then(|| self.learning.weight(vec![channels], fan));
        weight.into_iter().chain(self.learning.bias(vec![channels], fan)).collect()
    }

    fn linear(&self) -> Linear {
        Linear::Input
    }

    fn describe(&self, _: &[Shape]) -> String {
        "layer normalisation over channels".to_owned()
    }

    fn write(&self, table: &mut Table) {
        put(table, "epsilon", self.epsilon);
        put(table, "weight", self.weight);
        self.learning.write(table);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::LayerNormLayer::new(self.epsilon, context.output.activation.shape.channels))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::LayerNormLayer::new(self.epsilon, context)?))
    }
}
