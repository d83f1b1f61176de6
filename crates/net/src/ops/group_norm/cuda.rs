//! Group normalisation on the device.

use super::GroupNorm;
use crate::device::cuda::{Arg, DeviceAddress, Grid, Memory};
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun, DeviceArrays};
use crate::shape::Shape;

/// Blocks at most; each takes one group of an image after the other.
const MAX_BLOCKS: usize = 1 << 14;

#[derive(Debug)]
pub(crate) struct GroupNormLayer {
    epsilon: f64,
    groups: usize,
    input: Shape,
    /// Means of all images' groups, then one over their standard deviations: kept for the backward pass.
    moments: Memory<f32>,
    images: usize,
}

impl GroupNormLayer {
    pub fn new(norm: &GroupNorm, context: &CudaContext<'_>) -> Result<Self, Error> {
        let moments = Memory::zeros(context.on, 2 * context.images * norm.groups)?;
        let (epsilon, groups) = (norm.epsilon, norm.groups);
        Ok(Self { epsilon, groups, input: context.output, moments, images: context.images })
    }

    fn moments(&self) -> [DeviceAddress; 2] {
        [self.moments.at(), self.moments.at().plus(self.images * self.groups)]
    }

    /// Groups of all images, pixels of an image, channels, groups.
    fn numbers(&self, images: usize) -> [Arg; 4] {
        let Shape { channels, height, width } = self.input;
        [Arg::long(images * self.groups), (height * width).into(), channels.into(), self.groups.into()]
    }

    /// A block of 256 threads for each group of an image.
    fn grid(&self, images: usize) -> Grid {
        Grid::Columns { columns: 32, parts: (images * self.groups).clamp(1, MAX_BLOCKS) }
    }
}

impl CudaLayer for GroupNormLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let arrays = [run.arrays.get(Role::Weight).into(), run.arrays.get(Role::Bias).into()];
        let [mean, inverse] = self.moments();
        let pointers = [x[0], y, mean, inverse].map(Arg::from);
        let args = [&pointers[..], &arrays, &self.numbers(run.images), &[Arg::Double(self.epsilon)]].concat();
        run.on.launch("group_norm_forward", self.grid(run.images), &args)
    }

    fn weight_gradient(
        &self,
        run: &CudaRun<'_>,
        x: DeviceAddress,
        dy: DeviceAddress,
        gradients: DeviceArrays<'_>,
    ) -> Result<(), Error> {
        let Shape { channels, height, width } = self.input;
        let rows = run.images * height * width;
        let parts = run.workspace.parts(rows, 2 * channels);
        let [mean, inverse] = self.moments();
        let pointers = [x, dy, mean, inverse, run.workspace.partial].map(Arg::from);
        let numbers = [Arg::long(rows), (height * width).into(), channels.into(), self.groups.into()];
        let args = [&pointers[..], &numbers].concat();
        run.on.launch("group_norm_gradients", Grid::Columns { columns: channels, parts }, &args)?;
        let sums = [run.workspace.partial.into(), parts.into(), channels.into()];
        let arrays = [gradients.get(Role::Weight).into(), gradients.get(Role::Bias).into()];
        run.on.launch("finish_group_norm_gradients", Grid::ThreadPerElement(channels), &[&sums[..], &arrays].concat())
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let [mean, inverse] = self.moments();
        let pointers = [known.x[0], known.dy, mean, inverse].map(Arg::from);
        let rest = [run.arrays.get(Role::Weight).into(), known.dx.into()];
        let args = [&pointers[..], &rest, &self.numbers(run.images), &[known.add.into()]].concat();
        run.on.launch("group_norm_backward", self.grid(run.images), &args)
    }
}
