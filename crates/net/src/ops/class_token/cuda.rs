//! Learnt tokens before the pixels of a map, on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun, DeviceArrays};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct ClassTokenLayer {
    pub count: usize,
    pub input: Shape,
    pub output: Shape,
}

impl ClassTokenLayer {
    /// Floats of the learnt tokens.
    fn learnt(&self) -> usize {
        self.count * self.output.channels
    }
}

impl CudaLayer for ClassTokenLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let total = run.images * self.output.len();
        let pointers = [x[0].into(), run.arrays.need(Role::Weight)?.into(), y.into()];
        let numbers = [Arg::long(total), self.learnt().into(), self.output.len().into()];
        run.on.launch("prepend_tokens", Grid::ThreadPerElement(total), &[&pointers[..], &numbers].concat())
    }

    fn weight_gradient(
        &self,
        run: &CudaRun<'_>,
        _: DeviceAddress,
        dy: DeviceAddress,
        gradients: DeviceArrays<'_>,
    ) -> Result<(), Error> {
        let pointers = [dy.into(), gradients.need(Role::Weight)?.into()];
        let numbers = [run.images, self.learnt(), self.output.len()].map(Arg::from);
        let grid = Grid::ThreadPerElement(self.learnt());
        run.on.launch("token_gradients", grid, &[&pointers[..], &numbers].concat())
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.input.len();
        let pointers = [known.dy.into(), known.dx.into(), Arg::long(total)];
        let numbers = [self.learnt().into(), self.output.len().into(), known.add.into()];
        run.on.launch("token_backward", Grid::ThreadPerElement(total), &[&pointers[..], &numbers].concat())
    }
}
