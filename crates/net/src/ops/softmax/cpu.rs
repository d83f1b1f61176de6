//! Softmax and the cross-entropy loss on the CPU; with one float a class and image, their speed does not matter.

use super::Softmax;
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};

impl CpuLayer for Softmax {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        forward(chunk.images, x.first(), &mut y);
    }

    /// Whatever the loss: `dx = p (dy - sum of dy p)`.
    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        backward(chunk.images, known.y, known.dy, &mut dx.zeroed_unless_written(chunk.images));
        Ok(())
    }
}

/// Loss and error of one image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LossAndError {
    /// -log p\[label\], or the smoothed loss.
    pub loss: f64,
    /// 0 if right, 1 if wrong, 1 - 1/t if t classes tie with the label.
    pub error: f64,
}

/// What an image should be classified as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub label: usize,
    /// Share of the loss that smooths the target towards uniform.
    pub smoothing: f32,
}

/// Probabilities of the first `images` images.
fn forward(images: usize, x: FeatureMaps<'_>, y: &mut FeatureMapsMut<'_>) {
    for image in 0..images {
        let logits = &x.values[x.layout.pixel(image, 0, 0)];
        let probabilities = &mut y.values[y.layout.pixel(image, 0, 0)];
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for (p, logit) in probabilities.iter_mut().zip(logits) {
            *p = (logit - most).exp();
            sum += *p;
        }
        for p in probabilities {
            *p /= sum;
        }
    }
}

/// Adds to the logits' gradient, whatever the loss: `dx = p (dy - sum of dy p)`.
fn backward(images: usize, y: FeatureMaps<'_>, dy: FeatureMaps<'_>, dx: &mut FeatureMapsMut<'_>) {
    for image in 0..images {
        let probabilities = &y.values[y.layout.pixel(image, 0, 0)];
        let gradient = &dy.values[dy.layout.pixel(image, 0, 0)];
        let dot: f32 = probabilities.iter().zip(gradient).map(|(p, g)| p * g).sum();
        let dx = &mut dx.values[dx.layout.pixel(image, 0, 0)];
        for ((dx, p), g) in dx.iter_mut().zip(probabilities).zip(gradient) {
            *dx += p * (g - dot);
        }
    }
}

/// What a network computes for the classes.
#[derive(Clone, Copy)]
pub(crate) struct ClassOutputs<'a> {
    pub logits: FeatureMaps<'a>,
    pub probabilities: FeatureMaps<'a>,
}

/// The loss and error of one image; writes its loss' gradient with respect to the logits, `p - target`: the target is 1
/// for the label, or with smoothing `1 - s` there and `s / classes` everywhere besides.
pub(crate) fn cross_entropy(
    image: usize,
    Target { label, smoothing }: Target,
    outputs: ClassOutputs<'_>,
    dx: &mut FeatureMapsMut<'_>,
) -> LossAndError {
    let values = |maps: FeatureMaps<'_>| maps.layout.pixel(image, 0, 0);
    let (logits, probabilities) =
        (&outputs.logits.values[values(outputs.logits)], &outputs.probabilities.values[values(outputs.probabilities)]);
    let dx = &mut dx.values[dx.layout.pixel(image, 0, 0)];
    let share = smoothing / logits.len() as f32;
    for (dx, p) in dx.iter_mut().zip(probabilities) {
        *dx = p - share;
    }
    dx[label] -= 1.0 - smoothing;
    let own = f64::from(logits[label]);
    // From the logits, not from p: p may have become 0.
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|x| f64::from(x - most).exp()).sum();
    let mut loss = f64::from(most) + sum.ln() - own;
    if smoothing > 0.0 {
        let mean = logits.iter().map(|x| f64::from(*x)).sum::<f64>() / logits.len() as f64;
        loss += f64::from(smoothing) * (own - mean);
    }
    let best = probabilities.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let error = if probabilities[label] >= best {
        let ties = probabilities.iter().filter(|&&p| p >= best).count();
        1.0 - 1.0 / ties.max(1) as f64
    } else {
        1.0
    };
    LossAndError { loss, error }
}
