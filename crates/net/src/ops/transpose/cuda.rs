//! Channels and pixels that change places, on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct TransposeLayer {
    pub input: Shape,
}

/// What is transposed: a matrix for each image.
struct Matrices {
    from: DeviceAddress,
    to: DeviceAddress,
    rows: usize,
    columns: usize,
    add: bool,
}

impl Matrices {
    fn transpose(self, run: &CudaRun<'_>) -> Result<(), Error> {
        let total = run.images * self.rows * self.columns;
        let numbers = [Arg::long(total), self.rows.into(), self.columns.into(), self.add.into()];
        let args = [&[self.from.into(), self.to.into()], &numbers[..]].concat();
        run.on.launch("transpose_matrices", Grid::ThreadPerElement(total), &args)
    }
}

impl CudaLayer for TransposeLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let Shape { channels, height, width } = self.input;
        Matrices { from: x[0], to: y, rows: height * width, columns: channels, add: false }.transpose(run)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let Shape { channels, height, width } = self.input;
        let (from, to, add) = (known.dy, known.dx, known.add);
        Matrices { from, to, rows: channels, columns: height * width, add }.transpose(run)
    }
}
