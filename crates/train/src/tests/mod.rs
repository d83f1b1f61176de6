//! Runs of a small network on a small generated corpus.

mod diverged;
mod gpu;
mod modern;
mod refuse;

use crate::{Error, Event, Job, Outcome, train};
use deepviz_corpus::Corpus;
use deepviz_fixtures::shapes;
use deepviz_net::{Device, Metric, MetricKind, Recipe, Run, Step};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Crops, flips, dropout and a smaller last minibatch: everything that a resume must get right.
const RECIPE: &str = r#"
[data]
mean = "pixel"
crop = 28
flip = true
[[layer]]
name = "conv1"
type = "conv"
filters = 8
size = 5
stride = 2
init = { type = "normal", std = 0.003 }
[[layer]]
name = "pool1"
type = "pool"
pool = "max"
size = 3
stride = 2
[[layer]]
name = "relu1"
type = "relu"
[[layer]]
name = "drop1"
type = "dropout"
rate = 0.2
[[layer]]
name = "fc10"
type = "full"
outputs = 10
init = { type = "normal", std = 0.01 }
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 32
decay = 0.004
stages = [{ epochs = 1, rate = 0.001, bias_rate = 0.002 }, { epochs = 1, rate = 0.0001 }]
[snapshots]
every = "3 per epoch"
"#;

fn corpus() -> Arc<Corpus> {
    static CORPUS: OnceLock<Arc<Corpus>> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        Arc::new(shapes(&folder.path().join("shapes"), 480, 3))
    };
    Arc::clone(CORPUS.get_or_init(make))
}

fn job(out: &Path) -> Job {
    Job {
        recipe: Recipe::parse(RECIPE, "small.toml", &[]).unwrap(),
        corpus: corpus(),
        out: out.into(),
        device: Device::cpu(Some(1), None).unwrap(),
        seed: None,
        resume: false,
        limit_images: None,
    }
}

fn run(job: &Job) -> Result<Outcome, Error> {
    train(job, &mut |_: &Event| {}, &AtomicBool::new(false))
}

/// Trains until `step` and stops there as Ctrl-C would.
fn run_to(job: &Job, step: u64) -> Outcome {
    let stop = AtomicBool::new(step == 0);
    let mut observer = |event: &Event| {
        if matches!(event, Event::Step(metric) if metric.step.0 == step) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    train(job, &mut observer, &stop).unwrap()
}

fn snapshots(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(out.join("snapshots")).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

fn metrics(out: &Path) -> Vec<Metric> {
    Run::open(out).unwrap().metrics().unwrap()
}

/// The metrics without those that depend on the clock.
fn timeless(metrics: &[Metric]) -> Vec<Metric> {
    metrics.iter().map(|metric| Metric { images_per_s: 0.0, ..*metric }).collect()
}

/// The run that nothing interrupted.
fn reference() -> &'static (tempfile::TempDir, PathBuf) {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        run(&job(&out)).unwrap();
        (folder, out)
    })
}

#[test]
fn a_run_writes_what_it_promises() {
    let (_, out) = reference();
    let run = Run::open(out).unwrap();
    let info = run.info();
    let training = info.training().unwrap();
    assert_eq!((training.steps_per_epoch, training.total_steps), (12, 24));
    assert_eq!(training.snapshot_steps, [0, 4, 8, 12, 16, 20, 24]);
    let steps: Vec<_> = run.checkpoints().iter().map(|entry| entry.step.0).collect();
    assert_eq!(steps, training.snapshot_steps);
    assert!(run.checkpoints().iter().all(|entry| entry.problem.is_none()));
    assert!(!run.is_live());
    let lines = metrics(out);
    let count = |kind| lines.iter().filter(|line| line.kind == kind).count();
    assert_eq!((count(MetricKind::Train), count(MetricKind::Test)), (24, 7));
    let last = run.snapshot(Step(24)).unwrap();
    assert_eq!((last.images_seen, last.epoch), (720, 2.0));
    // 360 training images: eleven minibatches of 32 and one of 8.
    let seen: Vec<_> = [Step(11), Step(12)].map(|step| info.images_seen(step)).into();
    assert_eq!(seen, [352, 360]);
    let rates: Vec<_> = lines.iter().filter(|l| l.kind == MetricKind::Train).filter_map(|l| l.rate).collect();
    assert_eq!((rates[11], rates[12]), (0.001, 0.0001));
}

#[test]
fn the_mean_in_the_snapshots_is_that_of_the_training_split() {
    let (_, out) = reference();
    let snapshot = Run::open(out).unwrap().snapshot(Step(0)).unwrap();
    let corpus = corpus();
    let mean = corpus.mean(corpus.range(deepviz_corpus::Split::Train)).unwrap();
    assert_eq!(snapshot.mean.unwrap(), mean);
}

