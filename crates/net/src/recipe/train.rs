//! `[train]`

use crate::error::Error;
use crate::optimiser::{Optimiser, OptimiserSettings, Rates};
use crate::table::section::{Scope, Section};
use crate::table::tree::{Node, Value};

/// How the network learns.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainRecipe {
    /// Images a minibatch.
    pub batch: usize,
    /// The schedule: one stage after the other.
    pub stages: Vec<Stage>,
    /// The optimiser and its settings.
    pub optimiser: OptimiserSettings,
    /// Share of the loss that smooths the targets towards uniform.
    pub label_smoothing: f64,
    /// To what the factors of matrix products are rounded where the device can save time by it.
    pub precision: Precision,
    /// Order of the images.
    pub shuffle: Shuffle,
    /// Seed of everything random, unless the command line gives one.
    pub seed: u64,
}

/// A stretch of epochs at one learning rate, or over which it goes to another, step by step.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// How many epochs; may be a fraction.
    pub epochs: f64,
    /// Learning rates at its begin.
    pub rate: Rates,
    /// Learning rates to which it leads; the next stage begins there.
    pub end_rate: Rates,
    /// How it leads there.
    pub curve: Curve,
}

/// How a learning rate goes from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// In a straight line.
    Linear,
    /// Along half a cosine: slowly, fast, slowly.
    Cosine,
}

impl Stage {
    /// Whether the rates stay what they are.
    pub fn is_constant(&self) -> bool {
        self.rate == self.end_rate
    }

    /// The rates after a share of the stage.
    fn at(&self, share: f64) -> Rates {
        let share = match self.curve {
            Curve::Linear => share,
            Curve::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * share).cos(),
        };
        let between = |from: f64, to: f64| from + (to - from) * share;
        Rates {
            weight: between(self.rate.weight, self.end_rate.weight),
            bias: between(self.rate.bias, self.end_rate.bias),
        }
    }
}

/// To what the factors of a matrix product are rounded; sums are in single precision always. A CPU
/// computes in single precision whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Not at all: single precision.
    #[default]
    Float32,
    /// 10 bits of mantissa, the exponent of single precision.
    Tf32,
    /// 7 bits of mantissa, the exponent of single precision.
    Bf16,
}

/// Order in which images are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shuffle {
    /// A new order every epoch.
    Epoch,
    /// One random order for all epochs.
    Once,
    /// The corpus' order.
    None,
}

pub(super) const OPTIMISERS: [(&str, Optimiser); 6] = [
    ("cuda-convnet", Optimiser::CudaConvnet),
    ("pytorch", Optimiser::Pytorch),
    ("nesterov", Optimiser::Nesterov),
    ("adagrad", Optimiser::AdaGrad),
    ("adamw", Optimiser::AdamW),
    ("muon", Optimiser::Muon),
];

pub(super) const PRECISIONS: [(&str, Precision); 3] =
    [("float32", Precision::Float32), ("tf32", Precision::Tf32), ("bf16", Precision::Bf16)];

pub(super) const CURVES: [(&str, Curve); 2] = [("linear", Curve::Linear), ("cosine", Curve::Cosine)];

pub(super) const SHUFFLES: [(&str, Shuffle); 3] =
    [("epoch", Shuffle::Epoch), ("once", Shuffle::Once), ("none", Shuffle::None)];

impl TrainRecipe {
    /// Epochs of all stages together.
    pub fn epochs(&self) -> f64 {
        self.stages.iter().map(|stage| stage.epochs).sum()
    }

    /// Steps of all stages together.
    pub fn total_steps(&self, steps_per_epoch: u64) -> u64 {
        self.first_steps(steps_per_epoch).last().copied().unwrap_or(0)
    }

    /// The steps with which the stages begin, and the one past the last stage.
    pub fn first_steps(&self, steps_per_epoch: u64) -> Vec<u64> {
        let mut epochs = 0.0;
        let mut steps = vec![0];
        for stage in &self.stages {
            epochs += stage.epochs;
            steps.push((epochs * steps_per_epoch as f64).round() as u64);
        }
        steps
    }

