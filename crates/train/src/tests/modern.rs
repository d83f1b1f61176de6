//! Runs with batch normalisation, a whitening first layer, every augmentation, and each optimiser: what holds for other
//! runs holds for these.

use super::{corpus, job, metrics, run, run_to, snapshots, timeless};
use crate::{Job, Outcome};
use deepviz_net::recipe::Optimiser;
use deepviz_net::{Device, MetricKind, Recipe, Run, Step};
use std::path::Path;

const RECIPE: &str = r#"
[data]
mean = "channel"
scale = 0.016
pad = 3
padding = "reflect"
flip = "alternating"
cutout = 6
brightness = 0.1
contrast = 0.1
views = "six"
[[layer]]
name = "whiten"
type = "conv"
filters = 24
size = 2
stride = 2
init = "whitening"
rate_factor = 0
bias_epochs = 1.25
[[layer]]
name = "gelu1"
type = "gelu"
[[layer]]
name = "conv2"
type = "conv"
filters = 24
size = 3
padding = 1
groups = 24
bias = false
init = { type = "dirac", rest = "pytorch" }
[[layer]]
name = "bn2"
type = "batch_norm"
bias_rate_factor = 4
[[layer]]
name = "silu2"
type = "silu"
[[layer]]
name = "sum"
type = "add"
inputs = ["silu2", "gelu1"]
[[layer]]
name = "bn3"
type = "batch_norm"
weight = false
[[layer]]
name = "leaky3"
type = "leaky_relu"
[[layer]]
name = "mean"
type = "global_average"
[[layer]]
name = "fc10"
type = "full"
outputs = 10
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 32
optimiser = "nesterov"
decay = 0.004
label_smoothing = 0.1
stages = [
  { epochs = 0.75, rate = 0.01, end_rate = 0.05 },
  { epochs = 1.25, rate = 0.05, end_rate = 0.002, curve = "cosine" },
]
[snapshots]
every = "2 per epoch"
"#;

pub(super) const OPTIMISERS: [(&str, Optimiser); 5] = [
    ("cuda-convnet", Optimiser::CudaConvnet),
    ("nesterov", Optimiser::Nesterov),
    ("adagrad", Optimiser::AdaGrad),
    ("adamw", Optimiser::AdamW),
    ("muon", Optimiser::Muon),
];

pub(super) fn modern(out: &Path, sets: &[(&str, &str)]) -> Job {
    let sets: Vec<_> = sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut job = job(out);
    job.recipe = Recipe::parse(RECIPE, "modern.toml", &sets).unwrap();
    job
}

#[test]
fn threads_and_interruptions_leave_no_trace() {
    for (name, optimiser) in OPTIMISERS {
        let folder = tempfile::tempdir().unwrap();
        let set = [("train.optimiser", name)];
        let whole = modern(&folder.path().join("whole"), &set);
        run(&whole).unwrap();
        let expected = snapshots(&whole.out);
        let mut parts = modern(&folder.path().join("parts"), &set);
        parts.device = Device::cpu(Some(2), None).unwrap();
        assert_eq!(run_to(&parts, 7), Outcome::Stopped { step: Step(7) });
        parts.resume = true;
        assert_eq!(run_to(&parts, 19), Outcome::Stopped { step: Step(19) });
        assert_eq!(run(&parts).unwrap(), Outcome::Finished { step: Step(24) });
        let found = snapshots(&parts.out);
        for (file, bytes) in &expected {
            assert!(found[file] == *bytes, "{name} {file}");
        }
        assert_eq!(timeless(&metrics(&parts.out)), timeless(&metrics(&whole.out)));
        let last = Run::open(&whole.out).unwrap().snapshot(Step(24)).unwrap();
        for suffix in optimiser.state() {
            let state = last.optimizer.get(&format!("bn2.weight{suffix}")).unwrap();
            assert!(state.iter().any(|value| *value != 0.0), "{name} {suffix}");
        }
        assert!(!last.optimizer.iter().any(|(name, _)| name.contains("running")));
    }
}

#[test]
fn what_is_frozen_stays_and_statistics_move() {
    let folder = tempfile::tempdir().unwrap();
    let job = modern(&folder.path().join("run"), &[("snapshots.every", "3 steps")]);
    run(&job).unwrap();
    let opened = Run::open(&job.out).unwrap();
    let at = |step, name: &str| opened.snapshot(Step(step)).unwrap().parameters.get(name).unwrap().clone();
    assert_eq!(at(0, "whiten.weight"), at(24, "whiten.weight"));
    // The bias learns for a quarter more than the 12 steps of the first epoch.
    assert_ne!(at(12, "whiten.bias"), at(15, "whiten.bias"));
    assert_eq!(at(15, "whiten.bias"), at(24, "whiten.bias"));
    assert!(at(0, "bn2.running_mean").iter().all(|v| *v == 0.0));
    assert!(at(0, "bn2.running_var").iter().all(|v| (*v - 1.0).abs() < 1e-6));
    assert_ne!(at(3, "bn2.running_mean"), at(0, "bn2.running_mean"));
    assert!(at(24, "bn2.running_var").iter().all(|v| *v > 0.0));
    // The rate goes up and down, step by step.
    let rates: Vec<f64> =
        metrics(&job.out).iter().filter(|m| m.kind == MetricKind::Train).filter_map(|m| m.rate).collect();
    assert!((rates[0] - 0.01).abs() < 1e-12 && (rates[9] - 0.05).abs() < 1e-12, "{rates:?}");
    assert!(rates[..10].windows(2).all(|pair| pair[0] < pair[1]) && rates[9..].windows(2).all(|p| p[0] > p[1]));
}

