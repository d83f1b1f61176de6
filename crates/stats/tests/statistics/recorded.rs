//! A run that was recorded from `PyTorch`, by the Python package.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_net::{CompiledNetwork, Run, Step};
use deepviz_stats::{Error, Job, OutputCheck, compute};

fn change(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

fn computed(run: &Run) -> Result<(), Error> {
    let corpus = Corpus::open(&run.info().corpus.path).unwrap();
    let mut job = Job::new(run, &corpus, deepviz_fixtures::device());
    job.clusters = 2;
    let summary = compute(&job, &mut (), &AtomicBool::new(false))?;
    assert_eq!((summary.computed, summary.failed), (10, 0));
    Ok(())
}

#[test]
fn probabilities_are_pytorchs_in_every_precision_of_the_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::open(&deepviz_fixtures::recorded_run(folder.path())).unwrap();
    assert!(run.info().training.is_none() && run.info().source.as_ref().unwrap().kind == "pytorch");
    let checkpoints = run.checkpoints();
    assert_eq!(checkpoints.iter().map(|entry| entry.step.0).collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
    assert!(checkpoints.iter().all(|entry| entry.problem.is_none()), "{checkpoints:?}");
    assert!((checkpoints[2].epoch - 2.0).abs() < 1e-9 && checkpoints[2].images_seen == 24);

    let corpus = Corpus::open(&run.info().corpus.path).unwrap();
    let images: Vec<_> = corpus.range(Split::Test).map(|id| corpus.pixels(ImageId(id)).unwrap()).collect();
    let network = CompiledNetwork::new(run.network().clone(), &deepviz_fixtures::device());
    let expected = std::fs::read_to_string(run.path().join("expected.json")).unwrap();
    let expected: BTreeMap<u64, Vec<Vec<f32>>> = serde_json::from_str(&expected).unwrap();
    assert_eq!(expected.len(), 3);
    for (step, expected) in expected {
        let model = network.model(&run.weights(Step(step)).unwrap()).unwrap();
        let found = model.forward(&images, &[run.network().output()]).unwrap().remove(0);
        for (found, expected) in found.iter().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 2e-6, "step {step}: {found}, expected {expected}");
        }
    }
    computed(&run).unwrap();
}

#[test]
fn statistics_are_refused_if_the_outputs_differ() {
    let folder = tempfile::tempdir().unwrap();
    let path = deepviz_fixtures::recorded_run(folder.path());
    let check = |run: &Run| {
        let corpus = Corpus::open(&run.info().corpus.path).unwrap();
        OutputCheck::of(run, &corpus, &deepviz_fixtures::device()).unwrap().unwrap()
    };
    let good = check(&Run::open(&path).unwrap());
    assert!(good.agrees() && good.difference < 1e-5 && good.images == 8, "{good:?}");

    change(&path.join("run.toml"), "mean = [0.5]", "mean = [0.4]");
    let run = Run::open(&path).unwrap();
    let other = check(&run);
    assert!(!other.agrees() && other.difference > 0.01, "{other:?}");
    let error = computed(&run).unwrap_err();
    assert!(matches!(&error, Error::OtherOutputs { .. }), "{error}");

    change(&path.join("run.toml"), "check.safetensors", "../check.safetensors");
    let error = Run::open(&path).unwrap_err().to_string();
    assert!(error.contains("the name of a file in the run folder"), "{error}");
}

#[test]
fn what_does_not_fit_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = deepviz_fixtures::recorded_run(folder.path());
    let snapshot = path.join("snapshots/000004.safetensors");
    let bytes = std::fs::read(&snapshot).unwrap();
    let mut damaged = bytes.clone();
    let last = damaged.len() - 3;
    damaged[last] ^= 1;
    std::fs::write(&snapshot, damaged).unwrap();
    let error = Run::open(&path).unwrap().weights(Step(4)).unwrap_err().to_string();
    assert!(error.contains("does not match its hash"), "{error}");
    std::fs::write(&snapshot, bytes).unwrap();

    let toml = path.join("run.toml");
    change(&toml, "weight = \"head.weight\"", "weight = \"tail.weight\"");
    let problem = Run::open(&path).unwrap().checkpoints()[0].problem.clone().unwrap();
    assert!(problem.contains("tail.weight") && problem.contains("none"), "{problem}");
    change(&toml, "weight = \"tail.weight\"", "weight = \"stem.1.weight\"");
    let problem = Run::open(&path).unwrap().checkpoints()[0].problem.clone().unwrap();
    assert!(problem.contains("stem.1.weight") && problem.contains("[3, 64]"), "{problem}");
    change(&toml, "weight = \"stem.1.weight\", bias = \"head", "gamma = \"stem.1.weight\", bias = \"head");
    let error = Run::open(&path).unwrap_err().to_string();
    assert!(error.contains("unknown key `gamma`") && error.contains("`head`"), "{error}");

    // A run of format 1 has no such snapshots, and no such keys.
    let folder = tempfile::tempdir().unwrap();
    let toml = deepviz_fixtures::recorded_run(folder.path()).join("run.toml");
    change(&toml, "format = 2", "format = 1");
    let error = Run::open(toml.parent().unwrap()).unwrap_err().to_string();
    assert!(error.contains("unknown key"), "{error}");
    let tiny = deepviz_fixtures::TinyRun::with_snapshots(&[0]);
    std::fs::copy(toml.with_file_name("snapshots").join("000000.safetensors"), tiny.snapshot_path(0)).unwrap();
    let problem = tiny.run().checkpoints()[0].problem.clone().unwrap();
    assert!(problem.contains("format") && problem.contains("found 2"), "{problem}");
}