    /// The learning rates of the step that follows `step` updates; past the last stage, those to
    /// which it led.
    pub fn rates(&self, step: u64, steps_per_epoch: u64) -> Rates {
        let bounds = self.first_steps(steps_per_epoch);
        let found = self.stages.iter().zip(bounds.windows(2)).find(|(_, bounds)| step < bounds[1]);
        match (found, self.stages.last()) {
            (Some((stage, bounds)), _) => stage.at((step - bounds[0]) as f64 / (bounds[1] - bounds[0]) as f64),
            (None, Some(stage)) => stage.end_rate,
            (None, None) => Rates { weight: 0.0, bias: 0.0 },
        }
    }

    pub(crate) fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let rule = "a number, 0 or more,";
        let positive = |value: &f64| *value >= 0.0;
        let below_one = |value: &f64| (0.0..1.0).contains(value);
        let batch = section.checked("batch", "a whole number, 1 or more,", |batch| *batch > 0)?;
        let stages = section.node("stages");
        let kind = section.choice("optimiser", &OPTIMISERS)?.unwrap_or(Optimiser::CudaConvnet);
        let epsilon = if kind == Optimiser::AdaGrad { 1e-10 } else { 1e-8 };
        let train = Self {
            batch: batch.unwrap_or(128),
            stages: match stages {
                Some(node) => read_stages(section.scope, node)?,
                None => return Err(section.missing("stages")),
            },
            optimiser: OptimiserSettings {
                kind,
                beta2: section.checked("beta2", "a number from 0 to below 1", below_one)?.unwrap_or(0.999),
                epsilon: section.checked("epsilon", "a number above 0", |value| *value > 0.0)?.unwrap_or(epsilon),
                momentum: section.checked("momentum", "a number from 0 to below 1", below_one)?.unwrap_or(0.9),
                decay: section.checked("decay", rule, positive)?.unwrap_or(0.0),
                bias_decay: section.checked("bias_decay", rule, positive)?.unwrap_or(0.0),
            },
            label_smoothing: section
                .checked("label_smoothing", "a number from 0 to below 1", below_one)?
                .unwrap_or(0.0),
            precision: section.choice("precision", &PRECISIONS)?.unwrap_or_default(),
            shuffle: section.choice("shuffle", &SHUFFLES)?.unwrap_or(Shuffle::Epoch),
            seed: section.or("seed", 1)?,
        };
        section.finish()?;
        Ok(train)
    }
}

fn read_stages(scope: Scope<'_>, node: &Node) -> Result<Vec<Stage>, Error> {
    let items = match &node.value {
        Value::List(items) if !items.is_empty() => items,
        other => {
            let expected = "at least one stage, as in stages = [{ epochs = 8, rate = 0.001 }]";
            return Err(scope.error(&node.place, expected, other.describe()));
        }
    };
    items.iter().map(|item| read_stage(Section::open(scope, "a stage of `stages`", item)?)).collect()
}

fn read_stage(mut section: Section<'_>) -> Result<Stage, Error> {
    let rule = "a number, 0 or more,";
    let positive = |value: &f64| *value >= 0.0;
    let length = |epochs: &f64| (0.0..=1e6).contains(epochs);
    let epochs = section.checked("epochs", "a number from 0 to 1,000,000", length)?;
    let epochs = epochs.ok_or_else(|| section.missing("epochs"))?;
    let weight = section.checked("rate", rule, positive)?;
    let weight = weight.ok_or_else(|| section.missing("rate"))?;
    let bias = section.checked("bias_rate", rule, positive)?.unwrap_or(weight);
    let end_weight = section.checked("end_rate", rule, positive)?.unwrap_or(weight);
    // Where it is not given, the biases' rate keeps its proportion to the weights'.
    let proportional = if weight > 0.0 { bias * (end_weight / weight) } else { end_weight };
    let end_bias = section.checked("end_bias_rate", rule, positive)?;
    let end_bias = end_bias.unwrap_or(if end_weight.to_bits() == weight.to_bits() { bias } else { proportional });
    let stage = Stage {
        epochs,
        rate: Rates { weight, bias },
        end_rate: Rates { weight: end_weight, bias: end_bias },
        curve: section.choice("curve", &CURVES)?.unwrap_or(Curve::Linear),
    };
    section.finish()?;
    Ok(stage)
}
