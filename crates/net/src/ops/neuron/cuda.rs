//! Neurons on the device.

use super::{GeluForm, Neuron, NeuronGeometry};
use crate::device::cuda::{Arg, At, Cuda, Grid};
use crate::error::Error;

impl Neuron {
    /// The function's number and two settings, as `neuron.cu` has them.
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

impl NeuronGeometry {
    /// Applies the neuron to the first `images` images.
    pub(crate) fn cuda_forward(&self, on: &Cuda, images: usize, x: At, y: At) -> Result<(), Error> {
        let (kind, a, b) = self.neuron.numbers();
        let total = images * self.input.len();
        let args = [kind.into(), a.into(), b.into(), x.into(), y.into(), Arg::long(total)];
        on.launch("neuron_forward", Grid::Each(total), &args)
    }

    /// Gradient of the input; added to what is there, or written.
    pub(crate) fn cuda_backward(
        &self,
        on: &Cuda,
        images: usize,
        (x, y): (At, At),
        (dy, dx, add): (At, At, bool),
    ) -> Result<(), Error> {
        let (kind, a, b) = self.neuron.numbers();
        let total = images * self.input.len();
        let args = [kind.into(), a.into(), b.into(), x.into(), y.into(), dy.into(), dx.into()];
        let args = [&args[..], &[Arg::long(total), add.into()]].concat();
        on.launch("neuron_backward", Grid::Each(total), &args)
    }
}
