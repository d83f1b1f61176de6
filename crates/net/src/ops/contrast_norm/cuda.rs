//! Contrast normalisation on the device.

use super::ContrastNorm;
use crate::device::cuda::{DeviceAddress, Grid, Memory, WindowNorm, weigh};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun};

#[derive(Debug)]
pub(crate) struct ContrastNormLayer {
    norm: WindowNorm,
    denominators: Memory<f32>,
    /// From the means of the windows.
    distances: Memory<f32>,
    scratch: Memory<f32>,
}

impl ContrastNormLayer {
    pub fn new(norm: ContrastNorm, context: &CudaContext<'_>) -> Result<Self, Error> {
        let CudaContext { on, output, images, is_trained, .. } = *context;
        let size = norm.window.size;
        let length = images * output.len();
        Ok(Self {
            norm: WindowNorm { input: output, size, factors: norm.window.factors(size * size) },
            denominators: Memory::zeros(on, length)?,
            distances: Memory::zeros(on, length)?,
            scratch: Memory::zeros(on, if is_trained { length } else { 0 })?,
        })
    }
}

impl CudaLayer for ContrastNormLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let args = self.norm.args(&[x[0], y, self.denominators.at(), self.distances.at()], run.images);
        run.on.launch("cnorm_forward", Grid::ThreadPerElement(run.images * self.norm.input.len()), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.norm.input.len();
        let (d, scratch) = (self.denominators.at(), self.scratch.at());
        weigh(run.on, [known.dy, known.y, d, scratch], total)?;
        let mut args = self.norm.args(&[self.distances.at(), d, known.dy, scratch, known.dx], run.images);
        args.push(known.add.into());
        run.on.launch("cnorm_backward", Grid::ThreadPerElement(total), &args)
    }
}
