//! Locally connected layers on the device: a product for every position, all in one batched call.

use super::Local;
use crate::device::cuda::{
    DeviceAddress, Factor, Matrix, MatrixProduct, PutBack, Rows, Sliding, WindowBatch, Workspace,
};
use crate::device::windows::Windows;
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun, DeviceArrays};

#[derive(Debug)]
pub(crate) struct LocalLayer {
    windows: Windows,
}

impl LocalLayer {
    pub fn new(local: &Local, context: &CudaContext<'_>) -> Self {
        Self { windows: local.filters.windows(context.inputs[0], context.output) }
    }

    /// The windows at a position, a row per image.
    fn columns(sliding: &Sliding, workspace: &Workspace) -> Matrix {
        Matrix::batch(workspace.columns, sliding.positions() * sliding.window(), sliding.window())
    }

    /// The outputs at a position, a row per image.
    fn outputs(&self, sliding: &Sliding, y: DeviceAddress, part: WindowBatch) -> Matrix {
        let output = self.windows.output;
        let at = y.plus(part.first * output.len() + part.group * sliding.filters());
        Matrix::batch(at, output.len(), output.channels)
    }

    /// The filters of a position and a group, a row each.
    fn weights(&self, sliding: &Sliding, at: DeviceAddress, part: WindowBatch) -> Matrix {
        let window = sliding.window();
        let at = at.plus(part.group * sliding.filters() * window);
        Matrix::batch(at, window, self.windows.output.channels * window)
    }
}

impl CudaLayer for LocalLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let CudaRun { on, images, workspace, arrays, .. } = *run;
        let weights = arrays.need(Role::Weight)?;
        let sliding = Sliding::new(self.windows, workspace);
        for part in sliding.parts(images) {
            sliding.lay_out(on, x[0], part, workspace)?;
            on.product(&MatrixProduct {
                rows: part.images,
                columns: sliding.filters(),
                inner: sliding.window(),
                a: Factor::Plain(Self::columns(&sliding, workspace)),
                b: Factor::Transposed(self.weights(&sliding, weights, part)),
                c: self.outputs(&sliding, y, part),
                accumulate: false,
                count: sliding.positions(),
            })?;
        }
        let output = self.windows.output.len();
        on.add_bias(Rows { at: y, count: images, columns: output }, arrays.get(Role::Bias))
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
        let sliding = Sliding::new(self.windows, workspace);
        for part in sliding.parts(images) {
            sliding.lay_out(on, x, part, workspace)?;
            on.product(&MatrixProduct {
                rows: sliding.filters(),
                columns: sliding.window(),
                inner: part.images,
                a: Factor::Transposed(self.outputs(&sliding, dy, part)),
                b: Factor::Plain(Self::columns(&sliding, workspace)),
                c: self.weights(&sliding, weights, part),
                accumulate: part.first > 0,
                count: sliding.positions(),
            })?;
        }
        let dy = Rows { at: dy, count: images, columns: self.windows.output.len() };
        on.bias_gradient(dy, gradients.get(Role::Bias), workspace)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let CudaRun { on, images, workspace, arrays, .. } = *run;
        let weights = arrays.need(Role::Weight)?;
        let sliding = Sliding::new(self.windows, workspace);
        for part in sliding.parts(images) {
            on.product(&MatrixProduct {
                rows: part.images,
                columns: sliding.window(),
                inner: sliding.filters(),
                a: Factor::Plain(self.outputs(&sliding, known.dy, part)),
                b: Factor::Plain(self.weights(&sliding, weights, part)),
                c: Self::columns(&sliding, workspace),
                accumulate: false,
                count: sliding.positions(),
            })?;
            sliding.put_back(on, PutBack { dx: known.dx, add: known.add }, part, workspace)?;
        }
        Ok(())
    }
}
