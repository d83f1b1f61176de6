//! Checkpoints of cuda-convnet against numpy's values (`scripts/reference/cuda_convnet` writes both).
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

use deepviz_net::checkpoint::cuda_convnet::{
    CudaConvnet, Generation, Images, SubtractedMean, checkpoints_in, data_mean,
};
use deepviz_net::run::{RUN_FORMAT, SNAPSHOT_FOLDER};
use deepviz_net::snapshot::RawSnapshot;
use deepviz_net::{CorpusInfo, Device, Error, InputStatistics, MetricKind, Model, Network, Run, RunInfo, Shape, Step};
use ndarray::{Array3, ArrayView3};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const IMAGES: Images = Images { shape: Shape::new(3, 8, 8), classes: 3 };

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/src/cuda_convnet")
}

fn open(name: &str) -> Result<CudaConvnet, Error> {
    CudaConvnet::open(&fixtures().join(name), IMAGES)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(fixtures().join("expected.json")).unwrap()).unwrap()
}

/// The images in a file of the fixtures' corpus, which follow the labels of two bytes each.
fn images(file: &str) -> Vec<Array3<u8>> {
    let bytes = std::fs::read(fixtures().join("corpus").join(file)).unwrap();
    let count = bytes.len() / (2 + IMAGES.shape.len());
    let pixels = bytes[2 * count..].chunks_exact(IMAGES.shape.len());
    pixels.map(|pixels| Array3::from_shape_vec((3, 8, 8), pixels.to_vec()).unwrap()).collect()
}

fn views(images: &[Array3<u8>]) -> Vec<ArrayView3<'_, u8>> {
    images.iter().map(Array3::view).collect()
}

fn run_of(checkpoint: &CudaConvnet, folder: &Path) -> Run {
    let corpus = CorpusInfo {
        name: "random".into(),
        path: "corpus".into(),
        identity: "sha256-0".into(),
        train: 12,
        test: 4,
        first_images: Vec::new(),
        reading: std::collections::BTreeMap::default(),
    };
    let info = RunInfo {
        format: RUN_FORMAT,
        name: "imported".into(),
        version: "a test".into(),
        recipe: checkpoint.recipe.clone(),
        classes: ["cat", "dog", "bird"].map(str::to_owned).to_vec(),
        image: IMAGES.shape,
        corpus,
        training: None,
        source: None,
        check: None,
    };
    std::fs::create_dir_all(folder.join(SNAPSHOT_FOLDER)).unwrap();
    info.write(folder).unwrap();
    Run::open(folder).unwrap()
}

/// The mean image that was subtracted, as an import takes it from the training images.
fn mean_of(checkpoint: &CudaConvnet, offset: f64) -> Array3<f32> {
    let network = Network::new(&checkpoint.recipe, IMAGES.shape, IMAGES.classes).unwrap();
    let mean = InputStatistics::new(&network, &views(&images("train.bin"))).unwrap().mean.unwrap();
    assert_eq!(checkpoint.mean, SubtractedMean::Pixel { offset: offset as f32 });
    mean + offset as f32
}

