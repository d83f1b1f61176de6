//! Sums of pixels, weighted by attention, on the device; the kernels are in `attention_weights.cu`.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct AttentionLayer {
    /// Heads x queries x keys.
    pub weights: Shape,
    /// Of the values and of the sums.
    pub channels: usize,
}

impl AttentionLayer {
    fn numbers(&self) -> [Arg; 4] {
        let [heads, queries, keys] = self.weights.dims();
        [heads.into(), queries.into(), keys.into(), (self.channels / heads).into()]
    }

    /// Sums of values by weights into `to`, for every key over the queries where that is asked for.
    fn sum(
        &self,
        run: &CudaRun<'_>,
        [weights, values, to]: [DeviceAddress; 3],
        (transposed, add): (bool, bool),
    ) -> Result<(), Error> {
        let total = run.images * self.channels * if transposed { self.weights.width } else { self.weights.height };
        let pointers = [weights.into(), values.into(), to.into(), Arg::long(total)];
        let flags = [transposed.into(), Arg::Float(1.0), add.into()];
        let args = [&pointers[..], &self.numbers(), &flags].concat();
        run.on.launch("attention_sums", Grid::ThreadPerElement(total), &args)
    }
}

impl CudaLayer for AttentionLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        self.sum(run, [x[0], x[1], y], (false, false))
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        if known.slot == 1 {
            return self.sum(run, [known.x[0], known.dy, known.dx], (true, known.add));
        }
        let total = run.images * self.weights.len();
        let pointers = [known.dy.into(), known.x[1].into(), known.dx.into(), Arg::long(total)];
        let flags = [Arg::Float(1.0), known.add.into()];
        let args = [&pointers[..], &self.numbers(), &flags].concat();
        run.on.launch("attention_products", Grid::ThreadPerElement(total), &args)
    }
}
