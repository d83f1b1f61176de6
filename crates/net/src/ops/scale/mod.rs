//! A learnt factor and offset a channel.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Learning, Operation, ParameterSpec, Role, ShapeError};
use crate::error::Error;
use crate::init::{Fan, Init};
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::put;
use toml::Table;

/// Every channel multiplied by a learnt weight and shifted by a learnt bias.
///
/// `y[c,i,j] = weight[c] x[c,i,j] + bias[c]`.
///
/// # Shapes
/// Output as input; weight and bias `[c]`.
///
/// # Errors
/// Neither weight nor bias.
///
/// # Source
/// Touvron and others, "Going deeper with image transformers", 2021, for its layer scale; Caffe's `Scale` and `Bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// A factor per channel is learnt.
    pub weight: bool,
    /// Initialisation and learning of what is learnt.
    pub learning: Learning,
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb scale init={type=\"uniform\",limit=1.0}", [2, 6, 5]),
    ("a scale bias=false init={type=\"constant\",value=0.5}\nb conv filters=8 size=3\nc scale weight=false", [3, 6, 5]),
];

impl FromTable for Scale {
    const TYPES: &'static [&'static str] = &["scale"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self {
            weight: section.or("weight", true)?,
            learning: Learning::read(section, Init::Constant { value: 1.0 })?,
        })
    }
}

impl Operation for Scale {
    fn kind(&self) -> &'static str {
        "scale"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let is_any = self.weight || self.learning.bias;
        ShapeError::ensure(is_any, || "a weight or a bias".into(), || "neither".into())?;
        Ok(inputs[0])
    }

    fn parameters(&self, _: &[Shape], output: Shape) -> Vec<ParameterSpec> {
        let (channels, fan) = (output.channels, Fan { inputs: 1, outputs: 1 });
        let weight = self.weight.then(|| self.learning.weight(vec![channels], fan));
        weight.into_iter().chain(self.learning.bias(vec![channels], fan)).collect()
    }

    fn channel_gain(&self, value: &dyn Fn(Role) -> Option<f32>) -> f32 {
        value(Role::Weight).unwrap_or(1.0)
    }

    fn describe(&self, _: &[Shape]) -> String {
        match (self.weight, self.learning.bias) {
            (true, true) => "weight and bias a channel",
            (true, false) => "weight a channel",
            _ => "bias a channel",
        }
        .to_owned()
    }

    fn write(&self, table: &mut Table) {
        put(table, "weight", self.weight);
        self.learning.write(table);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::ScaleLayer::new(context.output.activation.shape.channels))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::ScaleLayer { input: context.output }))
    }
}
