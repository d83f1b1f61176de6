//! Layer normalisation over the channels, on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid, Memory};
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun, DeviceArrays};
use crate::shape::Shape;

/// Rows (pixels) that a block takes at a time, and blocks at most.
const BLOCK_ROWS: usize = 8;
const MAX_BLOCKS: usize = 1 << 14;

#[derive(Debug)]
pub(crate) struct LayerNormLayer {
    epsilon: f64,
    input: Shape,
    /// Means of all pixels, then one over their standard deviations: kept for the backward pass.
    moments: Memory<f32>,
    images: usize,
}

impl LayerNormLayer {
    pub fn new(epsilon: f64, context: &CudaContext<'_>) -> Result<Self, Error> {
        let Shape { height, width, .. } = context.output;
        let moments = Memory::zeros(context.on, 2 * context.images * height * width)?;
        Ok(Self { epsilon, input: context.output, moments, images: context.images })
    }

    /// Pixels of the images.
    fn rows(&self, images: usize) -> usize {
        images * self.input.height * self.input.width
    }

    fn mean(&self) -> DeviceAddress {
        self.moments.at()
    }

    fn inverse(&self) -> DeviceAddress {
        self.moments.at().plus(self.rows(self.images))
    }

    /// A block of 32 threads a row, for eight rows at a time.
    fn grid(rows: usize) -> Grid {
        Grid::Columns { columns: 32, parts: rows.div_ceil(BLOCK_ROWS).clamp(1, MAX_BLOCKS) }
    }
}

impl CudaLayer for LayerNormLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let rows = self.rows(run.images);
        let learnt = [run.arrays.get(Role::Weight).into(), run.arrays.get(Role::Bias).into()];
        let numbers = [Arg::long(rows), self.input.channels.into(), Arg::Double(self.epsilon)];
        let pointers = [x[0], y, self.mean(), self.inverse()].map(Arg::from);
        run.on.launch("layer_norm_forward", Self::grid(rows), &[&pointers[..], &learnt, &numbers].concat())
    }

    fn weight_gradient(
        &self,
        run: &CudaRun<'_>,
        x: DeviceAddress,
        dy: DeviceAddress,
        gradients: DeviceArrays<'_>,
    ) -> Result<(), Error> {
        let (rows, channels) = (self.rows(run.images), self.input.channels);
        let parts = run.workspace.parts(rows, 2 * channels);
        let pointers = [x, dy, self.mean(), self.inverse(), run.workspace.partial].map(Arg::from);
        let args = [&pointers[..], &[Arg::long(rows), channels.into()]].concat();
        run.on.launch("layer_norm_gradients", Grid::Columns { columns: channels, parts }, &args)?;
        let known = [run.workspace.partial.into(), parts.into(), channels.into()];
        let learnt = [gradients.get(Role::Weight).into(), gradients.get(Role::Bias).into()];
        run.on.launch("finish_layer_norm_gradients", Grid::ThreadPerElement(channels), &[&known[..], &learnt].concat())
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let rows = self.rows(run.images);
        let pointers = [known.x[0], known.dy, self.mean(), self.inverse()].map(Arg::from);
        let rest = [run.arrays.get(Role::Weight).into(), known.dx.into()];
        let numbers = [Arg::long(rows), self.input.channels.into(), known.add.into()];
        run.on.launch("layer_norm_backward", Self::grid(rows), &[&pointers[..], &rest, &numbers].concat())
    }
}
