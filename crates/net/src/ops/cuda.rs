//! What a layer is on a GPU. Values are dense, channels last.

use super::parameter::Role;
use crate::device::cuda::{Cuda, DeviceAddress, Workspace};
use crate::error::Error;
use crate::shape::Shape;
use std::fmt;

/// What a layer is built from.
pub(crate) struct CudaContext<'a> {
    pub on: &'a Cuda,
    pub inputs: &'a [Shape],
    pub output: Shape,
    /// Images at most.
    pub images: usize,
    /// Whether there is a backward pass.
    pub is_trained: bool,
    /// Number of the layer in its network.
    pub layer: usize,
}

/// A layer's arrays on the device, or their gradients.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeviceArrays<'a>(pub &'a [(Role, DeviceAddress)]);

impl DeviceArrays<'_> {
    pub fn get(self, role: Role) -> Option<DeviceAddress> {
        self.0.iter().find(|(known, _)| *known == role).map(|(_, at)| *at)
    }

    /// An array that the layer always has.
    pub fn need(self, role: Role) -> Result<DeviceAddress, Error> {
        self.get(role).ok_or_else(|| Error::internal(format!("a layer on the device without its {}", role.suffix())))
    }
}

/// One pass: the images, the layer's arrays, memory to compute in.
#[derive(Clone, Copy)]
pub(crate) struct CudaRun<'a> {
    pub on: &'a Cuda,
    pub images: usize,
    pub arrays: DeviceArrays<'a>,
    pub workspace: &'a Workspace,
    /// While training.
    pub training: Option<CudaTraining<'a>>,
}

#[derive(Clone, Copy)]
pub(crate) struct CudaTraining<'a> {
    /// What the step's random masks are drawn from, 64 bits.
    pub noise: DeviceAddress,
    /// Gradients of the layer's arrays; the minibatch's statistics in place of running ones.
    pub gradients: DeviceArrays<'a>,
}

/// What an input's gradient is computed from.
#[derive(Clone, Copy)]
pub(crate) struct CudaBackward<'a> {
    /// All inputs.
    pub x: &'a [DeviceAddress],
    pub y: DeviceAddress,
    pub dy: DeviceAddress,
    /// Number of the input whose gradient is asked for.
    pub slot: usize,
    /// Its gradient.
    pub dx: DeviceAddress,
    /// Added to what is there, or else written.
    pub add: bool,
}

/// A layer with the memory it needs for up to [`CudaContext::images`] images.
pub(crate) trait CudaLayer: fmt::Debug + Send + Sync {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error>;

    /// Gradients of the layer's arrays.
    fn weight_gradient(
        &self,
        _run: &CudaRun<'_>,
        _x: DeviceAddress,
        _dy: DeviceAddress,
        _gradients: DeviceArrays<'_>,
    ) -> Result<(), Error> {
        Err(Error::internal(format!("no weight gradient on the device of {self:?}")))
    }

    /// Gradient of one input.
    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error>;
}

/// The order of a parameter's axes on the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AxisOrder {
    /// The shape of the file's array, or the one it is reshaped to first.
    pub shape: Vec<usize>,
    /// For each axis on the device, its number in `shape`.
    pub axes: Vec<usize>,
}

impl AxisOrder {
    /// Channels last: of filters, of filters at every position, of a bias for every position.
    pub fn of(shape: &[usize], role: Role) -> Self {
        let axes = match (role, shape.len()) {
            // k c r s, and the same at every position.
            (Role::Weight, 4) => vec![0, 2, 3, 1],
            (Role::Weight, 6) => vec![0, 1, 2, 4, 5, 3],
            // k oh ow
            (Role::Bias, 3) => vec![1, 2, 0],
            (_, axes) => (0..axes).collect(),
        };
        Self { shape: shape.to_vec(), axes }
    }
}
