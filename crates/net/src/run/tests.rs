use super::*;
use crate::divergence::NotFinite;
use crate::metrics::MetricKind;
use crate::parameters::Parameters;
use crate::recipe::Recipe;
use crate::shape::Shape;
use ndarray::Array3;

const RECIPE: &str = r#"
[[layer]]
name = "fc"
type = "full"
outputs = 2
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 4
stages = [{ epochs = 2, rate = 0.1 }]
"#;

fn info() -> RunInfo {
    let recipe = Recipe::parse(RECIPE, "small", &[]).unwrap();
    RunInfo {
        format: OWN_FORMAT,
        name: "a run \"with\" quotes".into(),
        version: "0.1.0".into(),
        classes: vec!["a".into(), "b".into()],
        image: Shape::new(1, 2, 2),
        corpus: CorpusInfo {
            name: "c".into(),
            path: "/some/where".into(),
            identity: "ab".repeat(32),
            train: 10,
            first_images: vec!["01".into(), "02".into()],
            reading: std::collections::BTreeMap::default(),
            test: 3,
        },
        training: Some(RunTraining {
            seed: 7,
            vector_level: "avx2".into(),
            train_images: 10,
            steps_per_epoch: 3,
            total_steps: 6,
            snapshot_steps: recipe.snapshots.steps(3, 6).unwrap(),
            spec: recipe.training().unwrap().clone(),
        }),
        source: None,
        check: None,
        recipe,
    }
}

fn folder() -> (tempfile::TempDir, Run) {
    let folder = tempfile::tempdir().unwrap();
    info().write(folder.path()).unwrap();
    std::fs::create_dir(folder.path().join(SNAPSHOT_FOLDER)).unwrap();
    let run = Run::open(folder.path()).unwrap();
    (folder, run)
}

fn snapshot(run: &Run, step: u64) -> Snapshot {
    let parameters = Parameters::initial(run.network(), step);
    Snapshot {
        step: Step(step),
        epoch: step as f64 / 3.0,
        images_seen: step * 4,
        hash: String::new(),
        optimizer: Parameters::zeros(run.network()),
        parameters,
        mean: Some(Array3::zeros((1, 2, 2))),
        std: None,
    }
    .sealed()
}

fn write(run: &Run, step: u64) -> PathBuf {
    let path = Run::snapshot_path(run.path(), Step(step));
    snapshot(run, step).write(&path).unwrap();
    path
}

#[test]
fn a_network_that_was_trained_elsewhere_makes_a_run() {
    let (folder, here) = folder();
    let mut elsewhere = info();
    elsewhere.training = None;
    elsewhere.recipe.train = None;
    elsewhere.write(folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join("run.toml")).unwrap();
    for absent in ["seed", "vector_level", "_steps", "train_images", "[recipe.train]", "[recipe.snapshots]"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
    let run = Run::open(folder.path()).unwrap();
    assert_eq!(run.info().training, None);
    assert_eq!(run.network().parameter_count(), here.network().parameter_count());
    // Epochs and images are those of the snapshots.
    let found =
        Snapshot { optimizer: Parameters::default(), epoch: 2.5, images_seen: 99, ..snapshot(&here, 7) }.sealed();
    found.write(&Run::snapshot_path(folder.path(), Step(7))).unwrap();
    let entry = run.checkpoints().remove(0);
    assert_eq!((entry.problem, entry.images_seen), (None, 99));
    assert!((entry.epoch - 2.5).abs() < 1e-12);
    assert!(run.snapshot(Step(7)).unwrap().optimizer.is_empty());
    // An optimiser's arrays belong to a training.
    write(&here, 8);
    let problem = run.checkpoints().remove(1).problem.unwrap();
    assert!(problem.contains("optimizer.") && problem.contains("expected none"), "{problem}");
    let error = run.info().training().unwrap_err().to_string();
    assert!(error.contains("not trained by deepViz") && error.contains("[recipe.train]"), "{error}");
    // Keys of a training without its `[recipe.train]` are refused.
    std::fs::write(folder.path().join("run.toml"), format!("seed = 7\n{text}")).unwrap();
    let error = Run::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("run.toml:1") && error.contains("`seed`"), "{error}");
}

/// Keys that recipes did not have at first.
const LATER_KEYS: [&str; 12] = [
    "pad",
    "brightness",
    "contrast",
    "bias",
    "label_smoothing",
    "beta2",
    "epsilon",
    "end_rate",
    "end_bias_rate",
    "curve",
    "padding",
    "flatten",
];

