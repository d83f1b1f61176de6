//! A learnt factor and offset a channel, on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun, DeviceArrays};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct ScaleLayer {
    pub input: Shape,
}

impl ScaleLayer {
    /// Pixels of the images.
    fn rows(&self, images: usize) -> usize {
        images * self.input.height * self.input.width
    }

    fn numbers(&self, images: usize) -> [Arg; 2] {
        [Arg::long(images * self.input.len()), self.input.channels.into()]
    }
}

impl CudaLayer for ScaleLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let arrays = [run.arrays.get(Role::Weight).into(), run.arrays.get(Role::Bias).into()];
        let args = [&[x[0].into(), y.into()], &arrays[..], &self.numbers(run.images)].concat();
        run.on.launch("scale_forward", Grid::ThreadPerElement(run.images * self.input.len()), &args)
    }

    fn weight_gradient(
        &self,
        run: &CudaRun<'_>,
        x: DeviceAddress,
        dy: DeviceAddress,
        gradients: DeviceArrays<'_>,
    ) -> Result<(), Error> {
        let (rows, channels) = (self.rows(run.images), self.input.channels);
        let parts = run.workspace.parts(rows, 2 * channels);
        let args = [x.into(), dy.into(), run.workspace.partial.into(), Arg::long(rows), channels.into()];
        run.on.launch("scale_gradients", Grid::Columns { columns: channels, parts }, &args)?;
        let sums = [run.workspace.partial.into(), parts.into(), channels.into()];
        let arrays = [gradients.get(Role::Weight).into(), gradients.get(Role::Bias).into()];
        run.on.launch("finish_scale_gradients", Grid::ThreadPerElement(channels), &[&sums[..], &arrays].concat())
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let pointers = [known.dy.into(), known.dx.into(), run.arrays.get(Role::Weight).into()];
        let args = [&pointers[..], &self.numbers(run.images), &[known.add.into()]].concat();
        run.on.launch("scale_backward", Grid::ThreadPerElement(run.images * self.input.len()), &args)
    }
}
