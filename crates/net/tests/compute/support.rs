//! Small networks with random weights and images, and comparisons in which NaN fails.

use crate::naive::{self, Named, Values};
use deepviz_net::random::Stream;
use deepviz_net::recipe::short;
use deepviz_net::{Batch, Device, Engine, Model, Network, Parameters, Preprocess, Recipe, Shape, VectorLevel};
use ndarray::{Array3, ArrayView3};
use std::io::Write as _;
use std::sync::{Arc, Once, OnceLock};

pub const LEVELS: [VectorLevel; 3] = VectorLevel::ALL;

/// A CPU device at a vector level; `None` if this machine lacks the level. Missing levels are reported once, to stderr
/// past the test harness's capture.
pub fn device(threads: usize, level: VectorLevel) -> Option<Device> {
    static SAID: Once = Once::new();
    if !level.is_available() {
        SAID.call_once(|| {
            let missing = VectorLevel::ALL.into_iter().filter(|level| !level.is_available());
            let names: Vec<&str> = missing.map(VectorLevel::name).collect();
            let mut stderr = std::io::stderr();
            writeln!(stderr, "SKIPPED on this machine, which lacks it: {}", names.join(", ")).unwrap();
        });
        return None;
    }
    Some(Device::cpu(Some(threads), Some(level)).unwrap())
}

/// Every device of this machine: the CPU at each of its vector levels, and a GPU. A missing GPU is reported once; with
/// `DEEPVIZ_REQUIRE_GPU=1` it is a failure.
pub fn devices(threads: usize) -> impl Iterator<Item = Device> {
    LEVELS.into_iter().filter_map(move |level| device(threads, level)).chain(gpu())
}

/// The first GPU.
pub fn gpu() -> Option<Device> {
    static FOUND: OnceLock<Option<Device>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let found = Device::cuda(0);
        if let Err(error) = &found {
            assert!(std::env::var_os("DEEPVIZ_REQUIRE_GPU").is_none_or(|value| value != "1"), "{error}");
            let mut stderr = std::io::stderr();
            writeln!(stderr, "SKIPPED without a GPU: {error}").unwrap();
        }
        found.ok()
    });
    found.clone()
}

/// A network, weights, images and labels.
pub struct Case {
    pub network: Arc<Network>,
    pub preprocess: Arc<Preprocess>,
    pub parameters: Parameters,
    pub images: Vec<Array3<u8>>,
    pub labels: Vec<u16>,
    /// The layers in short notation ([`short`]), as given to [`Case::new`].
    pub layers: String,
}

pub const CLASSES: usize = 3;

