//! Activation functions on the device.

use super::{Activation, GeluForm};
use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};

impl Activation {
    /// The function's number and two settings, as `activation.cu` has them.
    const fn numbers(self) -> (i32, f32, f32) {
        match self {
            Self::Identity => (0, 0.0, 0.0),
            Self::Relu => (1, 0.0, 0.0),
            Self::BoundedRelu { limit } => (2, limit, 0.0),
            Self::SoftRelu => (3, 0.0, 0.0),
            Self::Logistic => (4, 0.0, 0.0),
            Self::Tanh { a, b } => (5, a, b),
            Self::Abs => (6, 0.0, 0.0),
            Self::Square => (7, 0.0, 0.0),
            Self::Sqrt => (8, 0.0, 0.0),
            Self::Linear { a, b } => (9, a, b),
            Self::LeakyRelu { slope } => (10, slope, 0.0),
            Self::Silu => (11, 0.0, 0.0),
            Self::Gelu { form: GeluForm::Exact } => (12, 0.0, 0.0),
            Self::Gelu { form: GeluForm::Tanh } => (13, 0.0, 0.0),
        }
    }
}

#[derive(Debug)]
pub(crate) struct ActivationLayer {
    pub activation: Activation,
    /// Values of an image.
    pub values: usize,
}

impl CudaLayer for ActivationLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let (kind, a, b) = self.activation.numbers();
        let total = run.images * self.values;
        let args = [kind.into(), a.into(), b.into(), x[0].into(), y.into(), Arg::long(total)];
        run.on.launch("neuron_forward", Grid::ThreadPerElement(total), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let (kind, a, b) = self.activation.numbers();
        let total = run.images * self.values;
        let CudaBackward { x, y, dy, dx, add, .. } = *known;
        let pointers = [x[0], y, dy, dx].map(Arg::from);
        let args = [&[kind.into(), a.into(), b.into()], &pointers[..], &[Arg::long(total), add.into()]].concat();
        run.on.launch("neuron_backward", Grid::ThreadPerElement(total), &args)
    }
}
