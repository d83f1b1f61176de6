//! Weighted sums on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};

#[derive(Debug)]
pub(crate) struct AddLayer {
    pub factors: Vec<f32>,
    /// Values of an image.
    pub values: usize,
}

/// What is added to, or written.
#[derive(Clone, Copy)]
struct Sum {
    from: DeviceAddress,
    to: DeviceAddress,
    add: bool,
}

impl AddLayer {
    /// `to = factor * from`, added or written.
    fn add_scaled(&self, run: &CudaRun<'_>, slot: usize, sum: Sum) -> Result<(), Error> {
        let total = run.images * self.values;
        let args = [sum.from.into(), self.factors[slot].into(), sum.to.into(), Arg::long(total), sum.add.into()];
        run.on.launch("add_scaled", Grid::ThreadPerElement(total), &args)
    }
}

impl CudaLayer for AddLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        x.iter()
            .enumerate()
            .try_for_each(|(slot, &x)| self.add_scaled(run, slot, Sum { from: x, to: y, add: slot > 0 }))
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        self.add_scaled(run, known.slot, Sum { from: known.dy, to: known.dx, add: known.add })
    }
}
