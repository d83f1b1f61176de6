//! Dropout on the device.

use super::Dropout;
use crate::device::cuda::{Arg, DeviceAddress, Grid, Memory};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct DropoutLayer {
    dropout: Dropout,
    /// Tells dropout layers apart.
    layer: usize,
    input: Shape,
    mask: Memory<f32>,
}

impl DropoutLayer {
    pub fn new(dropout: Dropout, context: &CudaContext<'_>) -> Result<Self, Error> {
        let CudaContext { on, output, images, is_trained, layer, .. } = *context;
        let mask = Memory::zeros(on, if is_trained { images * output.len() } else { 0 })?;
        Ok(Self { dropout, layer, input: output, mask })
    }

    /// Draws the masks of a step, the same as on the CPU; `noise` holds the step's.
    fn draw(&self, run: &CudaRun<'_>, noise: DeviceAddress) -> Result<(), Error> {
        let [channels, height, width] = self.input.dims();
        let numbers = [self.layer, run.images, channels, height, width].map(Arg::from);
        let args = [&[self.mask.at().into(), noise.into()], &numbers[..], &[Arg::Bits(self.dropout.threshold())]];
        run.on.launch("dropout_mask", Grid::ThreadPerElement(run.images * self.input.len()), &args.concat())
    }

    /// Applies the mask, or when not training the mean of all masks.
    fn apply(&self, run: &CudaRun<'_>, from: DeviceAddress, to: DeviceAddress, add: bool) -> Result<(), Error> {
        let total = run.images * self.input.len();
        let (kernel, by) = match run.training {
            Some(_) => ("multiply", self.mask.at().into()),
            None => ("scale", Arg::Float(self.dropout.keep_probability())),
        };
        run.on.launch(
            kernel,
            Grid::ThreadPerElement(total),
            &[from.into(), by, to.into(), Arg::long(total), add.into()],
        )
    }
}

impl CudaLayer for DropoutLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        if let Some(training) = run.training {
            self.draw(run, training.noise)?;
        }
        self.apply(run, x[0], y, false)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        self.apply(run, known.dy, known.dx, known.add)
    }
}
