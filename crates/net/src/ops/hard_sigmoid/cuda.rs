//! The hard sigmoid on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};

#[derive(Debug)]
pub(crate) struct HardSigmoidLayer {
    /// Values of an image.
    pub values: usize,
}

impl CudaLayer for HardSigmoidLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let total = run.images * self.values;
        run.on.launch("hard_sigmoid_forward", Grid::ThreadPerElement(total), &[x[0].into(), y.into(), Arg::long(total)])
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.values;
        let pointers = [known.y, known.dy, known.dx].map(Arg::from);
        let args = [&pointers[..], &[Arg::long(total), known.add.into()]].concat();
        run.on.launch("hard_sigmoid_backward", Grid::ThreadPerElement(total), &args)
    }
}
