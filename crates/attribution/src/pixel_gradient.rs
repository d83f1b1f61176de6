//! Gradients with respect to the pixels: plain, smoothed, integrated, and with other rules for rectifiers.

use crate::error::Error;
use crate::target::Target;
use deepviz_net::random::Stream;
use deepviz_net::{Network, RectifierRule, Trace};
use ndarray::{Array1, Array3, ArrayView3};
use std::ops::Range;

/// Copies with noise that a smoothed gradient is the mean of.
const COPIES: u64 = 32;
/// Standard deviation of that noise, as a share of the range of the input's values.
const NOISE: f32 = 0.15;
/// Steps on the line of integrated gradients.
pub(crate) const STEPS: usize = 64;

/// The network inputs that gradients are taken at.
pub(crate) enum Points {
    /// [`STEPS`] midpoints of the way from zero to an input.
    Line(Array3<f32>),
    Inputs(Vec<Array3<f32>>),
}

impl Points {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Line(_) => STEPS,
            Self::Inputs(inputs) => inputs.len(),
        }
    }

    /// Computes the layers up to `last` for some of them.
    fn forward(&self, trace: &mut Trace<'_>, range: Range<usize>, last: usize) -> Result<(), Error> {
        match self {
            Self::Line(end) => {
                let shares: Vec<f32> = range.map(|step| (step as f32 + 0.5) / STEPS as f32).collect();
                let start = Array3::zeros(end.dim());
                trace.forward_line([start.view(), end.view()], &shares, last)?;
            }
            Self::Inputs(inputs) => {
                let views: Vec<ArrayView3<'_, f32>> = inputs[range].iter().map(Array3::view).collect();
                trace.forward(&views, last, &[])?;
            }
        }
        Ok(())
    }
}

/// The sum of the gradients with respect to the network's input at some of the points.
pub(crate) fn summed(
    trace: &mut Trace<'_>,
    network: &Network,
    (points, range): (&Points, Range<usize>),
    (target, rule): (Target, RectifierRule),
) -> Result<Array1<f32>, Error> {
    let (from, seed) = (network.logits(), target.seed(network.classes()));
    let mut sum = Array1::zeros(network.input().len());
    let chunk = trace.capacity().max(1);
    for start in range.clone().step_by(chunk) {
        points.forward(trace, start..range.end.min(start + chunk), from)?;
        sum += &trace.backward_sum(&seed, from, rule)?;
    }
    Ok(sum)
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
