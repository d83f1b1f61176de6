//! `[train]`

use crate::error::Error;
use crate::optimiser::{Optimiser, OptimiserSettings, Rates};
use crate::table::section::{Scope, Section};
use crate::table::tree::{Node, Value};
use crate::training_spec::{Curve, Precision, Schedule, Shuffle, Stage, TrainingSpec};

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

impl TrainingSpec {
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
            schedule: match stages {
                Some(node) => Schedule { stages: read_stages(section.scope, node)? },
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
            return Err(scope.error(&node.location, expected, other.describe()));
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
