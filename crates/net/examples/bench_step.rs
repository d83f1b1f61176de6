//! Measures images/s of training and of inference: `bench_step [RECIPE] [--threads N]
//! [--level portable|avx2] [--batch N] [--seconds S]`. Without a recipe, a net of the shape of
//! `cifar10-80sec`. Images are noise; speed does not depend on them.

use deepviz_net::{Batch, Device, Engine, Error, Model, Network, Parameters, Preprocess, Recipe, Shape, View};
use ndarray::{Array4, ArrayView3, Axis};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DEFAULT: &str = r#"
[data]
[[layer]]
name = "conv1"
type = "conv"
filters = 32
size = 5
padding = 2
[[layer]]
name = "pool1"
type = "pool"
pool = "max"
size = 3
stride = 2
[[layer]]
name = "pool1_neuron"
type = "relu"
[[layer]]
name = "conv2"
type = "conv"
filters = 32
size = 5
padding = 2
[[layer]]
name = "conv2_neuron"
type = "relu"
[[layer]]
name = "pool2"
type = "pool"
pool = "average"
size = 3
stride = 2
[[layer]]
name = "conv3"
type = "conv"
filters = 64
size = 5
padding = 2
[[layer]]
name = "conv3_neuron"
type = "relu"
[[layer]]
name = "pool3"
type = "pool"
pool = "average"
size = 3
stride = 2
[[layer]]
name = "fc64"
type = "full"
outputs = 64
[[layer]]
name = "fc64_neuron"
type = "relu"
[[layer]]
name = "fc10"
type = "full"
outputs = 10
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 128
[[train.stages]]
epochs = 1
rate = 0.001
"#;

/// What the command line asked for.
struct Arguments {
    recipe: Option<String>,
    threads: Option<usize>,
    level: Option<String>,
    batch: usize,
    seconds: f64,
}

fn arguments() -> Result<Arguments, Box<dyn std::error::Error>> {
    let mut out = Arguments { recipe: None, threads: None, level: None, batch: 128, seconds: 3.0 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--threads" => out.threads = Some(value()?.parse()?),
            "--level" => out.level = Some(value()?),
            "--batch" => out.batch = value()?.parse()?,
            "--seconds" => out.seconds = value()?.parse()?,
            _ => out.recipe = Some(word),
        }
    }
    Ok(out)
}

/// Calls `step` for about the given time and returns images/s of the median call.
fn measure(images: usize, seconds: f64, mut step: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    step()?;
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed() < Duration::from_secs_f64(seconds) {
        let begin = Instant::now();
        step()?;
        times.push(begin.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(images as f64 / times[times.len() / 2])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = arguments()?;
    let recipe = match &arguments.recipe {
        Some(path) => Recipe::load(path.as_ref(), &[])?,
        None => Recipe::parse(DEFAULT, "bench.toml", &[])?,
    };
    let level = arguments.level.map(|level| level.parse()).transpose()?;
    let device = Device::cpu(arguments.threads, level)?;
    let image = Shape::new(3, 32, 32);
    let network = Arc::new(Network::new(&recipe, image, 10)?);
    let preprocess: Arc<Preprocess> = Arc::new(network.preprocess(None));
    let n = arguments.batch;
    let pixels = Array4::from_shape_fn((n, 3, 32, 32), |(i, c, y, x)| {
        ((i * 7919 + c * 104_729 + y * 1_299_709 + x * 15_485_863) % 251) as u8
    });
    let images: Vec<ArrayView3<'_, u8>> = pixels.axis_iter(Axis(0)).collect();
    let labels: Vec<u16> = (0..n).map(|i| (i % 10) as u16).collect();
    let views = vec![View::centre(image, network.input()); n];
    let parameters = Parameters::initial(&network, 1);

    let mut engine = Engine::new(Arc::clone(&network), Arc::clone(&preprocess), &device)?;
    let mut gradients = Parameters::zeros(&network);
    let mut noise = 0;
    let training = measure(n, arguments.seconds, || {
        noise += 1;
        let batch = Batch { images: &images, labels: &labels, views: &views, noise };
        engine.gradients(&parameters, &batch, &mut gradients).map(|_| ())
    })?;
    let model = Model::new(Arc::clone(&network), preprocess, &parameters, &device)?;
    let wanted = [network.output()];
    let inference = measure(n, arguments.seconds, || model.forward(&images, &wanted).map(|_| ()))?;
    let single = measure(1, arguments.seconds / 3.0, || model.forward(&images[..1], &wanted).map(|_| ()))?;
    println!("{}: {}", recipe.name, device.describe());
    println!("training  {training:8.0} images/s (batch {n})");
    println!("inference {inference:8.0} images/s (batch {n}), {single:.0} (batch 1)");
    Ok(())
}
