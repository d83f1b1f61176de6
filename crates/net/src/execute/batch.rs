//! A minibatch, and its loss and errors.

use crate::input::View;
use ndarray::ArrayView3;

/// What a training step is computed from.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Images, channels x height x width.
    pub images: &'a [ArrayView3<'a, u8>],
    /// Class of each image.
    pub labels: &'a [u16],
    /// View of each image.
    pub views: &'a [View],
    /// What dropout's masks are drawn from; another one each step.
    pub noise: u64,
    /// Share of the loss that smooths the targets towards uniform.
    pub label_smoothing: f32,
}

/// Loss and errors of a batch, summed over its images.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BatchResult {
    /// Sum of -log p of the true class; with label smoothing, of the smoothed loss.
    pub loss_sum: f64,
    /// Images wrongly classified; one tied among t classes counts 1 - 1/t.
    pub errors: f64,
}
