//! Pooling on the device.

use super::{Pool, PoolKind, Ties};
use crate::device::cuda::{Arg, At, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

pub(crate) const KERNELS: &str = include_str!("pool.cu");

#[derive(Debug)]
pub(crate) struct PoolLayer {
    pub pool: Pool,
    pub input: Shape,
    pub output: Shape,
}

impl PoolLayer {
    fn args(&self, pointers: &[At], images: usize) -> Vec<Arg> {
        let (Shape { channels, height, width }, output) = (self.input, self.output);
        let Pool { size, stride, start, .. } = self.pool;
        let sides = [images, height, width, channels, output.height, output.width, size, stride];
        let pointers = pointers.iter().map(|at| Arg::from(*at));
        pointers.chain(sides.map(Arg::from)).chain([Arg::Int(start as i32)]).collect()
    }
}

impl CudaLayer for PoolLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[At], y: At) -> Result<(), Error> {
        let kernel = match self.pool.kind {
            PoolKind::Max => "pool_max_forward",
            PoolKind::Average => "pool_average_forward",
        };
        let args = self.args(&[x[0], y], run.images);
        run.on.launch(kernel, Grid::Each(run.images * self.output.len()), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let CudaBackward { x, y, dy, dx, add, .. } = *known;
        let grid = Grid::Each(run.images * self.input.len());
        if self.pool.kind == PoolKind::Average {
            let mut args = self.args(&[dy, dx], run.images);
            args.push(add.into());
            return run.on.launch("pool_average_backward", grid, &args);
        }
        let mut args = self.args(&[x[0], y, dy, dx], run.images);
        args.extend([Arg::from(self.pool.ties == Ties::First), add.into()]);
        run.on.launch("pool_max_backward", grid, &args)
    }
}
