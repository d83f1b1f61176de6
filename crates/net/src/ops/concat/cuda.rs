//! Concatenation along the channels on the GPU.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct ConcatLayer {
    pub inputs: Vec<Shape>,
    /// For each input, the output channel where its channels begin.
    pub first: Vec<usize>,
    pub output: Shape,
}

/// The arguments in which the two kernels differ.
#[derive(Clone, Copy)]
struct KernelArguments<'a> {
    /// Where the kernel reads and where it writes.
    pointers: [DeviceAddress; 2],
    /// Come after the sizes.
    trailing: &'a [Arg],
}

impl ConcatLayer {
    /// Launches a kernel over all values of input number `input`.
    fn launch(
        &self,
        run: &CudaRun<'_>,
        input: usize,
        kernel: &'static str,
        arguments: KernelArguments<'_>,
    ) -> Result<(), Error> {
        let channels = self.inputs[input].channels;
        let pixels = run.images * self.output.height * self.output.width;
        let sizes = [Arg::long(pixels), channels.into(), self.output.channels.into(), self.first[input].into()];
        let pointers = arguments.pointers.map(Arg::from);
        run.on.launch(
            kernel,
            Grid::ThreadPerElement(pixels * channels),
            &[&pointers[..], &sizes, arguments.trailing].concat(),
        )
    }
}

impl CudaLayer for ConcatLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        x.iter().enumerate().try_for_each(|(input, &x)| {
            self.launch(run, input, "concat_forward", KernelArguments { pointers: [x, y], trailing: &[] })
        })
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let arguments = KernelArguments { pointers: [known.dy, known.dx], trailing: &[known.add.into()] };
        self.launch(run, known.slot, "concat_backward", arguments)
    }
}