#[test]
fn the_loss_falls() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(&folder.path().join("run"));
    let sets = [
        ("data.scale", "0.01"),
        ("layer.conv1.init", "he"),
        ("layer.fc10.init", "he"),
        ("train.stages", "[{ epochs = 20, rate = 0.01 }]"),
        ("snapshots.every", "20 epochs"),
    ];
    let sets = sets.map(|(key, value)| (key.to_owned(), value.to_owned()));
    job.recipe = Recipe::parse(RECIPE, "small.toml", &sets).unwrap();
    run(&job).unwrap();
    let lines = metrics(&job.out);
    let test: Vec<_> = lines.iter().filter(|line| line.kind == MetricKind::Test).collect();
    let (first, last) = (test[0], test[test.len() - 1]);
    assert!(first.error.unwrap() > 0.8, "{first:?}");
    assert!(last.loss.unwrap() < 0.85 * first.loss.unwrap() && last.error.unwrap() < 0.75, "{last:?}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let (_, reference) = reference();
    for threads in [2, 3] {
        let folder = tempfile::tempdir().unwrap();
        let mut job = job(&folder.path().join("run"));
        job.device = Device::cpu(Some(threads), None).unwrap();
        run(&job).unwrap();
        assert!(snapshots(&job.out) == snapshots(reference), "{threads} threads");
        assert_eq!(timeless(&metrics(&job.out)), timeless(&metrics(reference)));
    }
}

#[test]
fn another_seed_gives_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(&folder.path().join("run"));
    job.seed = Some(2);
    run_to(&job, 4);
    let (own, other) = (snapshots(&job.out), snapshots(&reference().1));
    assert!(own["000000.safetensors"] != other["000000.safetensors"]);
    assert!(own["000004.safetensors"] != other["000004.safetensors"]);
}

#[test]
fn a_stopped_run_resumes_to_the_same_bytes() {
    let (_, reference) = reference();
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(&folder.path().join("run"));
    assert_eq!(run_to(&job, 0), Outcome::Stopped { step: Step(0) });
    job.resume = true;
    // On the schedule, off it, twice in one place, and within the second stage.
    for step in [4, 6, 7, 15] {
        assert_eq!(run_to(&job, step), Outcome::Stopped { step: Step(step) });
    }
    assert_eq!(run(&job).unwrap(), Outcome::Finished { step: Step(24) });
    let (own, whole) = (snapshots(&job.out), snapshots(reference));
    for (name, bytes) in &whole {
        assert!(own[name] == *bytes, "{name}");
    }
    assert_eq!(own.len(), whole.len() + 3);
    assert_eq!(timeless(&metrics(&job.out)), timeless(&metrics(reference)));
    // Finished already: nothing to do, nothing changed.
    assert_eq!(run(&job).unwrap(), Outcome::Finished { step: Step(24) });
    assert!(snapshots(&job.out) == own);
    assert_eq!(timeless(&metrics(&job.out)), timeless(&metrics(reference)));
}

#[test]
fn what_a_kill_leaves_behind_is_mended() {
    let (_, reference) = reference();
    let whole = snapshots(reference);
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(&folder.path().join("run"));
    job.resume = true;
    // Killed before run.toml stood.
    std::fs::create_dir_all(job.out.join("snapshots")).unwrap();
    std::fs::write(job.out.join("train.lock"), "1").unwrap();
    std::fs::write(job.out.join(".writing-run"), "format").unwrap();
    run_to(&job, 9);
    // Killed while writing a snapshot and a line; the newest snapshot damaged besides.
    std::fs::write(job.out.join("snapshots/.writing-000012"), &whole["000012.safetensors"][..99]).unwrap();
    let newest = job.out.join("snapshots/000009.safetensors");
    let bytes = std::fs::read(&newest).unwrap();
    std::fs::write(&newest, &bytes[..bytes.len() - 7]).unwrap();
    let path = job.out.join("metrics.jsonl");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"step\":10,\"epo");
    std::fs::write(&path, text).unwrap();

    let mut resumed = None;
    let mut observer = |event: &Event| {
        if let Event::Started { resumed: from, .. } = event {
            resumed = *from;
        }
    };
    train(&job, &mut observer, &AtomicBool::new(false)).unwrap();
    assert_eq!(resumed, Some(Step(8)));
    let own = snapshots(&job.out);
    for (name, bytes) in &whole {
        assert!(own[name] == *bytes, "{name}");
    }
    assert!(!own.keys().any(|name| name.starts_with(".writing")), "{:?}", own.keys());
    assert!(!job.out.join(".writing-run").exists());
    assert_eq!(timeless(&metrics(&job.out)), timeless(&metrics(reference)));
}
