//! The hard swish on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};

#[derive(Debug)]
pub(crate) struct HardSwishLayer {
    /// Values of an image.
    pub values: usize,
}

impl CudaLayer for HardSwishLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let total = run.images * self.values;
        run.on.launch("hard_swish_forward", Grid::ThreadPerElement(total), &[x[0].into(), y.into(), Arg::long(total)])
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.values;
        let pointers = [known.x[0], known.dy, known.dx].map(Arg::from);
        let args = [&pointers[..], &[Arg::long(total), known.add.into()]].concat();
        run.on.launch("hard_swish_backward", Grid::ThreadPerElement(total), &args)
    }
}
