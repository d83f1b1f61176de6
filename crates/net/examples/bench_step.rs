//! Measures images/s of training and of inference: `bench_step [RECIPE] [--threads N]
//! [--level portable|avx2|avx512] [--batch N] [--seconds S] [--layers | --serve]`. The recipe is a
//! file, or `80sec` or `deep` for the nets that docs/benchmarks.md speaks of. With `--layers`, the time of
//! every layer's forward and backward passes, and their speed as a share of the processor's peak. With `--serve`, reads
//! `train SECONDS` or `infer BATCH SECONDS` from the standard input, line by line, and answers each
//! with the median and the least seconds of a step and the number of steps: so scripts/peers/compare.py
//! can measure other programs in between. Images are noise; speed does not depend on them.

use deepviz_net::profile::{Profile, peak};
use deepviz_net::{Batch, Device, Engine, Error, Model, Network, Parameters, Preprocess, Recipe, Shape};
use ndarray::{Array4, ArrayView3, Axis};
use std::io::BufRead;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

/// What the command line requested.
struct Arguments {
    recipe: String,
    threads: Option<usize>,
    level: Option<String>,
    batch: usize,
    seconds: f64,
    layers: bool,
    serve: bool,
}

fn arguments() -> Result<Arguments, Failure> {
    let mut out = Arguments {
        recipe: "80sec".into(),
        threads: None,
        level: None,
        batch: 128,
        seconds: 3.0,
        layers: false,
        serve: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--threads" => out.threads = Some(value()?.parse()?),
            "--level" => out.level = Some(value()?),
            "--batch" => out.batch = value()?.parse()?,
            "--seconds" => out.seconds = value()?.parse()?,
            "--layers" => out.layers = true,
            "--serve" => out.serve = true,
            _ => out.recipe = word,
        }
    }
    Ok(out)
}

/// Seconds of the median and of the fastest step, and how many there were.
struct Times {
    median: f64,
    min: f64,
    steps: usize,
}

/// Calls `step` for about the given time.
fn measure(seconds: f64, mut step: impl FnMut() -> Result<(), Error>) -> Result<Times, Error> {
    step()?;
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.is_empty() || start.elapsed() < Duration::from_secs_f64(seconds) {
        let begin = Instant::now();
        step()?;
        times.push(begin.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(Times { median: times[times.len() / 2], min: times[0], steps: times.len() })
}

/// A network and all that a step of each kind needs.
struct Bench<'a> {
    network: Arc<Network>,
    /// The largest batch; smaller ones are its first images.
    data: Batch<'a>,
    engine: Engine,
    model: Model,
    parameters: Parameters,
    gradients: Parameters,
    velocity: Parameters,
}

impl<'a> Bench<'a> {
    fn new(
        network: &Arc<Network>,
        preprocess: &Arc<Preprocess>,
        data: Batch<'a>,
        device: &Device,
    ) -> Result<Self, Error> {
        let parameters = Parameters::initial(network, 1);
        Ok(Self {
            data,
            engine: Engine::new(Arc::clone(network), Arc::clone(preprocess), device)?,
            model: Model::new(Arc::clone(network), Arc::clone(preprocess), &parameters, device)?,
            gradients: Parameters::zeros(network),
            velocity: Parameters::zeros(network),
            network: Arc::clone(network),
            parameters,
        })
    }

    /// Loss, gradients and a step of gradient descent with momentum and weight decay.
    fn train(&mut self, count: usize) -> Result<(), Error> {
        self.data.noise += 1;
        let Batch { images, labels, views, .. } = self.data;
        let (images, labels, views) = (&images[..count], &labels[..count], &views[..count]);
        let batch = Batch { images, labels, views, ..self.data };
        self.engine.gradients(&self.parameters, &batch, &mut self.gradients)?;
        let (momentum, decay, rate) = (0.9, 0.004, 1e-3 / count as f32);
        let arrays = self.parameters.iter_mut().zip(self.velocity.iter_mut()).zip(self.gradients.iter());
        for (((_, weights), (_, velocity)), (_, gradient)) in arrays {
            let weights = weights.as_slice_mut().unwrap_or_default();
            let velocity = velocity.as_slice_mut().unwrap_or_default();
            let gradient = gradient.as_slice().unwrap_or_default();
            for ((weight, velocity), gradient) in weights.iter_mut().zip(velocity).zip(gradient) {
                *velocity = momentum * *velocity - rate * (gradient + decay * *weight);
                *weight += *velocity;
            }
        }
        Ok(())
    }

    fn infer(&self, count: usize) -> Result<(), Error> {
        self.model.forward(&self.data.images[..count], &[self.network.output()]).map(|_| ())
    }

    /// Answers what is requested on the standard input.
    fn serve(&mut self, batch: usize) -> Result<(), Failure> {
        println!("ready");
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let times = match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["train", seconds] => measure(seconds.parse()?, || self.train(batch))?,
                ["infer", count, seconds] => {
                    let count: usize = count.parse()?;
                    measure(seconds.parse()?, || self.infer(count))?
                }
                _ => return Err(format!("`{line}` is neither `train SECONDS` nor `infer BATCH SECONDS`").into()),
            };
            println!("{} {} {}", times.median, times.min, times.steps);
        }
        Ok(())
    }
}

