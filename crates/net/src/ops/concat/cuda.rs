//! Layers stacked along the channels on the device.

use crate::device::cuda::{Arg, At, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct ConcatLayer {
    pub inputs: Vec<Shape>,
    /// The first channel of every input.
    pub first: Vec<usize>,
    pub output: Shape,
}

/// A kernel's first and last arguments.
#[derive(Clone, Copy)]
struct Arguments<'a> {
    arrays: [At; 2],
    last: &'a [Arg],
}

impl ConcatLayer {
    /// Runs a kernel over an input's values: its arrays, numbers, and what comes last.
    fn launch(&self, run: &CudaRun<'_>, slot: usize, kernel: &'static str, ends: Arguments<'_>) -> Result<(), Error> {
        let channels = self.inputs[slot].channels;
        let rows = run.images * self.output.height * self.output.width;
        let numbers = [Arg::long(rows), channels.into(), self.output.channels.into(), self.first[slot].into()];
        let arrays = ends.arrays.map(Arg::from);
        run.on.launch(kernel, Grid::Each(rows * channels), &[&arrays[..], &numbers, ends.last].concat())
    }
}

impl CudaLayer for ConcatLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[At], y: At) -> Result<(), Error> {
        x.iter().enumerate().try_for_each(|(slot, &x)| {
            self.launch(run, slot, "concat_forward", Arguments { arrays: [x, y], last: &[] })
        })
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let ends = Arguments { arrays: [known.dy, known.dx], last: &[known.add.into()] };
        self.launch(run, known.slot, "concat_backward", ends)
    }
}
