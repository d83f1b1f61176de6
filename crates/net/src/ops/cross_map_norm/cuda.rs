//! Response normalisation across maps on the device.

use super::CrossMapNorm;
use crate::device::cuda::{Arg, DeviceAddress, Grid, Memory, weigh};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct CrossMapNormLayer {
    norm: CrossMapNorm,
    input: Shape,
    denominators: Memory<f32>,
    scratch: Memory<f32>,
}

impl CrossMapNormLayer {
    pub fn new(norm: CrossMapNorm, context: &CudaContext<'_>) -> Result<Self, Error> {
        let CudaContext { on, output, images, is_trained, .. } = *context;
        let length = images * output.len();
        Ok(Self {
            norm,
            input: output,
            denominators: Memory::zeros(on, length)?,
            scratch: Memory::zeros(on, if is_trained { length } else { 0 })?,
        })
    }

    fn args(&self, pointers: &[DeviceAddress], images: usize) -> Vec<Arg> {
        let rows = images * self.input.height * self.input.width;
        let pointers = pointers.iter().map(|at| Arg::from(*at));
        let size = self.norm.window.size;
        let factors = self.norm.window.factors(size);
        let settings = [
            Arg::long(rows),
            self.input.channels.into(),
            size.into(),
            factors.scale.into(),
            factors.power.into(),
            self.norm.blocked.into(),
        ];
        pointers.chain(settings).collect()
    }
}

impl CudaLayer for CrossMapNormLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let args = self.args(&[x[0], y, self.denominators.at()], run.images);
        run.on.launch("cmrnorm_forward", Grid::ThreadPerElement(run.images * self.input.len()), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.input.len();
        let (d, scratch) = (self.denominators.at(), self.scratch.at());
        weigh(run.on, [known.dy, known.y, d, scratch], total)?;
        let mut args = self.args(&[known.x[0], d, known.dy, scratch, known.dx], run.images);
        args.push(known.add.into());
        run.on.launch("cmrnorm_backward", Grid::ThreadPerElement(total), &args)
    }
}
