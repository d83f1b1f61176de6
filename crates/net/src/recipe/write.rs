//! A recipe as TOML, every key written out.

use super::data::{ALTERNATING, Flip, MEANS, MeanKind, ORDERS, PADDINGS, RANGES, STDS, StdKind, VIEWS};
use super::layer::{GELU_FORMS, RESTS, TIES};
use super::train::{CURVES, OPTIMISERS, PRECISIONS, SHUFFLES};
use super::{LayerKind, LayerRecipe, NormRecipe, Recipe, WeightRecipe, WindowRecipe};
use crate::init::Init;
use crate::ops::{Neuron, PoolKind};
use toml::{Table, Value};

pub(super) fn table(recipe: &Recipe) -> Table {
    let layers = recipe.layers.iter().map(|layer| Value::Table(entry(layer)));
    let mut table = Table::new();
    put(&mut table, "name", recipe.name.as_str());
    put(&mut table, "data", data(recipe));
    put(&mut table, "layer", layers.collect::<Vec<_>>());
    put(&mut table, "train", train(recipe));
    let mut snapshots = Table::new();
    put(&mut snapshots, "every", recipe.snapshots.every.to_string().as_str());
    put(&mut table, "snapshots", snapshots);
    table
}

fn put(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

fn whole(number: usize) -> i64 {
    number as i64
}

/// An f32 by its shortest decimal, so that 0.1 does not become 0.10000000149.
fn short(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

fn word<T: PartialEq>(choices: &[(&'static str, T)], value: &T) -> &'static str {
    let found = choices.iter().find(|(_, choice)| choice == value);
    found.map_or("", |(name, _)| name)
}

fn data(recipe: &Recipe) -> Table {
    let data = &recipe.data;
    let mut table = Table::new();
    put(&mut table, "values", word(&RANGES, &data.values));
    put(&mut table, "order", word(&ORDERS, &data.order));
    if let Some(channels) = data.channels {
        put(&mut table, "channels", whole(channels));
    }
    match &data.mean {
        MeanKind::Values(numbers) => put(&mut table, "mean", numbers.clone()),
        mean => put(&mut table, "mean", word(&MEANS, mean)),
    }
    match &data.std {
        StdKind::Values(numbers) => put(&mut table, "std", numbers.clone()),
        std => put(&mut table, "std", word(&STDS, std)),
    }
    put(&mut table, "scale", data.scale);
    if let Some(crop) = data.crop {
        put(&mut table, "crop", whole(crop));
    }
    put(&mut table, "pad", whole(data.pad));
    put(&mut table, "padding", word(&PADDINGS, &data.padding));
    match data.flip {
        Flip::None => put(&mut table, "flip", false),
        Flip::Random => put(&mut table, "flip", true),
        Flip::Alternating => put(&mut table, "flip", ALTERNATING),
    }
    if let Some(side) = data.cutout {
        put(&mut table, "cutout", whole(side));
    }
    put(&mut table, "brightness", data.brightness);
    put(&mut table, "contrast", data.contrast);
    if let Some(resize) = data.resize {
        put(&mut table, "resize", resize.to_toml());
    }
    put(&mut table, "views", word(&VIEWS, &data.views));
    table
}

fn train(recipe: &Recipe) -> Table {
    let train = &recipe.train;
    let stages = train.stages.iter().map(|stage| {
        let mut table = Table::new();
        let is_whole = stage.epochs.fract() == 0.0;
        put(&mut table, "epochs", if is_whole { Value::from(stage.epochs as i64) } else { Value::from(stage.epochs) });
        put(&mut table, "rate", stage.rate.weight);
        put(&mut table, "bias_rate", stage.rate.bias);
        put(&mut table, "end_rate", stage.end_rate.weight);
        put(&mut table, "end_bias_rate", stage.end_rate.bias);
        put(&mut table, "curve", word(&CURVES, &stage.curve));
        Value::Table(table)
    });
    let mut table = Table::new();
    put(&mut table, "batch", whole(train.batch));
    put(&mut table, "optimiser", word(&OPTIMISERS, &train.optimiser));
    put(&mut table, "momentum", train.momentum);
    put(&mut table, "beta2", train.beta2);
    put(&mut table, "epsilon", train.epsilon);
    put(&mut table, "decay", train.decay);
    put(&mut table, "bias_decay", train.bias_decay);
    put(&mut table, "label_smoothing", train.label_smoothing);
    put(&mut table, "precision", word(&PRECISIONS, &train.precision));
    put(&mut table, "shuffle", word(&SHUFFLES, &train.shuffle));
    put(&mut table, "seed", train.seed as i64);
    put(&mut table, "stages", stages.collect::<Vec<_>>());
    table
}

fn entry(layer: &LayerRecipe) -> Table {
    let mut table = Table::new();
    put(&mut table, "name", layer.name.as_str());
    put(&mut table, "type", layer.kind.name());
    put(&mut table, "inputs", layer.inputs.clone());
    settings(&mut table, &layer.kind);
    table
}

fn settings(table: &mut Table, kind: &LayerKind) {
    match kind {
        LayerKind::Conv { windows: filters, shared_bias, weights: start } => {
            windows(table, filters);
            put(table, "shared_bias", *shared_bias);
            weights(table, start);
        }
        LayerKind::Local { windows: filters, weights: start } => {
            windows(table, filters);
            weights(table, start);
        }
        LayerKind::Full { outputs, weights: start } => {
            put(table, "outputs", whole(*outputs));
            weights(table, start);
        }
        LayerKind::Pool { pool, size, stride, start, outputs, ties } => {
            let name = match pool {
                PoolKind::Max => "max",
                PoolKind::Average => "average",
            };
            put(table, "pool", name);
            put(table, "size", whole(*size));
            put(table, "stride", whole(*stride));
            put(table, "start", *start as i64);
            if let Some(outputs) = outputs {
                put(table, "outputs", whole(*outputs));
            }
            put(table, "ties", word(&TIES, ties));
        }
        LayerKind::Neuron(neuron) => self::neuron(table, *neuron),
        LayerKind::BatchNorm(norm) => {
            put(table, "epsilon", norm.epsilon);
            put(table, "running_momentum", norm.running_momentum);
            put(table, "weight", norm.weight);
            weights(table, &norm.weights);
        }
        LayerKind::ResponseNorm(settings) | LayerKind::ContrastNorm(settings) => {
            norm(table, settings);
        }
        LayerKind::CrossMapNorm { norm: settings, blocked } => {
            norm(table, settings);
            put(table, "blocked", *blocked);
        }
        LayerKind::Dropout { rate } => put(table, "rate", *rate),
        LayerKind::Add { coefficients } => put(table, "coefficients", coefficients.clone()),
        LayerKind::GlobalAverage | LayerKind::Softmax | LayerKind::Concat => {}
    }
}

fn neuron(table: &mut Table, neuron: Neuron) {
    match neuron {
        Neuron::BoundedRelu { limit } => put(table, "limit", short(limit)),
        Neuron::LeakyRelu { slope } => put(table, "slope", short(slope)),
        Neuron::Gelu { form } => put(table, "form", word(&GELU_FORMS, &form)),
        Neuron::Tanh { a, b } | Neuron::Linear { a, b } => {
            put(table, "a", short(a));
            put(table, "b", short(b));
        }
        _ => {}
    }
}

fn windows(table: &mut Table, windows: &WindowRecipe) {
    put(table, "filters", whole(windows.filters));
    put(table, "size", whole(windows.size));
    put(table, "stride", whole(windows.stride));
    put(table, "padding", whole(windows.padding));
    put(table, "groups", whole(windows.groups));
}

fn norm(table: &mut Table, norm: &NormRecipe) {
    put(table, "size", whole(norm.size));
    put(table, "scale", norm.scale);
    put(table, "power", norm.power);
}

fn weights(table: &mut Table, weights: &WeightRecipe) {
    put(table, "bias", weights.bias);
    put(table, "init", init(weights.init));
    put(table, "bias_init", init(weights.bias_init));
    put(table, "rate_factor", weights.rate_factor);
    put(table, "bias_rate_factor", weights.bias_rate_factor);
    let optional = [
        ("momentum", weights.momentum),
        ("decay", weights.decay),
        ("bias_decay", weights.bias_decay),
        ("epochs", weights.epochs),
        ("bias_epochs", weights.bias_epochs),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            put(table, key, value);
        }
    }
}

fn init(init: Init) -> Table {
    let (name, setting) = match init {
        Init::Normal { std } => ("normal", Some(("std", Value::from(std)))),
        Init::Uniform { limit } => ("uniform", Some(("limit", Value::from(limit)))),
        Init::Constant { value } => ("constant", Some(("value", Value::from(value)))),
        Init::He => ("he", None),
        Init::Glorot => ("glorot", None),
        Init::Pytorch => ("pytorch", None),
        Init::Dirac { rest } => ("dirac", Some(("rest", Value::from(word(&RESTS, &rest))))),
        Init::Whitening { epsilon } => ("whitening", Some(("epsilon", Value::from(epsilon)))),
    };
    let mut table = Table::new();
    put(&mut table, "type", name);
    if let Some((key, value)) = setting {
        put(&mut table, key, value);
    }
    table
}

impl LayerKind {
    /// The type, as recipes write it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "conv",
            Self::Local { .. } => "local",
            Self::Full { .. } => "full",
            Self::Pool { .. } => "pool",
            Self::GlobalAverage => "global_average",
            Self::Neuron(neuron) => neuron.name(),
            Self::BatchNorm(_) => "batch_norm",
            Self::ResponseNorm(_) => "rnorm",
            Self::CrossMapNorm { .. } => "cmrnorm",
            Self::ContrastNorm(_) => "cnorm",
            Self::Dropout { .. } => "dropout",
            Self::Softmax => "softmax",
            Self::Add { .. } => "add",
            Self::Concat => "concat",
        }
    }
}
