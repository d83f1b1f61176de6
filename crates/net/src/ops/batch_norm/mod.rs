//! Batch normalisation.

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

/// Batch normalisation: every channel brought to mean 0 and variance 1, then scaled and shifted.
///
/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`. While training, mean and (biased)
/// variance are those of the channel over the minibatch and all its pixels, and the gradient goes
/// through them; otherwise they are the running ones that the snapshot holds, which every step moves
/// by `running_momentum` towards the minibatch's mean and unbiased variance.
///
/// # Shapes
/// Output as input; weight, bias, `running_mean` and `running_var` `[c]`.
///
/// # Errors
/// An epsilon that is not above 0.
///
/// # Source
/// Ioffe and Szegedy, "Batch normalization", 2015; statistics and names as `PyTorch`'s `BatchNorm2d`.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub epsilon: f64,
    /// How far a step moves the running statistics towards the minibatch's.
    pub running_momentum: f64,
    /// A factor per channel is learnt.
    pub weight: bool,
    /// Initialisation and learning of what is learnt.
    pub learning: Learning,
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb batch_norm", [2, 6, 5]),
    (
        "a batch_norm weight=false\nb conv filters=8 size=3 bias=false\nc batch_norm bias=false epsilon=0.1\nr relu",
        [3, 6, 5],
    ),
];

impl FromTable for BatchNorm {
    const TYPES: &'static [&'static str] = &["batch_norm"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        let share = |value: &f64| (0.0..=1.0).contains(value);
        let momentum = section.checked("running_momentum", "a number from 0 to 1", share)?;
        Ok(Self {
            epsilon: section.or("epsilon", 1e-5)?,
            running_momentum: momentum.unwrap_or(0.1),
            weight: section.or("weight", true)?,
            learning: Learning::read(section, Init::Constant { value: 1.0 })?,
        })
    }
}

impl Operation for BatchNorm {
    fn kind(&self) -> &'static str {
        "batch_norm"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::ensure(self.epsilon > 0.0, || "an epsilon above 0".into(), || format!("{}", self.epsilon))?;
        Ok(inputs[0])
    }

    fn parameters(&self, _: &[Shape], output: Shape) -> Vec<ParameterSpec> {
        let (channels, fan) = (output.channels, Fan { inputs: 1, outputs: 1 });
        let weight = self.weight.then(|| self.learning.weight(vec![channels], fan));
        let bias = self.learning.bias(vec![channels], fan);
        let statistics = [(Role::RunningMean, 0.0), (Role::RunningVariance, 1.0)];
        let statistic = |(role, start)| ParameterSpec::statistic(role, channels, start, self.running_momentum);
        weight.into_iter().chain(bias).chain(statistics.map(statistic)).collect()
    }

    fn channel_gain(&self, value: &dyn Fn(Role) -> Option<f32>) -> f32 {
        let variance = f64::from(value(Role::RunningVariance).unwrap_or(1.0));
        (f64::from(value(Role::Weight).unwrap_or(1.0)) / (variance + self.epsilon).sqrt()) as f32
    }

    fn is_channelwise(&self) -> bool {
        true
    }

    fn describe(&self, _: &[Shape]) -> String {
        "batch normalisation".to_owned()
    }

    fn write(&self, table: &mut Table) {
        put(table, "epsilon", self.epsilon);
        put(table, "running_momentum", self.running_momentum);
        put(table, "weight", self.weight);
        self.learning.write(table);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::BatchNormLayer::new(self, context))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::BatchNormLayer::new(self, context)?))
    }
}