/// Rows of numbers: one an image.
fn rows(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn outputs_are_numpys() {
    for (name, network) in expected().as_object().unwrap() {
        for checkpoint in network["checkpoints"].as_array().unwrap() {
            let file = format!("{name}/{}", checkpoint["file"].as_str().unwrap());
            let found = open(&file).unwrap();
            let (progress, step) = (found.progress, checkpoint["step"].as_u64().unwrap());
            assert_eq!((progress.step, Some(progress.images_seen)), (Step(step), checkpoint["images_seen"].as_u64()));
            assert!((progress.epoch - checkpoint["epoch"].as_f64().unwrap()).abs() < 1e-12, "{file}");
            let folder = tempfile::tempdir().unwrap();
            let run = run_of(&found, folder.path());
            let mean = mean_of(&found, network["mean_offset"].as_f64().unwrap());
            let arrays = found.into_arrays(&mean).unwrap();
            run.add_snapshot(&RawSnapshot::new(Step(step), 1.0, 1, arrays)).unwrap();
            assert_eq!(run.checkpoints()[0].problem, None, "{file}");
            let snapshot = run.weights(Step(step)).unwrap();
            let device = Device::cpu(Some(1), None).unwrap();
            let model = Model::from_snapshot(Arc::clone(run.network()), &snapshot, &device).unwrap();
            let wanted = [run.network().logits(), run.network().output()];
            let outputs = model.forward(&views(&images("test.bin")), &wanted).unwrap();
            for (outputs, key) in outputs.iter().zip(["logits", "probabilities"]) {
                let rows = rows(&checkpoint[key]);
                assert_eq!(outputs.nrows(), rows.len());
                for (found, expected) in outputs.iter().zip(rows.iter().flatten()) {
                    // NaN fails.
                    assert!((f64::from(*found) - expected).abs() < 1e-5, "{file} {key}: {found}, not {expected}");
                }
            }
        }
    }
}

#[test]
fn every_part_of_the_networks_is_translated() {
    let kinds = |file: &str| {
        let checkpoint = open(file).unwrap();
        let kinds: Vec<&str> = checkpoint.recipe.layers.iter().map(|layer| layer.op.kind()).collect();
        kinds.join(" ")
    };
    assert_eq!(
        kinds("like_80sec/1.1"),
        "conv pool relu conv relu pool full relu full softmax",
        "labels and costs are left out"
    );
    assert_eq!(
        kinds("with_norms/3.2"),
        "conv rnorm conv tanh cmrnorm cmrnorm cnorm add local softrelu full full add dropout logistic full softmax"
    );
    let second = open("second/2.2").unwrap();
    assert_eq!((second.generation, second.model.as_deref()), (Generation::Second, Some("layers-tiny.cfg")));
    let layer = |name: &str| second.recipe.layers.iter().find(|layer| layer.name == name).unwrap();
    assert_eq!(layer("fc4c").arrays[0].1, "fc4b.weight", "weights that are shared stay shared");
    // The crop of 6 from images of 8.
    assert_eq!(open("with_norms/3.2").unwrap().recipe.data.crop, Some(6));
    assert_eq!(open("like_80sec/1.1").unwrap().recipe.data.crop, None);
}

#[test]
fn the_history_becomes_measurements() {
    for (file, batches) in [("like_80sec/10.1", 19), ("second/2.2", 4)] {
        let metrics = open(file).unwrap().metrics;
        for kind in [MetricKind::Train, MetricKind::Test] {
            let lines: Vec<_> = metrics.iter().filter(|metric| metric.kind == kind).collect();
            assert_eq!(lines.len(), batches, "{file}");
            for (index, line) in lines.iter().enumerate() {
                let done = index + 1;
                assert!((line.loss.unwrap() - 1.0 / done as f64).abs() < 1e-12, "{file} {index}: {:?}", line.loss);
                assert!((line.error.unwrap() - 0.5 / done as f64).abs() < 1e-12, "{file} {index}");
                // Two updates a batch, of 7 or 5 images.
                assert_eq!(line.step, Step(2 * done as u64));
                assert!((line.epoch - done as f64 / 2.0).abs() < 1e-12);
                assert_eq!(line.images_seen, (12 * (done / 2) + 7 * (done % 2)) as u64);
            }
        }
    }
}

#[test]
fn measurements_are_added_once() {
    let folder = tempfile::tempdir().unwrap();
    let (early, late) = (open("like_80sec/1.2").unwrap(), open("like_80sec/2.1").unwrap());
    let run = run_of(&early, folder.path());
    assert_eq!(run.add_metrics(&early.metrics).unwrap(), 4);
    assert_eq!(run.add_metrics(&late.metrics).unwrap(), 2);
    assert_eq!(run.add_metrics(&early.metrics).unwrap(), 0);
    assert_eq!(run.metrics().unwrap(), late.metrics);
}

#[test]
fn what_cannot_be_computed_is_refused_by_name() {
    for (name, parts) in [
        ("blur", ["layer `blur1` has the type `blur`", "expected conv, local"]),
        ("eltmax", ["layer `max1` has the type `eltmax`", "rnorm"]),
        ("sparse", ["layer `conv1` has filters with randSparse", "no random connections"]),
        ("sum", ["layer `pool1` has a pool that sums", "average"]),
        ("nrelu", ["layer `noise1` has the neuron `nrelu`", "expected relu"]),
        ("outputs", ["layer `conv1` has 100 outputs", "expected 16 (4x2x2)"]),
    ] {
        let error = open(&format!("refused/{name}")).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)) && error.ends_with(name), "{error}");
    }
}

