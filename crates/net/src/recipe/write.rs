//! The tables of a recipe, every key written out.

use super::data::DataRecipe;
use super::data::{ALTERNATING, Flip, MEANS, ORDERS, PADDINGS, RANGES, STDS, VIEWS};
use super::train::{CURVES, OPTIMISERS, PRECISIONS, SHUFFLES};
use crate::input::{MeanKind, StdKind};
use crate::table::write::{put, whole, word};
use crate::training_spec::TrainingSpec;
use toml::{Table, Value};

pub(super) fn data(data: &DataRecipe) -> Table {
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

pub(super) fn train(train: &TrainingSpec) -> Table {
    let stages = train.schedule.stages.iter().map(|stage| {
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
    let optimiser = &train.optimiser;
    let mut table = Table::new();
    put(&mut table, "batch", whole(train.batch));
    put(&mut table, "optimiser", word(&OPTIMISERS, &optimiser.kind));
    put(&mut table, "momentum", optimiser.momentum);
    put(&mut table, "beta2", optimiser.beta2);
    put(&mut table, "epsilon", optimiser.epsilon);
    put(&mut table, "decay", optimiser.decay);
    put(&mut table, "bias_decay", optimiser.bias_decay);
    put(&mut table, "label_smoothing", train.label_smoothing);
    put(&mut table, "precision", word(&PRECISIONS, &train.precision));
    put(&mut table, "shuffle", word(&SHUFFLES, &train.shuffle));
    put(&mut table, "seed", train.seed as i64);
    put(&mut table, "stages", stages.collect::<Vec<_>>());
    table
}