#[test]
fn a_run_from_before_the_later_keys_is_the_same_run() {
    let (folder, run) = folder();
    let path = folder.path().join("run.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let is_later = |line: &&str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        // `padding` with a number is that of a convolution or pool, which had it from the start.
        LATER_KEYS.contains(&key) && (key != "padding" || line.contains('"'))
    };
    let old: String = text.lines().filter(|line| !is_later(line)).flat_map(|line| [line, "\n"]).collect();
    assert!(old.len() < text.len());
    std::fs::write(&path, old).unwrap();
    assert_eq!(Run::open(folder.path()).unwrap().info(), run.info());
}

#[test]
fn run_toml_reads_back() {
    let (_folder, run) = folder();
    assert_eq!(run.info(), &info());
}

#[test]
fn images_seen_counts_the_smaller_last_minibatch() {
    let seen: Vec<_> = (0..6).map(|step| info().images_seen(Step(step))).collect();
    assert_eq!(seen, [0, 4, 8, 10, 14, 18]);
}

#[test]
fn checkpoints_come_in_step_order_and_broken_ones_with_their_problem() {
    let (_folder, run) = folder();
    for step in [3, 0, 1_000_000, 6] {
        write(&run, step);
    }
    let broken = Run::snapshot_path(run.path(), Step(3));
    let bytes = std::fs::read(&broken).unwrap();
    std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    let misnamed = Run::snapshot_path(run.path(), Step(5));
    std::fs::copy(Run::snapshot_path(run.path(), Step(6)), misnamed).unwrap();
    std::fs::write(broken.with_file_name(".writing-abc"), b"x").unwrap();

    let entries = run.checkpoints();
    let steps: Vec<_> = entries.iter().map(|entry| entry.step.0).collect();
    assert_eq!(steps, [0, 3, 5, 6, 1_000_000]);
    assert!(entries[1].problem.as_ref().unwrap().contains("cut short"));
    assert!(entries[2].problem.as_ref().unwrap().contains("of step 6"));
    assert_eq!((entries[1].epoch, entries[1].images_seen), (1.0, 10));
    assert_eq!(entries[3].problem, None);
    assert_eq!(entries[3].hash, snapshot(&run, 6).hash);
    // A file that is mended meanwhile is seen again.
    write(&run, 3);
    assert_eq!(run.checkpoints()[1].problem, None);
}

#[test]
fn a_snapshot_of_another_network_is_refused() {
    let (_folder, run) = folder();
    let path = Run::snapshot_path(run.path(), Step(3));
    let other = Recipe::parse(RECIPE, "small", &[("layer.fc.init".into(), "\"glorot\"".into())]);
    let wide = Network::new(&other.unwrap(), Shape::new(1, 3, 3), 2).unwrap();
    let mut snapshot = snapshot(&run, 3);
    snapshot.parameters = Parameters::initial(&wide, 1);
    snapshot.write(&path).unwrap();
    let text = run.snapshot(Step(3)).unwrap_err().to_string();
    assert!(text.contains("`fc.weight`: expected [2, 4], found [2, 9]"), "{text}");
    assert!(run.checkpoints()[0].problem.is_some());
}

#[test]
fn a_snapshot_without_the_mean_it_needs_is_refused() {
    let (_folder, run) = folder();
    let mut snapshot = snapshot(&run, 3);
    snapshot.mean = None;
    snapshot.write(&Run::snapshot_path(run.path(), Step(3))).unwrap();
    let text = run.snapshot(Step(3)).unwrap_err().to_string();
    assert!(text.contains("`data.mean`: expected [1, 2, 2], found none"), "{text}");
    snapshot.mean = Some(Array3::zeros((1, 2, 2)));
    snapshot.std = Some(ndarray::arr1(&[1.0]));
    snapshot.write(&Run::snapshot_path(run.path(), Step(4))).unwrap();
    let text = run.snapshot(Step(4)).unwrap_err().to_string();
    assert!(text.contains("`data.std`: expected none, found [1]"), "{text}");
}

#[test]
fn missing_things_are_named() {
    let (_folder, run) = folder();
    write(&run, 0);
    write(&run, 3);
    let text = run.snapshot(Step(4)).unwrap_err().to_string();
    assert!(text.contains("no snapshot of step 4; the run has 2 of them, from step 0 to 3"), "{text}");
    let none = tempfile::tempdir().unwrap();
    let text = Run::open(none.path()).unwrap_err().to_string();
    assert!(text.contains("not a run folder"), "{text}");
}

#[test]
fn a_newer_run_is_refused_as_such() {
    let (folder, _run) = folder();
    let path = folder.path().join("run.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("format = 1", "format = 3\nfuture = true")).unwrap();
    let error = Run::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 3, .. }), "{error}");
}

