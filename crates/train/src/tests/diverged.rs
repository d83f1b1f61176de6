//! Runs whose numbers cease to be finite: training ends with that error, the run records it, and no measurement after
//! it counts as the best.

use super::{RECIPE, corpus, job, metrics, run};
use crate::{Error, Event, Job, train};
use deepviz_corpus::{Corpus, Split};
use deepviz_net::{Divergence, MetricKind, NotFinite, Recipe, Run, Snapshot, Step};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A job of the recipe with these overrides, whose learning rate lets it diverge.
fn diverging(out: &Path, sets: &[(&str, &str)]) -> Job {
    let sets = sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let recipe = Recipe::parse(RECIPE, "small.toml", &sets.collect::<Vec<_>>()).unwrap();
    Job { recipe, ..job(out) }
}

/// One step an epoch, at a learning rate at which one update makes the weights too large.
const ONE_STEP: [(&str, &str); 2] = [("train.batch", "360"), ("train.stages", "[{ epochs = 1, rate = 1e30 }]")];

fn divergence(job: &Job) -> Divergence {
    let mut reported = None;
    let mut observer = |event: &Event| match event {
        Event::Diverged(divergence) => reported = Some(divergence.clone()),
        Event::Finished(outcome) => panic!("{outcome:?}"),
        _ => {}
    };
    let error = train(job, &mut observer, &AtomicBool::new(false)).unwrap_err();
    let Error::Diverged(divergence) = error else { panic!("{error}") };
    assert_eq!(reported.as_ref(), Some(&divergence));
    // Whoever opens the run later knows it too.
    let log = Run::open(&job.out).unwrap().metrics_log().unwrap();
    assert_eq!(log.divergence.as_ref(), Some(&divergence));
    divergence
}

#[test]
fn a_run_that_diverges_at_its_last_step_has_no_error_of_nought() {
    let folder = tempfile::tempdir().unwrap();
    let job = diverging(&folder.path().join("run"), &ONE_STEP);
    let found = divergence(&job);
    assert_eq!((found.step, found.images_seen), (Step(1), 360));
    let text = run(&Job { out: folder.path().join("again"), ..job.clone() }).unwrap_err().to_string();
    assert!(text.contains("training diverged at step 1: ") && text.contains("lower learning rate"), "{text}");
    let log = Run::open(&job.out).unwrap().metrics_log().unwrap();
    let tests: Vec<_> = log.lines.iter().filter(|line| line.kind == MetricKind::Test).collect();
    assert_eq!((tests.len(), tests[1].step), (2, Step(1)));
    assert_eq!((tests[1].loss, tests[1].not_finite), (None, 120));
    assert!((tests[1].error.unwrap() - 1.0).abs() < 1e-12, "{:?}", tests[1]);
    assert_eq!(log.best_test().unwrap().step, Step(0));
    // It can be looked at all the same.
    let snapshots = Run::open(&job.out).unwrap().checkpoints();
    assert_eq!(snapshots.iter().map(|entry| entry.step.0).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn without_test_images_the_last_minibatch_decides() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = without_tests(&folder.path().join("trained-on"));
    assert!(corpus.range(Split::Test).is_empty());
    let mut job = diverging(&folder.path().join("run"), &ONE_STEP);
    job.corpus = corpus;
    let found = divergence(&job);
    assert_eq!((found.step, found.what), (Step(1), NotFinite::Outputs));
    assert!(found.found.contains("of the last minibatch"), "{found:?}");
}

/// A corpus of one training file of CIFAR-10's binary format, without a test file.
fn without_tests(folder: &Path) -> Arc<Corpus> {
    std::fs::create_dir_all(folder).unwrap();
    let image = |index: usize| std::iter::once((index % 10) as u8).chain((0..3072).map(move |at| (at * index) as u8));
    let bytes: Vec<u8> = (0..100).flat_map(image).collect();
    std::fs::write(folder.join("data_batch_1.bin"), bytes).unwrap();
    Arc::new(Corpus::open(folder).unwrap())
}

#[test]
fn weights_that_are_not_finite_are_detected_where_the_loss_is_finite() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = diverging(&folder.path().join("run"), &[]);
    super::run_to(&job, 6);
    // A bias so negative that the relu after it gives 0: the loss stays finite.
    let run = Run::open(&job.out).unwrap();
    let mut snapshot = run.snapshot(Step(6)).unwrap();
    for value in snapshot.parameters.get_mut("conv1.bias").unwrap().iter_mut() {
        *value = f32::NEG_INFINITY;
    }
    rewrite(&run, snapshot);
    job.resume = true;
    let found = divergence(&job);
    assert_eq!((found.step, found.what), (Step(6), NotFinite::Weights));
    assert!(found.found.contains("`conv1.bias`"), "{found:?}");
}

