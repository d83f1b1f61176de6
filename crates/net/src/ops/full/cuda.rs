//! Fully connected layers on the device: one product.

use super::FullGeometry;
use crate::device::cuda::{At, Cuda, Factor, Matrix, Product, Room};
use crate::error::Error;

impl FullGeometry {
    fn weights(&self, at: At) -> Matrix {
        Matrix::new(at, self.input.len())
    }

    /// `y` of the first `images` images.
    pub(crate) fn cuda_forward(
        &self,
        on: &Cuda,
        images: usize,
        (weights, bias): (At, Option<At>),
        (x, y): (At, At),
    ) -> Result<(), Error> {
        on.product(&Product {
            rows: images,
            columns: self.outputs,
            inner: self.input.len(),
            a: Factor::Plain(Matrix::new(x, self.input.len())),
            b: Factor::Transposed(self.weights(weights)),
            c: Matrix::new(y, self.outputs),
            add: false,
            count: 1,
        })?;
        on.add_bias((y, images * self.outputs), (bias, self.outputs))
    }

    /// Gradients of weights and biases, summed over the images.
    pub(crate) fn cuda_weight_gradient(
        &self,
        on: &Cuda,
        images: usize,
        (x, dy): (At, At),
        (weights, bias): (At, Option<At>),
        room: &Room,
    ) -> Result<(), Error> {
        on.product(&Product {
            rows: self.outputs,
            columns: self.input.len(),
            inner: images,
            a: Factor::Transposed(Matrix::new(dy, self.outputs)),
            b: Factor::Plain(Matrix::new(x, self.input.len())),
            c: self.weights(weights),
            add: false,
            count: 1,
        })?;
        on.bias_gradient((dy, images, self.outputs), bias, room)
    }

    /// Gradient of the input; added to what is there, or written.
    pub(crate) fn cuda_input_gradient(
        &self,
        on: &Cuda,
        images: usize,
        weights: At,
        (dy, dx, add): (At, At, bool),
    ) -> Result<(), Error> {
        on.product(&Product {
            rows: images,
            columns: self.input.len(),
            inner: self.outputs,
            a: Factor::Plain(Matrix::new(dy, self.outputs)),
            b: Factor::Plain(self.weights(weights)),
            c: Matrix::new(dx, self.input.len()),
            add,
            count: 1,
        })
    }
}
