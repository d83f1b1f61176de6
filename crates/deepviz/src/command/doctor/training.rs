//! The same small training on every device, compared step by step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use deepviz_corpus::{Corpus, ShapesOptions, make_shapes};
use deepviz_net::cuda::Cuda;
use deepviz_net::{Device, MetricKind, Recipe};
use deepviz_train::{Event, Job, train};

use super::check::{Check, Way, ways};
use crate::console::Console;

/// Relative difference of the losses that rounding explains after these few steps.
const ALLOWED: f64 = 1e-3;

const RECIPE: &str = r#"
[data]
mean = "channel"
scale = 0.016
pad = 2
padding = "reflect"
flip = true
[[layer]]
name = "conv1"
type = "conv"
filters = 12
size = 3
stride = 2
bias = false
[[layer]]
name = "bn1"
type = "batch_norm"
[[layer]]
name = "relu1"
type = "relu"
[[layer]]
name = "conv2"
type = "conv"
filters = 12
size = 3
padding = 1
groups = 3
[[layer]]
name = "conv3"
type = "conv"
filters = 8
size = 3
padding = 1
[[layer]]
name = "drop1"
type = "dropout"
rate = 0.2
[[layer]]
name = "fc10"
type = "full"
outputs = 10
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 32
optimiser = "muon"
stages = [{ epochs = 3, rate = 0.02, end_rate = 0.005 }]
[snapshots]
every = "3 epochs"
"#;

/// Trains on every device and compares the losses of all steps with the first one's.
pub fn all(console: Console, gpus: &[Cuda]) -> anyhow::Result<Vec<Check>> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let options = ShapesOptions { images: 150, test_fraction: 0.2, seed: 1 };
    let shapes = folder.path().join("shapes");
    make_shapes(&shapes, &options).context("cannot make images to train on")?;
    let corpus = Arc::new(Corpus::open(&shapes).context("cannot read the images to train on")?);
    let recipe = Recipe::parse(RECIPE, "doctor", &[]).context("cannot read a recipe of the doctor's")?;
    let ways = ways(gpus)?;
    let mut task = console.task("training", ways.len() as u64);
    let mut runs: Vec<(&Way, BTreeMap<u64, f64>)> = Vec::new();
    for (index, way) in ways.iter().enumerate() {
        task.set(index as u64, &way.to_string());
        let out = folder.path().join(format!("run{index}"));
        let job = Job {
            recipe: recipe.clone(),
            corpus: Arc::clone(&corpus),
            out,
            device: way.device.clone(),
            seed: None,
            resume: false,
            limit_images: None,
        };
        runs.push((way, losses(&job)?));
    }
    let Some(((judge, expected), others)) = runs.split_first() else {
        return Ok(Vec::new());
    };
    Ok(others
        .iter()
        .map(|(way, found)| Check {
            operation: "training",
            what: "losses",
            judge: judge.to_string(),
            against: way.to_string(),
            places: expected.len(),
            difference: apart(expected, found),
            allowed: ALLOWED,
        })
        .collect())
}

/// The loss of every step.
fn losses(job: &Job) -> anyhow::Result<BTreeMap<u64, f64>> {
    let mut losses = BTreeMap::new();
    let mut observer = |event: &Event| match event {
        Event::Step(metric) if metric.kind == MetricKind::Train => {
            losses.insert(metric.step.0, metric.loss.unwrap_or(f64::NAN));
        }
        _ => {}
    };
    let device: &Device = &job.device;
    train(job, &mut observer, &AtomicBool::new(false))
        .with_context(|| format!("cannot train on {}", device.describe()))?;
    Ok(losses)
}

/// The largest relative difference; infinite where a step is missing or no number.
fn apart(expected: &BTreeMap<u64, f64>, found: &BTreeMap<u64, f64>) -> f64 {
    if !expected.keys().eq(found.keys()) {
        return f64::INFINITY;
    }
    let distance = |(a, b): (&f64, &f64)| (a - b).abs() / a.abs();
    let distances = expected.values().zip(found.values()).map(distance);
    distances.fold(0.0, |max: f64, own| if own.is_nan() { f64::INFINITY } else { max.max(own) })
}
