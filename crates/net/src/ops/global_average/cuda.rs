//! Means of maps on the device.

use super::GlobalAverageGeometry;
use crate::device::cuda::{At, Cuda, Grid};
use crate::error::Error;

impl GlobalAverageGeometry {
    /// The means of the first `images` images' maps.
    pub(crate) fn cuda_forward(&self, on: &Cuda, images: usize, x: At, y: At) -> Result<(), Error> {
        let (area, channels) = (self.input.height * self.input.width, self.input.channels);
        let args = [x.into(), y.into(), images.into(), area.into(), channels.into()];
        on.launch("global_average_forward", Grid::Each(images * channels), &args)
    }

    /// Gradient of the input; added to what is there, or written.
    pub(crate) fn cuda_backward(&self, on: &Cuda, images: usize, (dy, dx, add): (At, At, bool)) -> Result<(), Error> {
        let (area, channels) = (self.input.height * self.input.width, self.input.channels);
        let args = [dy.into(), dx.into(), images.into(), area.into(), channels.into(), add.into()];
        on.launch("global_average_backward", Grid::Each(images * self.input.len()), &args)
    }
}