/// A recipe of layers in short notation that ends with a fully connected layer and the softmax.
pub fn recipe(layers: &str) -> Recipe {
    let mut text = String::from("[data]\nscale = 0.01\nmean = \"none\"\n");
    let ends = "\nlogits full outputs=3 init={type=\"normal\",std=0.3}\nprobs softmax";
    text += &short(&format!("{layers}{ends}"));
    text += "[train]\nbatch = 8\n[[train.stages]]\nepochs = 1\nrate = 0.1\n";
    Recipe::parse(&text, "test.toml", &[]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

impl Case {
    /// Weights are random so that activations keep their size; biases too.
    pub fn new(layers: &str, image: Shape, count: usize) -> Self {
        let network = Arc::new(Network::new(&recipe(layers), image, CLASSES).unwrap());
        let mut parameters = Parameters::zeros(&network);
        let weights = Stream::new(7, &[1]);
        let mut drawn = 0;
        for (name, array) in parameters.iter_mut() {
            let fan: usize = match array.shape() {
                [_, inputs] => *inputs,
                [.., c, r, s] if array.ndim() > 3 => c * r * s,
                _ => 4,
            };
            let std = 1.0 / (fan as f64).sqrt();
            for value in array.iter_mut() {
                *value = (std * weights.normal(drawn)) as f32;
                drawn += 1;
            }
            if name.ends_with(".running_var") {
                array.mapv_inplace(|value| value.abs() + 0.3);
            }
        }
        let pixels = Stream::new(7, &[2]);
        let images = (0..count).map(|index| {
            Array3::from_shape_fn(image.dims(), |(c, y, x)| {
                let at = ((index * 64 + c) * 64 + y) * 64 + x;
                pixels.below(at as u64, 256) as u8
            })
        });
        Self {
            preprocess: Arc::new(network.preprocess(None, None)),
            parameters,
            images: images.collect(),
            labels: (0..count).map(|index| (index % CLASSES) as u16).collect(),
            layers: layers.trim().to_owned(),
            network,
        }
    }

    pub fn image_views(&self) -> Vec<ArrayView3<'_, u8>> {
        self.images.iter().map(Array3::view).collect()
    }

    pub fn model(&self, device: &Device) -> Model {
        let (network, preprocess) = (Arc::clone(&self.network), Arc::clone(&self.preprocess));
        Model::new(network, preprocess, &self.parameters, device).unwrap()
    }

    pub fn engine(&self, device: &Device) -> Engine {
        let (network, preprocess) = (Arc::clone(&self.network), Arc::clone(&self.preprocess));
        Engine::new(network, preprocess, device).unwrap()
    }

    /// Loss, errors and gradients of all images as one batch.
    pub fn gradients(&self, engine: &mut Engine, dropout_seed: u64) -> (f64, f64, Parameters) {
        self.smoothed_gradients(engine, dropout_seed, 0.0)
    }

    /// The same with label smoothing.
    pub fn smoothed_gradients(
        &self,
        engine: &mut Engine,
        dropout_seed: u64,
        label_smoothing: f32,
    ) -> (f64, f64, Parameters) {
        let centre = self.network.centre_view();
        let mut into = Parameters::zeros(&self.network);
        // The previous content must not matter.
        into.fill(f32::NAN);
        let batch = Batch {
            images: &self.image_views(),
            labels: &self.labels,
            views: &vec![centre; self.images.len()],
            noise: dropout_seed,
            label_smoothing,
        };
        let result = engine.gradients(&self.parameters, &batch, &mut into).unwrap();
        (result.loss_sum, result.errors, into)
    }

    /// The parameters for the naive implementation.
    pub fn named(&self) -> Named {
        let doubles = |(name, array): (&str, &ndarray::ArrayD<f32>)| {
            (name.to_owned(), array.iter().map(|v| f64::from(*v)).collect())
        };
        self.parameters.iter().map(doubles).collect()
    }

    /// The preprocessed input of the network.
    pub fn input(&self, image: usize) -> Values {
        let mut out = Array3::zeros(self.network.input().dims());
        let view = self.network.centre_view();
        let pixels = self.images[image].view();
        self.preprocess.write(pixels, view, out.view_mut()).unwrap();
        out.iter().map(|v| f64::from(*v)).collect()
    }

    /// The activations of every layer by the naive implementation.
    pub fn naive(&self, image: usize) -> Vec<Values> {
        naive::forward(&self.network, &self.named(), &self.input(image))
    }
}

/// Largest difference relative to the largest expected value; NaN anywhere is infinitely far.
pub fn distance(found: impl IntoIterator<Item = f64>, expected: &[f64]) -> f64 {
    let (mut worst, mut largest, mut count) = (0.0_f64, 1e-6_f64, 0);
    for (found, expected) in found.into_iter().zip(expected) {
        let difference = (found - expected).abs();
        if difference.is_nan() {
            return f64::INFINITY;
        }
        worst = worst.max(difference);
        largest = largest.max(expected.abs());
        count += 1;
    }
    if count == expected.len() { worst / largest } else { f64::INFINITY }
}

/// Panics unless the values agree within `tolerance` of the largest.
pub fn assert_close(found: impl IntoIterator<Item = f64>, expected: &[f64], tolerance: f64, what: &str) {
    let distance = distance(found, expected);
    assert!(distance <= tolerance, "{what}: off by {distance:e}");
}

#[test]
fn nan_is_never_close() {
    assert!(distance([f64::NAN], &[0.0]).is_infinite());
    assert!(distance([0.0], &[f64::NAN]).is_infinite());
    assert!(distance([0.0], &[0.0, 0.0]).is_infinite());
    assert!(distance([1.0], &[1.0]) == 0.0);
}
