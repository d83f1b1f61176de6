//! Convolution on the device: by cuDNN where it can, else windows laid out as rows of a matrix (im2col) and a product.

use super::Conv;
use crate::device::cuda::{
    ConvArrays, Cuda, DeviceAddress, Factor, Matrix, MatrixProduct, PutBack, Rows, Sliding, WindowBatch, Workspace,
};
use crate::device::windows::{WindowAxis, Windows};
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun, DeviceArrays};

#[derive(Debug)]
pub(crate) struct ConvLayer {
    windows: Windows,
    shared_bias: bool,
}

impl ConvLayer {
    pub fn new(conv: &Conv, context: &CudaContext<'_>) -> Self {
        let windows = conv.filters.windows(context.inputs[0], context.output);
        Self { windows, shared_bias: conv.shared_bias }
    }

    /// Whether a window is a pixel, so that the input itself is the matrix.
    fn is_plain(&self) -> bool {
        let is_pixel = |axis: WindowAxis| {
            let WindowAxis { size, stride, before, after, .. } = axis;
            (size, stride, before, after) == (1, 1, 0, 0)
        };
        is_pixel(self.windows.rows) && is_pixel(self.windows.columns) && self.windows.groups == 1
    }

    fn parts(&self, sliding: &Sliding, images: usize) -> Vec<WindowBatch> {
        if self.is_plain() { vec![WindowBatch { first: 0, images, group: 0 }] } else { sliding.parts(images).collect() }
    }

    /// A part's windows as a matrix; the input itself where it is that already.
    fn matrix(
        &self,
        on: &Cuda,
        sliding: &Sliding,
        x: DeviceAddress,
        part: WindowBatch,
        workspace: &Workspace,
    ) -> Result<Matrix, Error> {
        if self.is_plain() {
            return Ok(Matrix::new(x, sliding.window()));
        }
        sliding.lay_out(on, x, part, workspace)?;
        Ok(Matrix::new(workspace.columns, sliding.window()))
    }

    /// The output, or its gradient, in rows of as many values as there are biases.
    fn rows(&self, at: DeviceAddress, images: usize) -> Rows {
        let output = self.windows.output;
        let columns = if self.shared_bias { output.channels } else { output.len() };
        Rows { at, count: images * output.len() / columns, columns }
    }
}

impl CudaLayer for ConvLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let CudaRun { on, images, workspace, arrays, .. } = *run;
        let (weights, bias) = (arrays.need(Role::Weight)?, arrays.get(Role::Bias));
        let rows = self.rows(y, images);
        if on.dnn_forward(&self.windows, images, ConvArrays { x: x[0], weights, y })? {
            return on.add_bias(rows, bias);
        }
        let sliding = Sliding::new(self.windows, workspace);
        for part in self.parts(&sliding, images) {
            let a = self.matrix(on, &sliding, x[0], part, workspace)?;
            on.product(&MatrixProduct {
                rows: part.images * sliding.positions(),
                columns: sliding.filters(),
                inner: sliding.window(),
                a: Factor::Plain(a),
                b: Factor::Transposed(sliding.weights(weights, part)),
                c: sliding.outputs(y, part),
                accumulate: false,
                count: 1,
            })?;
        }
        on.add_bias(rows, bias)
    }

    fn weight_gradient(
        &self,
        run: &CudaRun<'_>,
        x: DeviceAddress,
        dy: DeviceAddress,
        gradients: DeviceArrays<'_>,
    ) -> Result<(), Error> {
        let CudaRun { on, images, workspace, .. } = *run;
        let weights = gradients.need(Role::Weight)?;
        on.bias_gradient(self.rows(dy, images), gradients.get(Role::Bias), workspace)?;
        if on.dnn_weight_gradient(&self.windows, images, ConvArrays { x, weights, y: dy })? {
            return Ok(());
        }
        let sliding = Sliding::new(self.windows, workspace);
        for part in self.parts(&sliding, images) {
            let b = self.matrix(on, &sliding, x, part, workspace)?;
            on.product(&MatrixProduct {
                rows: sliding.filters(),
                columns: sliding.window(),
                inner: part.images * sliding.positions(),
                a: Factor::Transposed(sliding.outputs(dy, part)),
                b: Factor::Plain(b),
                c: sliding.weights(weights, part),
                accumulate: part.first > 0,
                count: 1,
            })?;
        }
        Ok(())
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let CudaRun { on, images, workspace, arrays, .. } = *run;
        let CudaBackward { dy, dx, add, .. } = *known;
        let weights = arrays.need(Role::Weight)?;
        if on.dnn_input_gradient(&self.windows, images, ConvArrays { x: dx, weights, y: dy }, add)? {
            return Ok(());
        }
        let sliding = Sliding::new(self.windows, workspace);
        let is_plain = self.is_plain();
        for part in self.parts(&sliding, images) {
            on.product(&MatrixProduct {
                rows: part.images * sliding.positions(),
                columns: sliding.window(),
                inner: sliding.filters(),
                a: Factor::Plain(sliding.outputs(dy, part)),
                b: Factor::Plain(sliding.weights(weights, part)),
                c: Matrix::new(if is_plain { dx } else { workspace.columns }, sliding.window()),
                accumulate: is_plain && add,
                count: 1,
            })?;
            if !is_plain {
                sliding.put_back(on, PutBack { dx, add }, part, workspace)?;
            }
        }
        Ok(())
    }
}
