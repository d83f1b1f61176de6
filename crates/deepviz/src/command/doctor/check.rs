//! Every built-in network and some small ones of odd shapes, forward and backward, computed in different
//! ways that must agree: with other vector instructions and on other devices (up to rounding), with other
//! numbers of threads (to the bit).

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use deepviz_net::cuda::Cuda;
use deepviz_net::{Batch, Device, Engine, Model, Network, Parameters, Preprocess, Recipe, Shape, VectorLevel};
use ndarray::{Array3, ArrayView3};
use serde::Serialize;

use super::cases;
use crate::console::Console;
use crate::recipe::BUILT_IN;

/// Relative distances that rounding explains.
const ALLOWED_FORWARD: f64 = 1e-4;
const ALLOWED_BACKWARD: f64 = 1e-3;
const IMAGES: usize = 8;
const CLASSES: usize = 10;

/// Results of one operation, everywhere it occurs, computed in two ways.
#[derive(Debug, Serialize)]
pub struct Check {
    pub operation: &'static str,
    /// Outputs, gradients, or losses of a training.
    pub what: &'static str,
    /// The way to compute that is the reference.
    pub judge: String,
    /// The way that is compared with it.
    pub against: String,
    /// Number of layers, arrays or steps compared.
    pub places: usize,
    /// The largest `|a - b| / |a|` of them; infinite where it is no number.
    pub difference: f64,
    pub allowed: f64,
}

impl Check {
    /// True when the two agree.
    pub fn is_good(&self) -> bool {
        self.difference <= self.allowed
    }
}

/// Every way to compute here: portable code first, the reference of the others; then the CPU at its best,
/// with more threads, and every GPU.
pub fn ways(gpus: &[Cuda]) -> anyhow::Result<Vec<Way>> {
    let mut ways = vec![Way::cpu(1, VectorLevel::Portable)?];
    let best = VectorLevel::detect();
    if best != VectorLevel::Portable {
        ways.push(Way::cpu(1, best)?);
    }
    ways.push(Way::cpu(3, best)?);
    ways.extend(gpus.iter().map(|cuda| Way { device: Device::Cuda(cuda.clone()) }));
    Ok(ways)
}

/// Compares everything.
pub fn all(console: Console, gpus: &[Cuda]) -> anyhow::Result<Vec<Check>> {
    let ways = ways(gpus)?;
    let mut subjects = Vec::new();
    for (name, text) in BUILT_IN {
        let recipe = Recipe::parse(text, name, &[]).context("cannot read a built-in recipe")?;
        subjects.push(((*name).to_owned(), recipe, Shape::new(3, 32, 32)));
    }
    subjects.extend(cases::all()?);
    let mut checks = BTreeMap::new();
    let mut task = console.task("checking", subjects.len() as u64);
    for (done, (name, recipe, image)) in subjects.iter().enumerate() {
        task.set(done as u64, name);
        let subject = Subject::new(recipe, *image)?;
        let results = ways.iter().map(|way| subject.compute(&way.device)).collect::<anyhow::Result<Vec<_>>>()?;
        for (pair, (one, other)) in pairs(&ways).into_iter().enumerate() {
            let is_exact = ways[one].is_same_arithmetic(&ways[other]);
            for (expected, found) in results[one].iter().zip(&results[other]) {
                let allowed = if expected.what == "outputs" { ALLOWED_FORWARD } else { ALLOWED_BACKWARD };
                let check = checks.entry((pair, expected.operation, expected.what)).or_insert_with(|| Check {
                    operation: expected.operation,
                    what: expected.what,
                    judge: ways[one].to_string(),
                    against: ways[other].to_string(),
                    places: 0,
                    difference: 0.0,
                    allowed: if is_exact { 0.0 } else { allowed },
                });
                check.places += 1;
                check.difference = check.difference.max(distance(&expected.values, &found.values));
            }
        }
    }
    Ok(checks.into_values().collect())
}

/// The pairs to compare: the first way with every other, but more threads with one of the same
/// instructions.
fn pairs(ways: &[Way]) -> Vec<(usize, usize)> {
    let reference = |other: usize| (0..other).find(|&one| ways[one].is_same_arithmetic(&ways[other])).unwrap_or(0);
    (1..ways.len()).map(|other| (reference(other), other)).collect()
}

/// A way to compute the same: a device, with its vector instructions and threads.
#[derive(Debug, Clone)]
pub struct Way {
    pub device: Device,
}

impl Way {
    fn cpu(threads: usize, level: VectorLevel) -> anyhow::Result<Self> {
        Ok(Self { device: Device::cpu(Some(threads), Some(level)).context("cannot use the CPU")? })
    }