/// Times every part of a step on one thread.
fn print_layers(
    mut profile: Profile,
    images: &[ArrayView3<'_, u8>],
    device: &Device,
    seconds: f64,
) -> Result<(), Error> {
    let top = (0..50).map(|_| peak(device)).fold(0.0, f64::max);
    let level = device.vector_level();
    println!("peak {:.1} GFLOP/s on one thread, {level}; chunks of {} images", top / 1e9, profile.images());
    println!("{:16} {:16} {:>10} {:>9} {:>6}", "layer", "part", "us/image", "GFLOP/s", "peak");
    let count = profile.images() as f64;
    let line = |name: &str, what: &str, time: f64, operations: f64| {
        let speed = operations / time;
        println!("{name:16} {what:16} {:10.1} {:9.1} {:5.0}%", time * 1e6, speed / 1e9, 100.0 * speed / top);
    };
    let parts = profile.parts();
    let each = seconds / (parts.len() + 1) as f64;
    let mut whole = measure(each, || profile.load(images))?.min / count;
    line("data", "load", whole, 0.0);
    let mut operations = 0.0;
    for part in parts {
        let time = measure(each, || profile.run(part))?.min / count;
        line(&profile.name(part), &part.phase.to_string(), time, profile.operations(part));
        whole += time;
        operations += profile.operations(part);
    }
    line("all", "", whole, operations);
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments = arguments()?;
    let recipe = match arguments.recipe.as_str() {
        "80sec" => Recipe::parse(include_str!("../../../models/cifar10-80sec.toml"), "cifar10-80sec.toml", &[])?,
        "deep" => Recipe::parse(include_str!("../benches/deep.toml"), "deep.toml", &[])?,
        path => Recipe::load(path.as_ref(), &[])?,
    };
    let level = arguments.level.map(|level| level.parse()).transpose()?;
    let device = Device::cpu(arguments.threads, level)?;
    let network = Arc::new(Network::new(&recipe, Shape::new(3, 32, 32), 10)?);
    let preprocess: Arc<Preprocess> = Arc::new(network.preprocess(None, None));
    let pixels = Array4::from_shape_fn((arguments.batch.max(1000), 3, 32, 32), |(i, c, y, x)| {
        ((i * 7919 + c * 104_729 + y * 1_299_709 + x * 15_485_863) % 251) as u8
    });
    let images: Vec<ArrayView3<'_, u8>> = pixels.axis_iter(Axis(0)).collect();
    if arguments.layers {
        let parameters = Parameters::initial(&network, 1);
        let profile = Profile::new(network, preprocess, &parameters, &images, &device)?;
        return Ok(print_layers(profile, &images, &device, arguments.seconds)?);
    }
    let labels: Vec<u16> = (0..images.len()).map(|i| (i % 10) as u16).collect();
    let views = vec![network.centre_view(); images.len()];
    let data = Batch { images: &images, labels: &labels, views: &views, noise: 0, label_smoothing: 0.0 };
    let mut bench = Bench::new(&network, &preprocess, data, &device)?;
    let (batch, seconds) = (arguments.batch, arguments.seconds);
    if arguments.serve {
        return bench.serve(batch);
    }
    println!("{}: {}", recipe.name, device.describe());
    let print = |what: &str, count: usize, times: &Times| {
        let (median, best) = (count as f64 / times.median, count as f64 / times.min);
        println!("{what:10} batch {count:5} {median:9.0} images/s, best {best:.0}");
    };
    print("training", batch, &measure(seconds, || bench.train(batch))?);
    for count in [1000, 128, 1] {
        print("inference", count, &measure(seconds, || bench.infer(count))?);
    }
    Ok(())
}
