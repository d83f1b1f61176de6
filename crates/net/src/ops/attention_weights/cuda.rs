//! Attention weights on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid, Memory};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct AttentionWeightsLayer {
    factor: f32,
    channels: usize,
    output: Shape,
    /// The gradient of the dot products, in the backward pass.
    products: Memory<f32>,
}

impl AttentionWeightsLayer {
    pub fn new(factor: f32, context: &CudaContext<'_>) -> Result<Self, Error> {
        let CudaContext { on, inputs, output, images, is_trained, .. } = *context;
        let products = Memory::zeros(on, if is_trained { images * output.len() } else { 0 })?;
        Ok(Self { factor, channels: inputs[0].channels, output, products })
    }

    /// Heads, queries and keys.
    fn sides(&self) -> [usize; 3] {
        self.output.dims()
    }

    /// Rows of all maps.
    fn rows(&self, images: usize) -> usize {
        images * self.output.channels * self.output.height
    }
}

impl CudaLayer for AttentionWeightsLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let [heads, queries, keys] = self.sides();
        let total = run.images * self.output.len();
        let size = self.channels / heads;
        let pointers = [x[0].into(), x[1].into(), y.into(), Arg::long(total)];
        let numbers = [heads.into(), queries.into(), keys.into(), size.into(), self.factor.into(), false.into()];
        run.on.launch("attention_products", Grid::ThreadPerElement(total), &[&pointers[..], &numbers].concat())?;
        let rows = self.rows(run.images);
        let args = [y.into(), Arg::long(rows), heads.into(), keys.into()];
        run.on.launch("attention_softmax", Grid::ThreadPerElement(rows), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let [heads, queries, keys] = self.sides();
        let rows = self.rows(run.images);
        let pointers = [known.y, known.dy, self.products.at()].map(Arg::from);
        let args = [&pointers[..], &[Arg::long(rows), heads.into(), keys.into()]].concat();
        run.on.launch("attention_softmax_backward", Grid::ThreadPerElement(rows), &args)?;
        let is_query = known.slot == 0;
        let total = run.images * self.channels * if is_query { queries } else { keys };
        let pointers = [self.products.at(), known.x[1 - known.slot], known.dx].map(Arg::from);
        let numbers = [Arg::long(total), heads.into(), queries.into(), keys.into(), (self.channels / heads).into()];
        let flags = [(!is_query).into(), self.factor.into(), known.add.into()];
        run.on.launch("attention_sums", Grid::ThreadPerElement(total), &[&pointers[..], &numbers, &flags].concat())
    }
}
