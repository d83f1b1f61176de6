//! Locally connected layers on the device: a product for every position, all in one series.

use super::LocalGeometry;
use crate::device::cuda::{At, Cuda, Factor, Matrix, Product, Room};
use crate::error::Error;
use crate::ops::conv::cuda::{Part, Sliding};
use crate::shape::Shape;

impl LocalGeometry {
    fn sliding(&self, output: Shape, room: &Room) -> Sliding {
        Sliding::new(self.windows_of(), self.input, output, room)
    }

    /// The windows at a position, a row an image.
    fn columns(sliding: &Sliding, room: &Room) -> Matrix {
        Matrix::series(room.columns, sliding.positions() * sliding.window(), sliding.window())
    }

    /// The outputs at a position, a row an image.
    fn outputs(sliding: &Sliding, output: Shape, y: At, part: Part) -> Matrix {
        let at = y.plus(part.first * output.len() + part.group * sliding.filters());
        Matrix::series(at, output.len(), output.channels)
    }

    /// The filters of a position and a group, a row each.
    fn weights(sliding: &Sliding, output: Shape, at: At, part: Part) -> Matrix {
        let window = sliding.window();
        Matrix::series(at.plus(part.group * sliding.filters() * window), window, output.channels * window)
    }

    /// `y` of the first `images` images.
    pub(crate) fn cuda_forward(
        &self,
        on: &Cuda,
        images: usize,
        (weights, bias): (At, Option<At>),
        (x, y): (At, At),
        (output, room): (Shape, &Room),
    ) -> Result<(), Error> {
        let sliding = self.sliding(output, room);
        for part in sliding.parts(images) {
            sliding.lay_out(on, x, part, room)?;
            on.product(&Product {
                rows: part.images,
                columns: sliding.filters(),
                inner: sliding.window(),
                a: Factor::Plain(Self::columns(&sliding, room)),
                b: Factor::Transposed(Self::weights(&sliding, output, weights, part)),
                c: Self::outputs(&sliding, output, y, part),
                add: false,
                count: sliding.positions(),
            })?;
        }
        on.add_bias((y, images * output.len()), (bias, output.len()))
    }

    /// Gradients of weights and biases, summed over the images.
    pub(crate) fn cuda_weight_gradient(
        &self,
        on: &Cuda,
        images: usize,
        (x, dy): (At, At),
        (weights, bias): (At, Option<At>),
        (output, room): (Shape, &Room),
    ) -> Result<(), Error> {
        let sliding = self.sliding(output, room);
        for part in sliding.parts(images) {
            sliding.lay_out(on, x, part, room)?;
            on.product(&Product {
                rows: sliding.filters(),
                columns: sliding.window(),
                inner: part.images,
                a: Factor::Transposed(Self::outputs(&sliding, output, dy, part)),
                b: Factor::Plain(Self::columns(&sliding, room)),
                c: Self::weights(&sliding, output, weights, part),
                add: part.first > 0,
                count: sliding.positions(),
            })?;
        }
        on.bias_gradient((dy, images, output.len()), bias, room)
    }

    /// Gradient of the input; added to what is there, or written.
    pub(crate) fn cuda_input_gradient(
        &self,
        on: &Cuda,
        images: usize,
        weights: At,
        (dy, dx, add): (At, At, bool),
        (output, room): (Shape, &Room),
    ) -> Result<(), Error> {
        let sliding = self.sliding(output, room);
        for part in sliding.parts(images) {
            on.product(&Product {
                rows: part.images,
                columns: sliding.window(),
                inner: sliding.filters(),
                a: Factor::Plain(Self::outputs(&sliding, output, dy, part)),
                b: Factor::Plain(Self::weights(&sliding, output, weights, part)),
                c: Self::columns(&sliding, room),
                add: false,
                count: sliding.positions(),
            })?;
            sliding.put_back(on, (dx, add), part, room)?;
        }
        Ok(())
    }
}
