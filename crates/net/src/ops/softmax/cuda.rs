//! Softmax and the logistic loss on the device.

use super::SoftmaxGeometry;
use crate::device::cuda::{At, Cuda, Grid};
use crate::error::Error;

/// What the loss is computed from, and where it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge {
    pub logits: At,
    pub probabilities: At,
    pub labels: At,
    pub smoothing: f32,
    /// The loss' gradient by the logits.
    pub gradient: At,
    /// Of every image.
    pub loss: At,
    pub error: At,
    /// Both, summed over the images.
    pub sums: At,
}

impl SoftmaxGeometry {
    /// Probabilities of the first `images` images.
    pub(crate) fn cuda_forward(&self, on: &Cuda, images: usize, x: At, p: At) -> Result<(), Error> {
        let classes = self.input.len();
        on.launch("softmax_forward", Grid::Each(images), &[x.into(), p.into(), images.into(), classes.into()])
    }

    /// Loss and error of the images, and the loss' gradient.
    pub(crate) fn cuda_judge(&self, on: &Cuda, images: usize, judge: &Judge) -> Result<(), Error> {
        let Judge { logits, probabilities, labels, smoothing, gradient, loss, error, sums } = *judge;
        let known = [logits.into(), probabilities.into(), labels.into(), smoothing.into()];
        let out = [gradient.into(), loss.into(), error.into(), images.into(), self.input.len().into()];
        on.launch("judge", Grid::Each(images), &[&known[..], &out].concat())?;
        on.launch("sum_judgements", Grid::Blocks(1), &[loss.into(), error.into(), images.into(), sums.into()])
    }
}
