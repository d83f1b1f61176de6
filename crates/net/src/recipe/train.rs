//! `[train]`

use super::section::{Scope, Section};
use super::tree::{Node, Value};
use crate::error::Error;

/// How the network learns.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainRecipe {
    /// Images a minibatch.
    pub batch: usize,
    /// The schedule: one stage after the other.
    pub stages: Vec<Stage>,
    /// Form of the update.
    pub optimiser: Optimiser,
    /// Momentum where a layer gives none.
    pub momentum: f64,
    /// Decay of weights where a layer gives none.
    pub decay: f64,
    /// Decay of biases where a layer gives none.
    pub bias_decay: f64,
    /// Share of the loss that wants every class alike.
    pub label_smoothing: f64,
    /// Order of the images.
    pub shuffle: Shuffle,
    /// Seed of everything random, unless the command line gives one.
    pub seed: u64,
}

/// A stretch of epochs at one learning rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// How many epochs.
    pub epochs: u64,
    /// Learning rate of weights.
    pub rate: f64,
    /// Learning rate of biases.
    pub bias_rate: f64,
}

/// Form of the update; `g` is the gradient averaged over the minibatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimiser {
    /// `v <- m v - rate g - rate decay w; w <- w + v`: the rate is inside the velocity.
    CudaConvnet,
    /// `v <- m v + g + decay w; w <- w - rate v`: the rate is outside.
    Pytorch,
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

pub(super) const OPTIMISERS: [(&str, Optimiser); 2] =
    [("cuda-convnet", Optimiser::CudaConvnet), ("pytorch", Optimiser::Pytorch)];

pub(super) const SHUFFLES: [(&str, Shuffle); 3] =
    [("epoch", Shuffle::Epoch), ("once", Shuffle::Once), ("none", Shuffle::None)];

impl TrainRecipe {
    /// Epochs of all stages together.
    pub fn epochs(&self) -> u64 {
        self.stages.iter().map(|stage| stage.epochs).sum()
    }

    /// The stage of an epoch counted from 0; the last one for all epochs after it.
    pub fn stage_of(&self, epoch: u64) -> Option<&Stage> {
        let mut end = 0;
        let found = self.stages.iter().find(|stage| {
            end += stage.epochs;
            epoch < end
        });
        found.or(self.stages.last())
    }

    pub(crate) fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let rule = "a number, 0 or more,";
        let positive = |value: &f64| *value >= 0.0;
        let below_one = |value: &f64| (0.0..1.0).contains(value);
        let batch = section.checked("batch", "a whole number, 1 or more,", |batch| *batch > 0)?;
        let stages = section.node("stages");
        let train = Self {
            batch: batch.unwrap_or(128),
            stages: match stages {
                Some(node) => read_stages(section.scope, node)?,
                None => return Err(section.missing("stages")),
            },
            optimiser: section.choice("optimiser", &OPTIMISERS)?.unwrap_or(Optimiser::CudaConvnet),
            momentum: section.checked("momentum", "a number from 0 to below 1", below_one)?.unwrap_or(0.9),
            decay: section.checked("decay", rule, positive)?.unwrap_or(0.0),
            bias_decay: section.checked("bias_decay", rule, positive)?.unwrap_or(0.0),
            label_smoothing: section
                .checked("label_smoothing", "a number from 0 to below 1", below_one)?
                .unwrap_or(0.0),
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
    let rule = "a number, 0 or more,";
    let positive = |value: &f64| *value >= 0.0;
    items
        .iter()
        .map(|item| {
            let mut section = Section::open(scope, "a stage of `stages`", item)?;
            let epochs = section.checked("epochs", "a whole number up to 1,000,000", |epochs| *epochs <= 1_000_000)?;
            let rate = section.checked("rate", rule, positive)?;
            let rate = rate.ok_or_else(|| section.missing("rate"))?;
            let stage = Stage {
                epochs: epochs.ok_or_else(|| section.missing("epochs"))?,
                rate,
                bias_rate: section.checked("bias_rate", rule, positive)?.unwrap_or(rate),
            };
            section.finish()?;
            Ok(stage)
        })
        .collect()
}
