//! Means of maps on the device.

use crate::device::cuda::{DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct GlobalAvgPoolLayer {
    pub input: Shape,
}

impl CudaLayer for GlobalAvgPoolLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let (area, channels) = (self.input.height * self.input.width, self.input.channels);
        let args = [x[0].into(), y.into(), run.images.into(), area.into(), channels.into()];
        run.on.launch("global_average_forward", Grid::ThreadPerElement(run.images * channels), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let (area, channels) = (self.input.height * self.input.width, self.input.channels);
        let numbers = [run.images.into(), area.into(), channels.into(), known.add.into()];
        let args = [&[known.dy.into(), known.dx.into()], &numbers[..]].concat();
        run.on.launch("global_average_backward", Grid::ThreadPerElement(run.images * self.input.len()), &args)
    }
}
