//! Softmax and the cross-entropy loss on the device.

use crate::device::cuda::{Cuda, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};

/// What the loss is computed from, and where it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrossEntropy {
    pub classes: usize,
    pub logits: DeviceAddress,
    pub probabilities: DeviceAddress,
    pub labels: DeviceAddress,
    pub smoothing: f32,
    /// The loss' gradient with respect to the logits.
    pub gradient: DeviceAddress,
    /// Of every image.
    pub loss: DeviceAddress,
    pub error: DeviceAddress,
    /// Both, summed over the images.
    pub sums: DeviceAddress,
}

impl CrossEntropy {
    /// Loss and error of the images, and the loss' gradient.
    ///
    /// Its kernels are `judge` (loss, error and gradient of each image) and `sum_judgements` (the sums over them).
    pub fn run(&self, on: &Cuda, images: usize) -> Result<(), Error> {
        let Self { classes, logits, probabilities, labels, smoothing, gradient, loss, error, sums } = *self;
        let known = [logits.into(), probabilities.into(), labels.into(), smoothing.into()];
        let out = [gradient.into(), loss.into(), error.into(), images.into(), classes.into()];
        on.launch("judge", Grid::ThreadPerElement(images), &[&known[..], &out].concat())?;
        on.launch("sum_judgements", Grid::Blocks(1), &[loss.into(), error.into(), images.into(), sums.into()])
    }
}

#[derive(Debug)]
pub(crate) struct SoftmaxLayer {
    pub classes: usize,
}

impl CudaLayer for SoftmaxLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let args = [x[0].into(), y.into(), run.images.into(), self.classes.into()];
        run.on.launch("softmax_forward", Grid::ThreadPerElement(run.images), &args)
    }

    fn input_gradient(&self, _: &CudaRun<'_>, _: &CudaBackward<'_>) -> Result<(), Error> {
        Err(Error::internal(
            "on the device, the loss' gradient is computed at the logits, not through the softmax".into(),
        ))
    }
}
