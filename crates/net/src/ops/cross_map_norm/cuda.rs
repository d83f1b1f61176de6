//! Response normalisation across maps on the device.

use super::CrossMapNormGeometry;
use crate::device::cuda::{Arg, At, Cuda, Grid};
use crate::error::Error;
use crate::ops::response_norm::cuda::weigh;

impl CrossMapNormGeometry {
    fn args(&self, pointers: &[At], images: usize) -> Vec<Arg> {
        let rows = images * self.input.height * self.input.width;
        let pointers = pointers.iter().map(|at| Arg::from(*at));
        let scale = self.scale / self.size as f32;
        let settings = [
            Arg::long(rows),
            self.input.channels.into(),
            self.size.into(),
            scale.into(),
            self.power.into(),
            self.blocked.into(),
        ];
        pointers.chain(settings).collect()
    }

    /// Normalises the first `images` images, keeping the denominators.
    pub(crate) fn cuda_forward(&self, on: &Cuda, images: usize, [u, v, d]: [At; 3]) -> Result<(), Error> {
        on.launch("cmrnorm_forward", Grid::Each(images * self.input.len()), &self.args(&[u, v, d], images))
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
        let mut args = self.args(&[u, d, dv, room, du], images);
        args.push(add.into());
        on.launch("cmrnorm_backward", Grid::Each(total), &args)
    }
}