#[test]
fn a_run_is_live_while_its_lock_is_held() {
    let (_folder, run) = folder();
    assert!(!run.is_live());
    let lock = RunLock::acquire(run.path()).unwrap();
    assert!(run.is_live() && run.is_live());
    drop(lock);
    assert!(!run.is_live());
}

#[test]
fn metrics_leave_out_a_torn_last_line() {
    let (_folder, run) = folder();
    assert_eq!(run.metrics().unwrap(), []);
    let line = r#"{"step":3,"epoch":1.0,"images_seen":10,"kind":"test","loss":0.5,"error":0.25,"rate":0.1,"images_per_s":9.0}"#;
    std::fs::write(run.path().join(METRICS_FILE), format!("{line}\n{{\"step\":4")).unwrap();
    let metrics = run.metrics().unwrap();
    assert_eq!(metrics.len(), 1);
    assert_eq!((metrics[0].kind, metrics[0].step), (MetricKind::Test, Step(3)));
    assert_eq!(run.metrics_log().unwrap().skipped, None);
}

#[test]
fn lines_that_are_no_metrics_are_left_out_and_reported() {
    let (_folder, run) = folder();
    let line = br#"{"step":3,"epoch":1.0,"images_seen":10,"kind":"test","loss":0.5,"error":0.25,"rate":0.1,"images_per_s":9.0}"#;
    // A block of NUL bytes, half a line, other JSON, no UTF-8, an empty line: each between good ones.
    let bad: [&[u8]; 6] = [&[0; 600], &line[..40], br#"{"epoch":7}"#, b"[1,2]", &[0xff, 0xfe, b'x'], b""];
    for bad in bad {
        for parts in [[&line[..], bad, &line[..]], [bad, &line[..], &line[..]], [&line[..], &line[..], bad]] {
            let text: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied().chain([b'\n'])).collect();
            std::fs::write(run.path().join(METRICS_FILE), text).unwrap();
            let log = run.metrics_log().unwrap();
            assert_eq!(log.lines.len(), 2);
            let skipped = log.skipped.unwrap();
            assert_eq!(skipped.count, 1);
            assert_eq!(skipped.first_line, 1 + parts.iter().position(|part| *part == bad).unwrap());
            assert!(skipped.to_string().contains(&format!("line {}", skipped.first_line)), "{skipped}");
        }
    }
    std::fs::write(run.path().join(METRICS_FILE), b"a\nb\nc\n").unwrap();
    let skipped = run.metrics_log().unwrap().skipped.unwrap();
    assert_eq!((skipped.count, skipped.first_line), (3, 1));
}

