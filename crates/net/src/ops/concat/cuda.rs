//! Layers stacked along the channels on the device.

use super::ConcatGeometry;
use crate::device::cuda::{Arg, At, Cuda, Grid};
use crate::error::Error;

impl ConcatGeometry {
    /// Rows, channels and the first channel of an input; all channels of the output.
    fn place(&self, images: usize, slot: usize) -> (usize, usize, usize, usize) {
        let input = self.inputs[slot];
        let channels = |inputs: &[crate::shape::Shape]| inputs.iter().map(|shape| shape.channels).sum();
        (images * input.height * input.width, input.channels, channels(&self.inputs[..slot]), channels(&self.inputs))
    }

    /// Copies one input to its channels.
    pub(crate) fn cuda_forward(&self, on: &Cuda, images: usize, slot: usize, (x, y): (At, At)) -> Result<(), Error> {
        let (rows, channels, first, all) = self.place(images, slot);
        let args = [x.into(), y.into(), Arg::long(rows), channels.into(), all.into(), first.into()];
        on.launch("concat_forward", Grid::Each(rows * channels), &args)
    }

    /// Gradient of one input; added to what is there, or written.
    pub(crate) fn cuda_backward(
        &self,
        on: &Cuda,
        images: usize,
        slot: usize,
        (dy, dx, add): (At, At, bool),
    ) -> Result<(), Error> {
        let (rows, channels, first, all) = self.place(images, slot);
        let args = [dy.into(), dx.into(), Arg::long(rows), channels.into(), all.into(), first.into(), add.into()];
        on.launch("concat_backward", Grid::Each(rows * channels), &args)
    }
}
