//! A learnt value for every pixel and channel, on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun, DeviceArrays};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct PositionLayer {
    pub input: Shape,
}

impl CudaLayer for PositionLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let total = run.images * self.input.len();
        let weight = run.arrays.need(Role::Weight)?;
        let args = [x[0].into(), weight.into(), y.into(), Arg::long(total), self.input.len().into()];
        run.on.launch("add_positions", Grid::ThreadPerElement(total), &args)
    }

    fn weight_gradient(
        &self,
        run: &CudaRun<'_>,
        _: DeviceAddress,
        dy: DeviceAddress,
        gradients: DeviceArrays<'_>,
    ) -> Result<(), Error> {
        let length = self.input.len();
        let args = [dy.into(), gradients.need(Role::Weight)?.into(), run.images.into(), length.into()];
        run.on.launch("position_gradients", Grid::ThreadPerElement(length), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.input.len();
        let args = [known.dy.into(), known.dx.into(), Arg::long(total), known.add.into()];
        run.on.launch("position_backward", Grid::ThreadPerElement(total), &args)
    }
}