    /// True when the results are the same to the bit: the CPU's are for any number of threads.
    fn is_same_arithmetic(&self, other: &Self) -> bool {
        match (&self.device, &other.device) {
            (Device::Cpu(one), Device::Cpu(other)) => one.level() == other.level(),
            _ => false,
        }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.device {
            Device::Cpu(cpu) => {
                let plural = if cpu.threads() == 1 { "" } else { "s" };
                write!(f, "{}, {} thread{plural}", cpu.level(), cpu.threads())
            }
            other => f.write_str(&other.describe()),
        }
    }
}

/// The result of one layer or array.
struct Part {
    operation: &'static str,
    what: &'static str,
    values: Vec<f32>,
}

/// A network with weights and images.
struct Subject {
    network: Arc<Network>,
    preprocess: Arc<Preprocess>,
    parameters: Parameters,
    images: Vec<Array3<u8>>,
    label_smoothing: f32,
}

impl Subject {
    fn new(recipe: &Recipe, image: Shape) -> anyhow::Result<Self> {
        let network = Network::new(recipe, image, CLASSES).context("a network of the doctor's does not fit")?;
        let [channels, height, width] = network.image().dims();
        let mean = Array3::from_elem((channels, height, width), 127.5);
        Ok(Self {
            preprocess: Arc::new(network.preprocess(Some(mean), None)),
            parameters: Parameters::initial(&network, 1),
            label_smoothing: recipe.training()?.label_smoothing as f32,
            images: (0..IMAGES).map(|index| noise(index, [channels, height, width])).collect(),
            network: Arc::new(network),
        })
    }

    /// Outputs of every layer and gradients of every array.
    fn compute(&self, device: &Device) -> anyhow::Result<Vec<Part>> {
        let images: Vec<ArrayView3<'_, u8>> = self.images.iter().map(Array3::view).collect();
        let layers = self.network.layers();
        let wanted: Vec<usize> = (0..layers.len()).collect();
        let model = Model::new(Arc::clone(&self.network), Arc::clone(&self.preprocess), &self.parameters, device)?;
        let outputs = model.forward(&images, &wanted).context("cannot compute forward")?;
        let forward = layers.iter().zip(outputs).map(|(layer, output)| Part {
            operation: layer.op.kind(),
            what: "outputs",
            values: output.into_iter().collect(),
        });
        let gradients = self.gradients(device)?;
        let backward = layers.iter().flat_map(|layer| layer.parameters.iter().map(|spec| (layer.op.kind(), spec)));
        let backward = backward.filter_map(|(operation, spec)| {
            let values = gradients.get(&spec.name)?.iter().copied().collect();
            Some(Part { operation, what: "gradients", values })
        });
        Ok(forward.chain(backward).collect())
    }

    fn gradients(&self, device: &Device) -> anyhow::Result<Parameters> {
        let mut engine = Engine::new(Arc::clone(&self.network), Arc::clone(&self.preprocess), device)?;
        let labels: Vec<u16> = (0..IMAGES).map(|index| (index % CLASSES) as u16).collect();
        let views = vec![self.network.centre_view(); IMAGES];
        let images: Vec<ArrayView3<'_, u8>> = self.images.iter().map(Array3::view).collect();
        let label_smoothing = self.label_smoothing;
        let batch = Batch { images: &images, labels: &labels, views: &views, noise: 1, label_smoothing };
        let mut gradients = Parameters::zeros(&self.network);
        engine.gradients(&self.parameters, &batch, &mut gradients).context("cannot compute backward")?;
        Ok(gradients)
    }
}

/// An image of noise, the same everywhere.
fn noise(index: usize, [channels, height, width]: [usize; 3]) -> Array3<u8> {
    let mut state = index as u32 + 1;
    Array3::from_shape_fn((channels, height, width), |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
}

/// `|a - b| / |a|`; what is no number is infinitely far.
fn distance(expected: &[f32], found: &[f32]) -> f64 {
    let square = |value: f64| value * value;
    let norm: f64 = expected.iter().map(|&a| square(f64::from(a))).sum();
    let apart: f64 = expected.iter().zip(found).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let distance = if apart == 0.0 { 0.0 } else { (apart / norm).sqrt() };
    if distance.is_nan() || expected.len() != found.len() { f64::INFINITY } else { distance }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_a_mismatch() {
        assert!(distance(&[1.0, 2.0], &[1.0, f32::NAN]).is_infinite());
        assert!(distance(&[1.0, 2.0], &[1.0]).is_infinite());
        assert!(distance(&[0.0], &[1.0]).is_infinite());
        assert!(distance(&[0.0, 3.0], &[0.0, 3.0]).abs() < f64::EPSILON);
        assert!((distance(&[3.0, 4.0], &[3.0, 4.5]) - 0.1).abs() < 1e-12);
    }
}
