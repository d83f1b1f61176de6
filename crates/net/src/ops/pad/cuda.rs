//! A border around the maps, on the device.

use super::Pad;
use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct PadLayer {
    pub pad: Pad,
    pub input: Shape,
    pub output: Shape,
}

impl PadLayer {
    /// Images, channels, both sizes, and where the input begins.
    fn numbers(&self, images: usize) -> [Arg; 8] {
        let (Shape { channels, height, width }, out) = (self.input, self.output);
        let sizes = [channels, height, width, out.height, out.width, self.pad.top, self.pad.left];
        let [a, b, c, d, e, f, g] = sizes.map(Arg::from);
        [Arg::long(images), a, b, c, d, e, f, g]
    }
}

impl CudaLayer for PadLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let total = run.images * self.output.len();
        let rest = [Arg::Float(self.pad.value)];
        let args = [&[x[0].into(), y.into()], &self.numbers(run.images)[..], &rest].concat();
        run.on.launch("pad_forward", Grid::ThreadPerElement(total), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.input.len();
        let args = [&[known.dy.into(), known.dx.into()], &self.numbers(run.images)[..], &[known.add.into()]].concat();
        run.on.launch("pad_backward", Grid::ThreadPerElement(total), &args)
    }
}