#[test]
fn what_does_not_fit_the_images_is_refused() {
    let of = |shape, classes| {
        CudaConvnet::open(&fixtures().join("like_80sec/1.1"), Images { shape, classes }).unwrap_err().to_string()
    };
    let small = of(Shape::new(3, 7, 8), 3);
    assert!(small.contains("192 values in 3 channels") && small.contains("--corpus"), "{small}");
    let grey = of(Shape::new(1, 8, 8), 3);
    assert!(grey.contains("(1x8x8)"), "{grey}");
    let classes = of(IMAGES.shape, 4);
    assert!(classes.contains("layer `probs`") && classes.contains("4 classes"), "{classes}");
    let larger = Images { shape: Shape::new(3, 10, 9), classes: 3 };
    assert_eq!(CudaConvnet::open(&fixtures().join("like_80sec/1.1"), larger).unwrap().recipe.data.crop, Some(8));
}

#[test]
fn folders_are_read_in_the_order_of_training_and_other_files_are_refused() {
    let files = checkpoints_in(&fixtures().join("like_80sec")).unwrap();
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["1.1", "1.2", "2.1", "10.1"]);
    assert!(checkpoints_in(&fixtures().join("corpus")).unwrap().is_empty());
    let corpus = open("corpus/corpus.json").unwrap_err().to_string();
    assert!(corpus.contains("as a pickle") && corpus.contains("expected"), "{corpus}");
    let meta = open("batches.meta").unwrap_err().to_string();
    assert!(meta.contains("`layers` in `model_state` is nothing"), "{meta}");
    let torch = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/src/checkpoints/plain_2.pt");
    let error = CudaConvnet::open(&torch, IMAGES).unwrap_err().to_string();
    assert!(error.contains("no member `data`") && error.contains("without --from"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    for file in ["like_80sec/1.1", "like_80sec/1.2", "like_80sec/2.1"] {
        let whole = std::fs::read(fixtures().join(file)).unwrap();
        for length in [whole.len() / 3, whole.len() - 30] {
            let cut = folder.path().join("cut");
            std::fs::write(&cut, &whole[..length]).unwrap();
            assert!(matches!(CudaConvnet::open(&cut, IMAGES), Err(Error::Damaged { .. })), "{file} {length}");
        }
    }
}

#[test]
fn any_change_of_a_byte_is_read_or_refused() {
    let whole = std::fs::read(fixtures().join("with_norms/3.2")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("3.2");
    let random = deepviz_net::random::Stream::new(1, &[5]);
    for change in 0..1500 {
        let mut bytes = whole.clone();
        let at = random.below(2 * change, bytes.len() as u64) as usize;
        bytes[at] = random.below(2 * change + 1, 256) as u8;
        std::fs::write(&path, &bytes).unwrap();
        // Whatever comes of it, it comes back, and what is read has the network's shapes.
        if let Ok(checkpoint) = CudaConvnet::open(&path, IMAGES) {
            let network = Network::new(&checkpoint.recipe, IMAGES.shape, IMAGES.classes).unwrap();
            let arrays = checkpoint.into_arrays(&Array3::zeros((3, 8, 8))).unwrap();
            assert_eq!(arrays.len(), 1 + network.parameters().count(), "byte {at}");
        }
    }
}

#[test]
fn the_mean_of_the_data_folder_is_that_of_the_training_images() {
    let mean = data_mean(&fixtures().join("batches.meta"), IMAGES.shape).unwrap();
    let measured = mean_of(&open("like_80sec/1.1").unwrap(), 0.0);
    assert!(mean.iter().zip(&measured).all(|(a, b)| (a - b).abs() < 1e-4));
    let error = data_mean(&fixtures().join("batches.meta"), Shape::new(3, 32, 32)).unwrap_err().to_string();
    assert!(error.contains("[192, 1]") && error.contains("3x32x32"), "{error}");
}

#[test]
fn a_snapshot_without_the_mean_image_is_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let found = open("like_80sec/1.1").unwrap();
    let run = run_of(&found, folder.path());
    let arrays = found.into_arrays(&Array3::zeros((3, 8, 8))).unwrap();
    run.add_snapshot(&RawSnapshot::new(Step(2), 0.5, 7, arrays[1..].to_vec())).unwrap();
    let problem = run.checkpoints()[0].problem.clone().unwrap();
    assert!(problem.contains("`data.mean`") && problem.contains("[3, 8, 8]"), "{problem}");
    assert!(run.weights(Step(2)).is_err());
}
