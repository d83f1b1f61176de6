//! A range of channels on the device.

use super::Slice;
use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct SliceLayer {
    pub slice: Slice,
    pub input: Shape,
}

impl SliceLayer {
    fn numbers(&self, images: usize) -> [Arg; 4] {
        let rows = images * self.input.height * self.input.width;
        [Arg::long(rows), self.slice.channels.into(), self.input.channels.into(), self.slice.first.into()]
    }
}

impl CudaLayer for SliceLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let total = run.images * self.input.height * self.input.width * self.slice.channels;
        let args = [&[x[0].into(), y.into()], &self.numbers(run.images)[..]].concat();
        run.on.launch("slice_forward", Grid::ThreadPerElement(total), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.input.len();
        let args = [&[known.dy.into(), known.dx.into()], &self.numbers(run.images)[..], &[known.add.into()]].concat();
        run.on.launch("slice_backward", Grid::ThreadPerElement(total), &args)
    }
}
