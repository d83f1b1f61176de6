//! A part of the maps, on the device.

use super::Crop;
use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct CropLayer {
    pub crop: Crop,
    pub input: Shape,
    pub output: Shape,
}

impl CropLayer {
    fn numbers(&self) -> [Arg; 7] {
        let Crop { top, left, height, width } = self.crop;
        [self.input.channels, self.input.height, self.input.width, top, left, height, width].map(Arg::from)
    }
}

impl CudaLayer for CropLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let total = run.images * self.output.len();
        let args = [&[x[0].into(), y.into(), Arg::long(total)], &self.numbers()[..]].concat();
        run.on.launch("crop_forward", Grid::ThreadPerElement(total), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.input.len();
        let pointers = [known.dy.into(), known.dx.into(), Arg::long(total)];
        let args = [&pointers[..], &self.numbers(), &[known.add.into()]].concat();
        run.on.launch("crop_backward", Grid::ThreadPerElement(total), &args)
    }
}
