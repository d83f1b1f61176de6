//! Response normalisation within a map on the device.

use super::ResponseNormGeometry;
use crate::device::cuda::{Arg, At, Cuda, Grid, WindowNorm};
use crate::error::Error;

/// Gradient times output over denominator: what all three normalisations sum on their way back.
pub(crate) fn weigh(on: &Cuda, [dv, v, d, room]: [At; 4], total: usize) -> Result<(), Error> {
    let args = [dv.into(), v.into(), d.into(), room.into(), Arg::long(total)];
    on.launch("norm_weigh", Grid::Each(total), &args)
}

impl ResponseNormGeometry {
    fn norm(&self) -> WindowNorm {
        WindowNorm {
            input: self.input,
            size: self.size,
            scale: self.scale / (self.size * self.size) as f32,
            power: self.power,
        }
    }

    /// Normalises the first `images` images, keeping the denominators.
    pub(crate) fn cuda_forward(&self, on: &Cuda, images: usize, [u, v, d]: [At; 3]) -> Result<(), Error> {
        on.launch("rnorm_forward", Grid::Each(images * self.input.len()), &self.norm().args(&[u, v, d], images))
    }

    /// Gradient of the input; added to what is there, or written.
    pub(crate) fn cuda_backward(
        &self,
        on: &Cuda,
        images: usize,
        [u, v, d, room]: [At; 4],
        (dv, du, add): (At, At, bool),
    ) -> Result<(), Error> {
        let total = images * self.input.len();
        weigh(on, [dv, v, d, room], total)?;
        let mut args = self.norm().args(&[u, d, dv, room, du], images);
        args.push(add.into());
        on.launch("rnorm_backward", Grid::Each(total), &args)
    }
}
