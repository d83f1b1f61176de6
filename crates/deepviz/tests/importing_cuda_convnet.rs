//! `deepviz import --from cuda-convnet`: checkpoints that hold their network become a run.
//!
//! The files are made by `scripts/reference/cuda_convnet`; `crates/net/tests/cuda_convnet.rs` holds what is computed of
//! them against numpy.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::fs;
use std::path::Path;

use deepviz_net::{MetricKind, Run, Step};
use fixture::{Fixture, Outcome};

fn import(fixture: &Fixture, files: &[&str], more: &[&str]) -> Outcome {
    let files: Vec<String> =
        files.iter().map(|file| deepviz_fixtures::cuda_convnet(file).to_str().unwrap().to_owned()).collect();
    let mut args = vec!["import", "--from", "cuda-convnet", "--run", "run", "--json"];
    args.extend(files.iter().map(String::as_str));
    args.extend(more);
    fixture.run(&args)
}

fn corpus() -> String {
    deepviz_fixtures::cuda_convnet("corpus").to_str().unwrap().to_owned()
}

fn steps(fixture: &Fixture) -> Vec<u64> {
    Run::open(&fixture.path("run")).unwrap().checkpoints().iter().map(|entry| entry.step.0).collect()
}

#[test]
fn checkpoints_make_a_run_and_later_ones_go_on_with_it() {
    let fixture = Fixture::new();
    import(&fixture, &["like_80sec/1.2", "like_80sec/1.1"], &["--corpus", &corpus()]).expect_good();
    let run = Run::open(&fixture.path("run")).unwrap();
    assert_eq!(steps(&fixture), [2, 4]);
    let info = run.info();
    assert_eq!((info.name.as_str(), info.format), ("run", 2));
    assert_eq!(info.classes, ["cat", "dog", "bird"]);
    let source = info.source.clone().unwrap();
    assert_eq!(
        (source.kind, source.version, source.model),
        ("cuda-convnet".into(), "1".into(), "layers-tiny.cfg".into())
    );
    let before = run.weights(Step(4)).unwrap();
    assert_eq!(before.mean.as_ref().unwrap().shape(), [3, 8, 8]);

    let folder = deepviz_fixtures::cuda_convnet("like_80sec");
    assert!(folder.is_dir());
    let events = import(&fixture, &["like_80sec"], &[]).expect_good().events();
    let last = events.last().unwrap();
    assert_eq!((last["imported"].as_u64(), last["left_out"].as_u64()), (Some(2), Some(2)));
    assert_eq!(steps(&fixture), [2, 4, 6, 38]);
    let run = Run::open(&fixture.path("run")).unwrap();
    assert_eq!(run.weights(Step(38)).unwrap().mean, before.mean);
    let entry = run.checkpoints().pop().unwrap();
    assert_eq!((entry.epoch.to_string().as_str(), entry.images_seen), ("9.5", 115));
    let metrics = run.metrics().unwrap();
    for kind in [MetricKind::Train, MetricKind::Test] {
        assert_eq!(metrics.iter().filter(|metric| metric.kind == kind).count(), 19, "each batch once");
    }
}

#[test]
fn statistics_are_computed_of_an_imported_run() {
    let fixture = Fixture::new();
    import(&fixture, &["with_norms"], &["--corpus", &corpus()]).expect_good();
    fixture.run(&["stats", "run", "--clusters", "2"]).expect_good();
    let shown = fixture.run(&["inspect", "run"]).expect_good();
    assert!(shown.stdout.contains("cuda-convnet"), "{}", shown.stdout);
}

#[test]
fn the_mean_of_the_data_is_taken_where_it_is_named_and_cuda_convnet2_adds_to_it() {
    let mean = |file: &str, more: &[&str]| {
        let fixture = Fixture::new();
        import(&fixture, &[file], &[&["--corpus", &*corpus()], more].concat()).expect_good();
        let run = Run::open(&fixture.path("run")).unwrap();
        let step = run.checkpoints()[0].step;
        run.weights(step).unwrap().mean.unwrap()
    };
    let meta = deepviz_fixtures::cuda_convnet("batches.meta");
    let (measured, named) = (mean("like_80sec/1.1", &[]), mean("like_80sec/1.1", &["--mean", meta.to_str().unwrap()]));
    let second = mean("second/2.2", &[]);
    for ((measured, named), second) in measured.iter().zip(&named).zip(&second) {
        assert!(
            (measured - named).abs() < 1e-4 && (measured - 1.0 - second).abs() < 1e-4,
            "{measured} {named} {second}"
        );
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let fixture = Fixture::new();
    import(&fixture, &["like_80sec"], &[]).expect_error(&["--corpus has to name the images"]);
    let corpus = corpus();
    for name in ["blur", "eltmax", "sparse", "sum", "nrelu", "outputs"] {
        let file = format!("refused/{name}");
        import(&fixture, &["like_80sec/1.1", &file], &["--corpus", &corpus])
            .expect_error(&["layer `", "expected", name]);
    }
    import(&fixture, &["like_80sec", "second/2.2"], &["--corpus", &corpus]).expect_error(&[
        "another network than",
        "like_80sec/1.1",
        "a run of its own",
        "second/2.2",
    ]);
    assert!(!fixture.path("run").exists(), "nothing is written before all fit");

    import(&fixture, &["like_80sec/1.1"], &["--corpus", &corpus]).expect_good();
    import(&fixture, &["second/2.2"], &[]).expect_error(&["another network than the run", "expected the layer"]);
    assert_eq!(steps(&fixture), [2]);
    let file = deepviz_fixtures::cuda_convnet("like_80sec/1.1");
    let file = file.to_str().unwrap();
    fixture.run(&["import", file, "--run", "run", "--corpus", &corpus]).expect_error(&["--from cuda-convnet"]);
    import(&fixture, &["like_80sec/1.1"], &["--key", "model"]).expect_error(&["--key", "PyTorch"]);
    let recorded = deepviz_fixtures::recorded_run(&fixture.path(""));
    let args = ["import", "--from", "cuda-convnet", file, "--run", recorded.to_str().unwrap()];
    fixture.run(&args).expect_error(&["a run of pytorch"]);
}

#[test]
fn nothing_in_a_checkpoint_is_executed() {
    let fixture = Fixture::new();
    let marker = fixture.path("executed");
    // A pickle that runs a command where it is trusted, before a checkpoint's dictionary.
    let command = format!("touch {}", marker.display());
    let whole = fs::read(deepviz_fixtures::cuda_convnet("like_80sec/1.1")).unwrap();
    let start = [b"\x80\x02cposix\nsystem\nU", &[command.len() as u8][..], command.as_bytes(), b"\x85R0"].concat();
    fs::write(fixture.path("1.1"), [&start[..], &whole[2..]].concat()).unwrap();
    let args = ["import", "--from", "cuda-convnet", "1.1", "--run", "run", "--corpus", &corpus()];
    fixture.run(&args).expect_good();
    assert_eq!(steps(&fixture), [2]);
    assert!(!Path::new(&marker).exists());
}
