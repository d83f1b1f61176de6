//! Contrast normalisation on the device.

use super::ContrastNormGeometry;
use crate::device::cuda::{At, Cuda, Grid, WindowNorm};
use crate::error::Error;
use crate::ops::response_norm::cuda::weigh;

impl ContrastNormGeometry {
    fn norm(&self) -> WindowNorm {
        WindowNorm {
            input: self.input,
            size: self.size,
            scale: self.scale / (self.size * self.size) as f32,
            power: self.power,
        }
    }

    /// Normalises the first `images` images, keeping denominators and distances from the means.
    pub(crate) fn cuda_forward(&self, on: &Cuda, images: usize, [u, v, d, distance]: [At; 4]) -> Result<(), Error> {
        let args = self.norm().args(&[u, v, d, distance], images);
        on.launch("cnorm_forward", Grid::Each(images * self.input.len()), &args)
    }

    /// Gradient of the input; added to what is there, or written.
    pub(crate) fn cuda_backward(
        &self,
        on: &Cuda,
        images: usize,
        [v, d, distance, room]: [At; 4],
        (dv, du, add): (At, At, bool),
    ) -> Result<(), Error> {
        let total = images * self.input.len();
        weigh(on, [dv, v, d, room], total)?;
        let mut args = self.norm().args(&[distance, d, dv, room, du], images);
        args.push(add.into());
        on.launch("cnorm_backward", Grid::Each(total), &args)
    }
}
