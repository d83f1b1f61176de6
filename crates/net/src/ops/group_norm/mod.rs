//! Group normalisation.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Learning, Linear, Operation, ParameterSpec, ShapeError};
use crate::error::Error;
use crate::init::{Fan, Init};
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, whole};
use toml::Table;

/// Group normalisation: channels in groups; an image's values of a group brought to mean 0 and variance 1, then scaled
/// and shifted by channel.
///
/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`, mean and (biased) variance being those of the group's
/// channels at all positions of one image, while training and otherwise.
///
/// # Shapes
/// Output as input; weight and bias `[c]`.
///
/// # Errors
/// An epsilon that is not above 0, or channels that the groups do not divide.
///
/// # Source
/// Wu and He, "Group normalization", 2018; `PyTorch`'s `GroupNorm`. One group: `timm`'s `GroupNorm1`. As many groups as
/// channels: `InstanceNorm2d`.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupNorm {
    /// Groups into which the channels are split.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// A factor per channel is learnt.
    pub weight: bool,
    /// Initialisation and learning of what is learnt.
    pub learning: Learning,
}

// Never one group a channel right behind a layer with biases: their gradient would be rounding errors alone.
const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb group_norm groups=3", [2, 6, 5]),
    (
        "a group_norm groups=1 weight=false\nb conv filters=8 size=3\nc group_norm groups=2 bias=false epsilon=0.1\nr relu",
        [3, 6, 5],
    ),
];

impl FromTable for GroupNorm {
    const TYPES: &'static [&'static str] = &["group_norm"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self {
            groups: section.required("groups")?,
            epsilon: section.or("epsilon", 1e-5)?,
            weight: section.or("weight", true)?,
            learning: Learning::read(section, Init::Constant { value: 1.0 })?,
        })
    }
}

impl Operation for GroupNorm {
    fn kind(&self) -> &'static str {
        "group_norm"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::ensure(self.epsilon > 0.0, || "an epsilon above 0".into(), || format!("{}", self.epsilon))?;
        let channels = inputs[0].channels;
        ShapeError::ensure(
            self.groups > 0 && channels.is_multiple_of(self.groups),
            || "groups that divide the channels".into(),
            || format!("{channels} channels and {} groups", self.groups),
        )?;
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
        format!("group normalisation, groups {}", self.groups)
    }

    fn write(&self, table: &mut Table) {
        put(table, "groups", whole(self.groups));
        put(table, "epsilon", self.epsilon);
        put(table, "weight", self.weight);
        self.learning.write(table);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::GroupNormLayer::new(self, context.output.activation.shape.channels))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::GroupNormLayer::new(self, context)?))
    }
}
