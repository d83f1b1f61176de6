//! Fully connected layers on the device: one product.

use crate::device::cuda::{DeviceAddress, Factor, Matrix, MatrixProduct, Rows};
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun, DeviceArrays};

#[derive(Debug)]
pub(crate) struct DenseLayer {
    /// Values of an input and of an output.
    pub inputs: usize,
    pub outputs: usize,
}

impl CudaLayer for DenseLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let Self { inputs, outputs } = *self;
        run.on.product(&MatrixProduct {
            rows: run.images,
            columns: outputs,
            inner: inputs,
            a: Factor::Plain(Matrix::new(x[0], inputs)),
            b: Factor::Transposed(Matrix::new(run.arrays.need(Role::Weight)?, inputs)),
            c: Matrix::new(y, outputs),
            accumulate: false,
            count: 1,
        })?;
        run.on.add_bias(Rows { at: y, count: run.images, columns: outputs }, run.arrays.get(Role::Bias))
    }

    fn weight_gradient(
        &self,
        run: &CudaRun<'_>,
        x: DeviceAddress,
        dy: DeviceAddress,
        gradients: DeviceArrays<'_>,
    ) -> Result<(), Error> {
        let Self { inputs, outputs } = *self;
        run.on.product(&MatrixProduct {
            rows: outputs,
            columns: inputs,
            inner: run.images,
            a: Factor::Transposed(Matrix::new(dy, outputs)),
            b: Factor::Plain(Matrix::new(x, inputs)),
            c: Matrix::new(gradients.need(Role::Weight)?, inputs),
            accumulate: false,
            count: 1,
        })?;
        let dy = Rows { at: dy, count: run.images, columns: outputs };
        run.on.bias_gradient(dy, gradients.get(Role::Bias), run.workspace)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let Self { inputs, outputs } = *self;
        run.on.product(&MatrixProduct {
            rows: run.images,
            columns: inputs,
            inner: outputs,
            a: Factor::Plain(Matrix::new(known.dy, outputs)),
            b: Factor::Plain(Matrix::new(run.arrays.need(Role::Weight)?, inputs)),
            c: Matrix::new(known.dx, inputs),
            accumulate: known.add,
            count: 1,
        })
    }
}
