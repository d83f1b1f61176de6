//! Gradients with respect to the pixels: plain, smoothed, integrated, and with other rules for rectifiers.

use crate::error::Error;
use crate::target::Target;
use deepviz_net::random::Stream;
use deepviz_net::{Backward, Network, RectifierRule, Trace};
use ndarray::{Array1, Array2, Array3, ArrayView3};

/// Copies with noise that a smoothed gradient is the mean of.
const COPIES: u64 = 32;
/// Standard deviation of that noise, as a share of the range of the input's values.
const NOISE: f32 = 0.15;
/// Steps on the line of integrated gradients.
pub(crate) const STEPS: usize = 64;

/// The sum of the gradients with respect to the network's input at several inputs.
///
/// They are summed at the end of the linear prefix ([`Network::linear_prefix`]), and propagated through it once, not
/// once an input.
pub(crate) fn summed(
    trace: &mut Trace<'_>,
    network: &Network,
    (inputs, target): (&[Array3<f32>], Target),
    rule: RectifierRule,
) -> Result<Array1<f32>, Error> {
    let (from, seed) = (network.logits(), target.seed(network.classes()));
    let prefix = network.linear_prefix().min(from);
    let mut sum = Array1::zeros(network.layers()[prefix].shape.len());
    let mut images = 0;
    for chunk in inputs.chunks(trace.capacity().max(1)) {
        let views: Vec<ArrayView3<'_, f32>> = chunk.iter().map(Array3::view).collect();
        trace.forward(&views, from, &[])?;
        let seeds = Array2::from_shape_fn((chunk.len(), seed.len()), |(_, class)| seed[class]);
        let gradients = trace.backward(seeds.view(), Backward { from, rule, wanted: &[prefix] })?;
        for row in gradients[0].rows() {
            sum += &row;
        }
        images = chunk.len();
    }
    if prefix == 0 || images == 0 {
        return Ok(sum);
    }
    // The sum stands for the gradient of the first image; those of the others are zero.
    let mut seeds = Array2::zeros((images, sum.len()));
    seeds.row_mut(0).assign(&sum);
    let gradients = trace.backward(seeds.view(), Backward { from: prefix, rule, wanted: &[0] })?;
    Ok(gradients[0].row(0).to_owned())
}

/// The copies of an input that a smoothed gradient is taken at.
pub(crate) fn noisy(input: &Array3<f32>) -> impl Iterator<Item = Array3<f32>> {
    let ends = input.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
    let deviation = NOISE * (ends.1 - ends.0);
    (0..COPIES).map(move |copy| {
        let noise = Stream::new(0, &[copy]);
        let mut index = 0;
        input.mapv(|value| {
            index += 1;
            value + deviation * noise.normal(index) as f32
        })
    })
}

/// Copies of [`noisy`].
pub(crate) const fn copies() -> f32 {
    COPIES as f32
}

/// The midpoints of the steps from zero to an input.
pub(crate) fn line(input: &Array3<f32>) -> impl Iterator<Item = Array3<f32>> {
    (0..STEPS).map(move |step| {
        let share = (step as f32 + 0.5) / STEPS as f32;
        input.mapv(|value| value * share)
    })
}
