//! A small run, made by hand: real images, a real network, snapshots that drift.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use deepviz_corpus::{Corpus, ShapesOptions, Split, make_shapes};
use deepviz_net::{CorpusInfo, Device, Network, Parameters, Recipe, Run, RunInfo, Shape, Snapshot, Step, VectorLevel};
use deepviz_stats::{Job, Observer, Summary, compute};

const RECIPE: &str = r#"
[[layer]]
name = "conv1"
type = "conv"
filters = 6
size = 5
stride = 2
init = { type = "normal", std = 0.02 }
[[layer]]
name = "relu1"
type = "relu"
[[layer]]
name = "fc16"
type = "full"
outputs = 16
init = { type = "normal", std = 0.02 }
[[layer]]
name = "relu2"
type = "relu"
[[layer]]
name = "fc10"
type = "full"
outputs = 10
init = { type = "normal", std = 0.2 }
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 50
stages = [{ epochs = 4, rate = 0.001 }]
[snapshots]
every = "1 epoch"
"#;

/// A run in a folder that is deleted with it.
pub struct Fixture {
    folder: tempfile::TempDir,
    pub corpus: Corpus,
    pub network: Arc<Network>,
}

impl Fixture {
    /// A corpus of 300 and 100 images, and a run without snapshots.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join("shapes");
        make_shapes(&images, &ShapesOptions { images: 400, test_fraction: 0.25, seed: 5 }).unwrap();
        let corpus = Corpus::open(&images).unwrap();
        let recipe = Recipe::parse(RECIPE, "tiny.toml", &[]).unwrap();
        let shape = corpus.common_shape().unwrap();
        let image = Shape { channels: shape.channels, height: shape.height, width: shape.width };
        let network = Arc::new(Network::new(&recipe, image, corpus.classes().len()).unwrap());
        let fixture = Self { folder, corpus, network };
        let run = fixture.path();
        std::fs::create_dir_all(run.join("snapshots")).unwrap();
        let info = RunInfo {
            format: 1,
            name: "tiny".into(),
            version: "0.1.0".into(),
            recipe,
            classes: fixture.corpus.classes().to_vec(),
            image,
            corpus: CorpusInfo {
                name: fixture.corpus.name().into(),
                path: fixture.corpus.path().into(),
                identity: fixture.corpus.identity().into(),
                train: fixture.corpus.range(Split::Train).len() as u64,
                first_images: fixture.corpus.first_images(),
                reading: std::collections::BTreeMap::default(),
                test: fixture.corpus.range(Split::Test).len() as u64,
            },
            seed: 9,
            vector_level: VectorLevel::Portable.name().into(),
            train_images: 300,
            steps_per_epoch: 6,
            total_steps: 24,
            snapshot_steps: vec![0, 6, 12, 18, 24],
        };
        info.write(&run).unwrap();
        fixture
    }

    /// The same with snapshots at these steps.
    pub fn with_snapshots(steps: &[u64]) -> Self {
        let fixture = Self::new();
        for &step in steps {
            fixture.write_snapshot(step, 1);
        }
        fixture
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    pub fn run(&self) -> Run {
        Run::open(&self.path()).unwrap()
    }

    /// Weights between those of two seeds, so that neighbours in time are alike.
    pub fn parameters(&self, step: u64, seed: u64) -> Parameters {
        let mut parameters = Parameters::initial(&self.network, seed);
        let other = Parameters::initial(&self.network, seed + 100);
        for ((_, mine), (_, theirs)) in parameters.iter_mut().zip(other.iter()) {
            mine.zip_mut_with(theirs, |a, b| *a += step as f32 / 24.0 * b);
        }
        parameters
    }

    pub fn write_snapshot(&self, step: u64, seed: u64) -> Snapshot {
        self.write_parameters(step, self.parameters(step, seed))
    }

    pub fn write_parameters(&self, step: u64, parameters: Parameters) -> Snapshot {
        let snapshot = Snapshot {
            step: Step(step),
            epoch: step as f64 / 6.0,
            images_seen: step * 50,
            hash: String::new(),
            parameters,
            mean: self.corpus.mean(self.corpus.range(Split::Train)),
            std: None,
            optimizer: Parameters::zeros(&self.network),
        }
        .sealed();
        snapshot.write(&self.snapshot_path(step)).unwrap();
        snapshot
    }

    pub fn snapshot_path(&self, step: u64) -> PathBuf {
        Run::snapshot_path(&self.path(), Step(step))
    }

    pub fn compute(&self) -> Summary {
        self.compute_with(|_| (), &mut ())
    }

    pub fn compute_with(&self, change: impl FnOnce(&mut Job<'_>), observer: &mut dyn Observer) -> Summary {
        let run = self.run();
        let mut job = Job::new(&run, &self.corpus, device());
        job.clusters = 8;
        job.nearest = 5;
        change(&mut job);
        compute(&job, observer, &AtomicBool::new(false)).unwrap()
    }

    pub fn database(&self) -> PathBuf {
        self.path().join(deepviz_stats::FILE_NAME)
    }
}

pub fn device() -> Device {
    Device::cpu(Some(2), None).unwrap()
}

/// Cuts a file to half its length.
pub fn truncate(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}
