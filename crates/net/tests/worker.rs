//! Networks that another process computes, against a small program that speaks the worker's protocol.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]
#![cfg(unix)]

use deepviz_net::ops::{External, Softmax};
use deepviz_net::{CompiledNetwork, Device, Error, Model, Network, Shape, Snapshot, Step, Worker};
use ndarray::{Array3, ArrayView3};
use std::path::Path;
use std::sync::Arc;

/// Doubles the pixels (`maps`), and gives their sum and a constant (`fc`, the step). Its run's name says what goes wrong.
const PROGRAM: &str = r#"#!/usr/bin/env python3
import json, os, struct, sys
run = os.path.basename(sys.argv[3])
if run == "refuses":
    print(json.dumps({"error": "no torch here"}), flush=True)
    sys.exit(1)
print(json.dumps({"protocol": 2 if run == "newer" else 1}), flush=True)
out = sys.stdout.buffer
while line := sys.stdin.buffer.readline():
    question = json.loads(line)
    images = question["images"]
    values = struct.unpack(f"<{images * 4}f", sys.stdin.buffer.read(images * 16))
    if run == "ends":
        sys.exit(3)
    if run == "errs":
        out.write(json.dumps({"error": "out of memory"}).encode() + b"\n")
        out.flush()
        continue
    answers = {"maps": [2 * value for value in values], "fc": []}
    for image in range(images):
        answers["fc"] += [sum(values[4 * image:4 * image + 4]), question["step"]]
    floats = [3 if run == "other" else len(answers[name]) // images for name in question["layers"]]
    out.write(json.dumps({"floats": floats}).encode() + b"\n")
    for name in question["layers"]:
        out.write(struct.pack(f"<{len(answers[name])}f", *answers[name]))
    out.flush()
"#;

fn external(output: [usize; 3], module: &str) -> External {
    let [channels, height, width] = output;
    External { output: Shape::new(channels, height, width), module: module.into(), remark: None, weight: None }
}

fn network() -> Arc<Network> {
    let network = Network::builder(Shape::new(1, 2, 2))
        .layer("maps", external([1, 2, 2], "Double"), &["data"])
        .layer("fc", external([2, 1, 1], "Sum"), &["maps"])
        .layer("probs", Softmax, &["fc"]);
    Arc::new(network.build().unwrap())
}

fn snapshot(step: u64) -> Snapshot {
    Snapshot {
        step: Step(step),
        epoch: 0.0,
        images_seen: 0,
        hash: "sha256:0".into(),
        parameters: deepviz_net::Parameters::default(),
        mean: None,
        std: None,
        optimizer: deepviz_net::Parameters::default(),
    }
}

/// The program, and the model of a run of that name.
fn model(folder: &Path, run: &str) -> Result<Model, Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let program = folder.join("python");
    std::fs::write(&program, PROGRAM).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let device = Device::Worker(Worker::new(&program, &folder.join(run), None));
    CompiledNetwork::new(network(), &device).model(&snapshot(7))
}

fn images() -> Vec<Array3<u8>> {
    (0..70_u8).map(|first| Array3::from_shape_fn((1, 2, 2), |(_, y, x)| first + (2 * y + x) as u8)).collect()
}

#[test]
fn layers_come_from_the_process_and_the_softmax_from_here() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), "run").unwrap();
    let images = images();
    let views: Vec<ArrayView3<'_, u8>> = images.iter().map(Array3::view).collect();
    let outputs = model.forward(&views, &[3, 1, 0]).unwrap();
    for (index, (probabilities, maps)) in outputs[0].rows().into_iter().zip(outputs[1].rows()).enumerate() {
        let first = index as f32;
        assert_eq!(maps.to_vec(), [2.0 * first, 2.0 * first + 2.0, 2.0 * first + 4.0, 2.0 * first + 6.0]);
        let expected = 1.0 / (1.0 + (7.0 - (4.0 * first + 6.0)).exp());
        assert!((probabilities[0] - expected).abs() < 1e-6, "{index}: {probabilities} {expected}");
    }
    assert_eq!(outputs[2].row(3).to_vec(), [3.0, 4.0, 5.0, 6.0]);
    let watch = |seen: &mut Vec<(usize, usize, f32)>, layer: usize, output: deepviz_net::LayerOutput<'_>| {
        seen.push((layer, output.images(), output.rows(0).next().unwrap()[0]));
    };
    let (logits, seen) = model.forward_watched(&views, &[2], watch).unwrap();
    assert_eq!(logits[0].row(69).to_vec(), [4.0 * 69.0 + 6.0, 7.0]);
    assert_eq!(seen[1][1], (1, 6, 128.0), "the second chunk begins with image 64");
    assert!(matches!(model.input_gradient(views[0], 1, &[1.0, 0.0, 0.0, 0.0]), Err(Error::NoGradients)));
}

#[test]
fn what_goes_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (run, reason) in [
        ("refuses", "no torch here"),
        ("newer", "protocol 2, expected 1"),
        ("ends", "it ended"),
        ("errs", "out of memory"),
        ("other", "[3] values an image, expected [2]"),
    ] {
        let model = model(folder.path(), run).unwrap();
        let images = images();
        for _ in 0..2 {
            let error = model.forward(&[images[0].view()], &[2]).unwrap_err().to_string();
            assert!(error.contains(reason), "{run}: {error}");
        }
    }
    let absent = Device::Worker(Worker::new(&folder.path().join("none"), folder.path(), None));
    let model = CompiledNetwork::new(network(), &absent).model(&snapshot(1)).unwrap();
    assert!(model.forward(&[images()[0].view()], &[2]).unwrap_err().to_string().contains("cannot be started"));
    let cpu = Device::cpu(Some(1), None).unwrap();
    assert!(matches!(CompiledNetwork::new(network(), &cpu).model(&snapshot(1)), Err(Error::NeedsWorker)));
}

#[test]
fn external_layers_stand_alone() {
    let mixed = Network::builder(Shape::new(1, 2, 2))
        .layer("maps", external([1, 2, 2], "Double"), &["data"])
        .layer("flat", deepviz_net::ops::Clip { low: Some(0.0), high: None }, &["maps"])
        .layer("fc", external([2, 1, 1], "Sum"), &["flat"])
        .layer("probs", Softmax, &["fc"]);
    let error = mixed.build().unwrap_err().to_string();
    assert!(error.contains("external layers only between") && error.contains("flat"), "{error}");
}