/// A line of metrics.jsonl.
fn line(step: u64, kind: &str, rest: &str) -> String {
    format!(r#"{{"step":{step},"epoch":1.0,"images_seen":10,"kind":"{kind}",{rest},"rate":0.5,"images_per_s":9.0}}"#)
}

fn log_of(run: &Run, lines: &[String]) -> MetricsLog {
    std::fs::write(run.path().join(METRICS_FILE), format!("{}\n", lines.join("\n"))).unwrap();
    run.metrics_log().unwrap()
}

#[test]
fn a_divergence_is_read_from_its_own_line() {
    let (_folder, run) = folder();
    let good = line(3, "test", r#""loss":0.5,"error":0.25"#);
    let own = r#"{"step":5,"epoch":1.0,"images_seen":10,"kind":"diverged","what":"loss","found":"x","rate":2.0}"#;
    assert_eq!(log_of(&run, std::slice::from_ref(&good)).divergence, None);
    let log = log_of(&run, &[good, line(5, "train", r#""loss":9.0,"error":0.0"#), own.to_owned()]);
    let divergence = log.divergence.as_ref().unwrap();
    assert_eq!((divergence.step, divergence.what, divergence.found.as_str()), (Step(5), NotFinite::Loss, "x"));
    assert_eq!(log.lines.len(), 2);
    assert!(
        log.is_before_divergence(Step(4)) && !log.is_before_divergence(Step(5)) && !log.is_before_divergence(Step(6))
    );
    assert_eq!(run.metrics().unwrap().len(), 2);
}

#[test]
fn a_measurement_that_is_not_finite_means_that_the_run_has_diverged() {
    let (_folder, run) = folder();
    let lines = [
        line(0, "test", r#""loss":2.5,"error":0.9"#),
        line(3, "test", r#""loss":1.5,"error":0.5"#),
        line(6, "test", r#""loss":null,"error":1.0,"not_finite":3"#),
    ];
    let log = log_of(&run, &lines);
    let divergence = log.divergence.as_ref().unwrap();
    assert_eq!((divergence.step, divergence.what), (Step(6), NotFinite::Outputs));
    assert_eq!((log.lines[2].finite_error(), log.lines[2].finite_loss()), (None, None));
    assert_eq!(log.best_test().unwrap().step, Step(3));
}

#[test]
fn the_best_measurement_is_never_one_of_a_network_that_has_diverged() {
    let (_folder, run) = folder();
    // As older versions wrote it: an error of 0 where no output is finite.
    let wrong = line(5, "test", r#""loss":87.3365,"error":0.0"#);
    let own = r#"{"step":5,"epoch":1.0,"images_seen":10,"kind":"diverged","what":"weights","found":"x","rate":2.0}"#;
    let log = log_of(&run, &[line(3, "test", r#""loss":1.5,"error":0.5"#), wrong, own.to_owned()]);
    assert_eq!(log.best_test().unwrap().step, Step(3));
    assert_eq!(log_of(&run, &[own.to_owned()]).best_test(), None);
}

#[test]
fn a_measurement_has_a_loss_or_null() {
    let (_folder, run) = folder();
    std::fs::write(run.path().join(METRICS_FILE), format!("{}\n", line(3, "test", r#""error":0.5"#))).unwrap();
    assert!(run.metrics_log().unwrap().skipped.unwrap().reason.contains("missing field `loss`"));
    let metric = log_of(&run, &[line(3, "test", r#""loss":null,"error":1.0,"not_finite":3"#)]).lines[0];
    let written = serde_json::to_string(&metric).unwrap();
    assert!(written.contains(r#""loss":null"#) && written.contains(r#""not_finite":3"#), "{written}");
    let written = serde_json::to_string(&Metric { loss: Some(1e22), not_finite: 0, ..metric }).unwrap();
    assert!(written.contains(r#""loss":1e+22"#) && !written.contains("not_finite"), "{written}");
}

#[test]
fn swapped_classes_are_named() {
    let hashes = |hashes: [&str; 3]| hashes.map(str::to_owned).to_vec();
    let mut info = info();
    info.classes = hashes(["cat", "dog", "owl"]);
    info.corpus.first_images = hashes(["01", "02", "03"]);
    let text = info.swapped_classes(&hashes(["02", "01", "03"])).unwrap();
    assert_eq!(text, "classes are swapped: now `cat` holds what `dog` held, `dog` holds what `cat` held");
    let text = info.swapped_classes(&hashes(["04", "03", "03"])).unwrap();
    assert_eq!(text, "classes are swapped: now `dog` holds what `owl` held");
    for found in [["01", "02", "03"], ["01", "04", "03"], ["01", "", "03"]] {
        assert_eq!(info.swapped_classes(&hashes(found)), None, "{found:?}");
    }
    // A run from before first images were recorded, and one of other classes.
    assert_eq!(info.swapped_classes(&[]), None);
    info.corpus.first_images.clear();
    assert_eq!(info.swapped_classes(&hashes(["02", "01", "03"])), None);
}

/// A tensor that is not the network's is found in the header, before gigabytes of it are read.
#[test]
fn a_snapshot_with_more_than_the_network_is_refused_by_its_header() {
    let (folder, run) = folder();
    let path = Run::snapshot_path(folder.path(), Step(0));
    let mut snapshot = snapshot(&run, 0);
    let mut parameters: Vec<_> =
        snapshot.parameters.iter().map(|(name, array)| (name.to_owned(), array.clone())).collect();
    parameters.push(("more.weight".to_owned(), ndarray::ArrayD::zeros(ndarray::IxDyn(&[1000]))));
    snapshot.parameters = Parameters::new(parameters);
    snapshot.sealed().write(&path).unwrap();
    let found = run.checkpoints();
    assert!(found[0].problem.as_ref().is_some_and(|problem| problem.contains("more.weight")), "{found:?}");
    assert!(run.snapshot(Step(0)).unwrap_err().to_string().contains("more.weight"));
}

/// Counting the line of every key from the top of the file would take quadratic time.
#[test]
fn a_long_file_is_read_in_one_pass_and_a_longer_one_is_refused() {
    let lab = tempfile::tempdir().unwrap();
    let path = lab.path().join("run.toml");
    let many = (0..60_000).fold(String::new(), |text, number| text + &format!("[t{number}]\n"));
    std::fs::write(&path, format!("format = 1\n{many}")).unwrap();
    let error = RunInfo::read(lab.path()).unwrap_err().to_string();
    assert!(error.contains("run.toml"), "{error}");
    std::fs::write(&path, "#".repeat(5 << 20)).unwrap();
    let error = RunInfo::read(lab.path()).unwrap_err().to_string();
    assert!(error.contains("more than the"), "{error}");
}
