//! Products of two layers on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct MultiplyLayer {
    pub inputs: Vec<Shape>,
    pub output: Shape,
}

impl MultiplyLayer {
    fn area(&self) -> usize {
        self.output.height * self.output.width
    }

    /// Whether an input's one pixel stands for all of the output's.
    fn is_broadcast(&self, slot: usize) -> bool {
        self.inputs[slot] != self.output
    }
}

impl CudaLayer for MultiplyLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let total = run.images * self.output.len();
        let numbers = [Arg::long(total), self.area().into(), self.output.channels.into()];
        let flags = [self.is_broadcast(0).into(), self.is_broadcast(1).into(), false.into()];
        let pointers = [x[0], x[1], y].map(Arg::from);
        run.on.launch("product_of_maps", Grid::ThreadPerElement(total), &[&pointers[..], &numbers, &flags].concat())
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let (other, channels) = (1 - known.slot, self.output.channels);
        let pointers = [known.dy, known.x[other], known.dx].map(Arg::from);
        if self.is_broadcast(known.slot) {
            let total = run.images * channels;
            let numbers = [Arg::long(total), self.area().into(), channels.into(), known.add.into()];
            return run.on.launch(
                "sum_of_products",
                Grid::ThreadPerElement(total),
                &[&pointers[..], &numbers].concat(),
            );
        }
        let total = run.images * self.output.len();
        let numbers = [Arg::long(total), self.area().into(), channels.into()];
        let flags = [false.into(), self.is_broadcast(other).into(), known.add.into()];
        run.on.launch("product_of_maps", Grid::ThreadPerElement(total), &[&pointers[..], &numbers, &flags].concat())
    }
}
