//! Layers stacked along the channels on the device.

use crate::device::cuda::{Arg, At, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

pub(crate) const KERNELS: &str = include_str!("concat.cu");

#[derive(Debug)]
pub(crate) struct ConcatLayer {
    pub inputs: Vec<Shape>,
    /// The first channel of every input.
    pub first: Vec<usize>,
    pub output: Shape,
}

impl ConcatLayer {
    /// Runs a kernel over an input's values; `more` are its last arguments.
    fn launch(
        &self,
        run: &CudaRun<'_>,
        slot: usize,
        (kernel, from, to): (&'static str, At, At),
        more: &[Arg],
    ) -> Result<(), Error> {
        let channels = self.inputs[slot].channels;
        let rows = run.images * self.output.height * self.output.width;
        let numbers = [Arg::long(rows), channels.into(), self.output.channels.into(), self.first[slot].into()];
        run.on.launch(kernel, Grid::Each(rows * channels), &[&[from.into(), to.into()], &numbers[..], more].concat())
    }
}

impl CudaLayer for ConcatLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[At], y: At) -> Result<(), Error> {
        x.iter().enumerate().try_for_each(|(slot, &x)| self.launch(run, slot, ("concat_forward", x, y), &[]))
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        self.launch(run, known.slot, ("concat_backward", known.dy, known.dx), &[known.add.into()])
    }
}