#[test]
fn the_optimisers_state_counts_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = diverging(&folder.path().join("run"), &[]);
    super::run_to(&job, 6);
    let run = Run::open(&job.out).unwrap();
    let mut snapshot = run.snapshot(Step(6)).unwrap();
    let (name, _) = snapshot.optimizer.iter().next().unwrap();
    let name = name.to_owned();
    snapshot.optimizer.get_mut(&name).unwrap()[[0, 0, 0, 0]] = f32::NAN;
    rewrite(&run, snapshot);
    job.resume = true;
    assert_eq!(divergence(&job).what, NotFinite::Weights);
}

fn rewrite(run: &Run, snapshot: Snapshot) {
    let path = Run::snapshot_path(run.path(), snapshot.step);
    std::fs::remove_file(&path).unwrap();
    snapshot.sealed().write(&path).unwrap();
}

#[test]
fn a_run_that_diverged_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = diverging(&folder.path().join("run"), &[("train.stages", "[{ epochs = 2, rate = 1e30 }]")]);
    let found = divergence(&job);
    assert_eq!(found.what, NotFinite::Loss);
    assert!(found.step.0 < 24, "{found:?}");
    let file = job.out.join("metrics.jsonl");
    let before = std::fs::read(&file).unwrap();
    job.resume = true;
    let text = run(&job).unwrap_err().to_string();
    assert!(text.contains(&format!("the run diverged at step {}", found.step)), "{text}");
    assert!(text.contains("start a new run with a lower learning rate (this one had 1"), "{text}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "nothing of it was touched");
}

#[test]
fn a_diverged_run_whose_trainer_was_killed_is_not_resumed_either() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = diverging(&folder.path().join("run"), &ONE_STEP);
    divergence(&job);
    let file = job.out.join("metrics.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains("\"diverged\"")).collect();
    assert_eq!(kept.len() + 1, text.lines().count());
    std::fs::write(&file, format!("{}\n", kept.join("\n"))).unwrap();
    job.resume = true;
    let text = run(&job).unwrap_err().to_string();
    assert!(text.contains("the run diverged at step 1: 120 test images"), "{text}");
    // As an older version wrote it: the last measurement is a wrong error of 0, and only the snapshot tells.
    let as_older_version = |line: &str| {
        line.replace("\"loss\":null,\"error\":1.0", "\"loss\":87.3,\"error\":0.0").replace(",\"not_finite\":120", "")
    };
    let older: Vec<String> = kept.iter().map(|line| as_older_version(line)).collect();
    std::fs::write(&file, format!("{}\n", older.join("\n"))).unwrap();
    assert!(metrics(&job.out).iter().all(deepviz_net::Metric::is_finite));
    assert_eq!(divergence(&job).step, Step(1));
}

#[test]
fn a_step_that_is_evaluated_while_it_diverges_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let sets = [("train.stages", "[{ epochs = 2, rate = 1e30 }]"), ("snapshots.every", "1 steps")];
    let job = diverging(&folder.path().join("run"), &sets);
    let found = divergence(&job);
    assert_eq!((found.step, found.what), (Step(1), NotFinite::Outputs));
    assert!(found.found.contains("of 120 test images"), "{found:?}");
    let snapshots = Run::open(&job.out).unwrap().checkpoints();
    assert_eq!(snapshots.iter().map(|entry| entry.step.0).collect::<Vec<_>>(), [0, 1]);
    assert!(corpus().range(Split::Test).len() == 120);
}