#[test]
fn whitened_patches_are_uncorrelated() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = modern(&folder.path().join("run"), &[]);
    job.limit_images = Some(40);
    run_to(&job, 0);
    let snapshot = Run::open(&job.out).unwrap().snapshot(Step(0)).unwrap();
    let weights = snapshot.parameters.get("whiten.weight").unwrap();
    let weights: Vec<f64> = weights.iter().map(|v| f64::from(*v)).collect();
    let mean = snapshot.mean.unwrap();
    let (mut moments, mut count) = ([[0.0_f64; 12]; 12], 0.0_f64);
    let corpus = corpus();
    for id in corpus.range(deepviz_corpus::Split::Train) {
        let image = corpus.pixels(deepviz_corpus::ImageId(id)).unwrap();
        for (y, x) in (0..31).flat_map(|y| (0..31).map(move |x| (y, x))) {
            let mut patch = [0.0; 12];
            for (at, value) in patch.iter_mut().enumerate() {
                let place = [at / 4, y + at % 4 / 2, x + at % 2];
                *value = (f64::from(image[place]) - f64::from(mean[place])) * 0.016;
            }
            let out: Vec<f64> = (0..12).map(|k| (0..12).map(|at| weights[k * 12 + at] * patch[at]).sum()).collect();
            for (row, x) in moments.iter_mut().zip(&out) {
                for (sum, y) in row.iter_mut().zip(&out) {
                    *sum += x * y;
                }
            }
            count += 1.0;
        }
    }
    for (a, row) in moments.iter().enumerate() {
        for (b, sum) in row.iter().enumerate() {
            let moment: f64 = sum / count;
            if a == b {
                // eigenvalue / (eigenvalue + epsilon), the largest first.
                let min = if a == 0 { 0.99 } else { 0.0 };
                assert!((min..=1.001).contains(&moment), "{a}: {moment}");
            } else {
                assert!(moment.abs() < 1e-3, "{a} {b}: {moment}");
            }
        }
    }
    // The second half is the first negated.
    assert!((0..144).all(|at| (weights[at] + weights[144 + at]).abs() < 1e-12));
}

#[test]
fn the_loss_falls_with_every_optimiser() {
    let rates = [("cuda-convnet", 0.02), ("nesterov", 0.02), ("adagrad", 0.03), ("adamw", 0.01)];
    for (name, rate) in rates {
        let folder = tempfile::tempdir().unwrap();
        let stages =
            format!("[{{ epochs = 2, rate = 0, end_rate = {rate} }}, {{ epochs = 10, rate = {rate}, end_rate = 0 }}]");
        let sets = [("train.optimiser", name), ("train.stages", stages.as_str()), ("snapshots.every", "12 epochs")];
        let job = modern(&folder.path().join("run"), &sets);
        run(&job).unwrap();
        let lines = metrics(&job.out);
        let test: Vec<_> = lines.iter().filter(|line| line.kind == MetricKind::Test).collect();
        assert!(test[1].loss.unwrap() < 0.95 * test[0].loss.unwrap(), "{name}: {test:?}");
    }
}

#[test]
fn several_views_are_measured_once_at_the_end_beside_the_centre() {
    let folder = tempfile::tempdir().unwrap();
    let (six, centre) = (folder.path().join("six"), folder.path().join("centre"));
    run(&modern(&six, &[])).unwrap();
    run(&modern(&centre, &[("data.views", "centre")])).unwrap();
    let of_kind = |out: &Path, kind: MetricKind| -> Vec<_> {
        metrics(out).into_iter().filter(|metric| metric.kind == kind).map(|m| (m.step, m.loss, m.error)).collect()
    };
    let test = of_kind(&six, MetricKind::Test);
    assert!(test.len() > 1);
    assert_eq!(test, of_kind(&centre, MetricKind::Test));
    assert_eq!(of_kind(&centre, MetricKind::Views), []);
    let views = of_kind(&six, MetricKind::Views);
    let last = test[test.len() - 1];
    assert_eq!((views.len(), views[0].0), (1, last.0));
    assert!((views[0].1.unwrap() - last.1.unwrap()).abs() > 1e-9, "several views cannot have the very loss of one");

    // Killed before that line was written, the run is completed by going on.
    let path = six.join("metrics.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<_> = text.split_inclusive('\n').filter(|line| !line.contains("\"views\"")).collect();
    std::fs::write(&path, kept.concat()).unwrap();
    let mut job = modern(&six, &[]);
    job.resume = true;
    run(&job).unwrap();
    assert_eq!(of_kind(&six, MetricKind::Views), views);
    run(&job).unwrap();
    assert_eq!(of_kind(&six, MetricKind::Views), views);
}
