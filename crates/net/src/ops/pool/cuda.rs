//! Pooling on the device.

use super::{PoolGeometry, PoolKind, Ties};
use crate::device::cuda::{Arg, At, Cuda, Grid};
use crate::error::Error;
use crate::shape::Shape;

impl PoolGeometry {
    fn args(&self, pointers: &[At], images: usize, output: Shape) -> Vec<Arg> {
        let Shape { channels, height, width } = self.input;
        let sides = [images, height, width, channels, output.height, output.width, self.size, self.stride];
        let pointers = pointers.iter().map(|at| Arg::from(*at));
        pointers.chain(sides.map(Arg::from)).chain([Arg::Int(self.start as i32)]).collect()
    }

    /// Pools the first `images` images.
    pub(crate) fn cuda_forward(&self, on: &Cuda, images: usize, (x, y): (At, At), output: Shape) -> Result<(), Error> {
        let kernel = match self.kind {
            PoolKind::Max => "pool_max_forward",
            PoolKind::Average => "pool_average_forward",
        };
        on.launch(kernel, Grid::Each(images * output.len()), &self.args(&[x, y], images, output))
    }

    /// Gradient of the input; added to what is there, or written.
    pub(crate) fn cuda_backward(
        &self,
        on: &Cuda,
        images: usize,
        (x, y): (At, At),
        (dy, dx, add): (At, At, bool),
        output: Shape,
    ) -> Result<(), Error> {
        let grid = Grid::Each(images * self.input.len());
        if self.kind == PoolKind::Average {
            let mut args = self.args(&[dy, dx], images, output);
            args.push(add.into());
            return on.launch("pool_average_backward", grid, &args);
        }
        let mut args = self.args(&[x, y, dy, dx], images, output);
        args.extend([Arg::from(self.ties == Ties::First), add.into()]);
        on.launch("pool_max_backward", grid, &args)
    }
}
