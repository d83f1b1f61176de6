//! Dropout on the device.

use super::DropoutGeometry;
use crate::device::cuda::{Arg, At, Cuda, Grid};
use crate::error::Error;

impl DropoutGeometry {
    /// Draws the masks of a step, the same as on the CPU; `noise` holds the step's.
    pub(crate) fn cuda_draw(
        &self,
        on: &Cuda,
        images: usize,
        (mask, noise): (At, At),
        layer: usize,
    ) -> Result<(), Error> {
        let [channels, height, width] = self.input.dims();
        let threshold = (f64::from(self.rate) * 4_294_967_296.0) as u64;
        let numbers = [layer, images, channels, height, width].map(Arg::from);
        let args = [&[mask.into(), noise.into()], &numbers[..], &[Arg::Bits(threshold)]].concat();
        on.launch("dropout_mask", Grid::Each(images * self.input.len()), &args)
    }

    /// Applies the mask, or without one the mean of all masks; `to` is added to or written.
    pub(crate) fn cuda_apply(
        &self,
        on: &Cuda,
        images: usize,
        (from, to, add): (At, At, bool),
        mask: Option<At>,
    ) -> Result<(), Error> {
        let total = images * self.input.len();
        let (kernel, by) = match mask {
            Some(mask) => ("multiply", mask.into()),
            None => ("scale", Arg::Float(1.0 - self.rate)),
        };
        on.launch(kernel, Grid::Each(total), &[from.into(), by, to.into(), Arg::long(total), add.into()])
    }
}
