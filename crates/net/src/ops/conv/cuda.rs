//! Convolution on the device: windows laid out as rows of a matrix, a product, and back.

use super::{ConvGeometry, Windows};
use crate::device::cuda::{Arg, At, Cuda, Factor, Grid, Matrix, Operands, Product, Room};
use crate::error::Error;
use crate::shape::Shape;

/// Windows that slide over images, laid out as a matrix: a row for every image and position.
pub(crate) struct Sliding {
    input: Shape,
    output: Shape,
    windows: Windows,
    /// Images that are taken at a time.
    together: usize,
}

/// Some images, and one group of channels and filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub first: usize,
    pub images: usize,
    pub group: usize,
}

impl Sliding {
    pub fn new(windows: Windows, input: Shape, output: Shape, room: &Room) -> Self {
        let mut this = Self { input, output, windows, together: 1 };
        this.together = (room.columns_len / (this.positions() * this.window()).max(1)).max(1);
        this
    }

    /// Windows of an image.
    pub fn positions(&self) -> usize {
        self.output.height * self.output.width
    }

    /// Channels of a group.
    fn channels(&self) -> usize {
        self.input.channels / self.windows.groups
    }

    /// Filters of a group.
    pub fn filters(&self) -> usize {
        self.windows.filters / self.windows.groups
    }

    /// Values of a window: channels of a group, last.
    pub fn window(&self) -> usize {
        self.windows.size * self.windows.size * self.channels()
    }

    /// The first `images` images, as many at a time as there is room for, and all groups.
    pub fn parts(&self, images: usize) -> impl Iterator<Item = Part> + use<> {
        let (together, groups) = (self.together, self.windows.groups);
        (0..images).step_by(together).flat_map(move |first| {
            let images = together.min(images - first);
            (0..groups).map(move |group| Part { first, images, group })
        })
    }

    /// Lays the windows of a part of `x` out.
    pub fn lay_out(&self, on: &Cuda, x: At, part: Part, room: &Room) -> Result<(), Error> {
        let args = self.args((x.plus(part.first * self.input.len()), room.columns), part);
        on.launch("im2col", Grid::Each(part.images * self.positions() * self.window()), &args)
    }

    /// Adds what every window holds of a pixel, to what is in `dx` or to nothing.
    pub fn put_back(&self, on: &Cuda, (dx, add): (At, bool), part: Part, room: &Room) -> Result<(), Error> {
        let mut args = self.args((room.columns, dx.plus(part.first * self.input.len())), part);
        args.push(add.into());
        let pixels = part.images * self.input.height * self.input.width;
        on.launch("col2im", Grid::Each(pixels * self.channels()), &args)
    }

    fn args(&self, (from, to): (At, At), part: Part) -> Vec<Arg> {
        let Windows { size, stride, padding, .. } = self.windows;
        let sides = [part.images, self.input.height, self.input.width, self.input.channels];
        let group = [part.group * self.channels(), self.channels()];
        let windows = [self.output.height, self.output.width, size, size, stride, padding];
        let numbers = sides.into_iter().chain(group).chain(windows).map(Arg::from);
        [from.into(), to.into()].into_iter().chain(numbers).collect()
    }

    /// A part's outputs or their gradients: a row for every image and position.
    fn outputs(&self, y: At, part: Part) -> Matrix {
        let at = y.plus(part.first * self.output.len() + part.group * self.filters());
        Matrix::new(at, self.output.channels)
    }

    /// A group's filters, a row each.
    fn weights(&self, at: At, part: Part) -> Matrix {
        Matrix::new(at.plus(part.group * self.filters() * self.window()), self.window())
    }
}

impl ConvGeometry {
    fn sliding(&self, output: Shape, room: &Room) -> Sliding {
        Sliding::new(self.windows_of(), self.input, output, room)
    }

    /// Whether a window is a pixel, so that the input itself is the matrix.
    fn is_plain(&self) -> bool {
        self.size == 1 && self.stride == 1 && self.padding == 0 && self.groups == 1
    }

    fn parts(&self, sliding: &Sliding, images: usize) -> Vec<Part> {
        if self.is_plain() { vec![Part { first: 0, images, group: 0 }] } else { sliding.parts(images).collect() }
    }

    /// A part's windows, laid out unless they are so already.
    fn matrix(&self, on: &Cuda, sliding: &Sliding, x: At, part: Part, room: &Room) -> Result<Matrix, Error> {
        if self.is_plain() {
            return Ok(Matrix::new(x, sliding.window()));
        }
        sliding.lay_out(on, x, part, room)?;
        Ok(Matrix::new(room.columns, sliding.window()))
    }

    /// Number of biases, after which they begin again.
    fn biases(&self, output: Shape) -> usize {
        if self.shared_bias { output.channels } else { output.len() }
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
        let biases = (bias, self.biases(output));
        if on.dnn_forward((self, output), images, Operands { x, weights, y })? {
            return on.add_bias((y, images * output.len()), biases);
        }
        let sliding = self.sliding(output, room);
        for part in self.parts(&sliding, images) {
            let a = self.matrix(on, &sliding, x, part, room)?;
            on.product(&Product {
                rows: part.images * sliding.positions(),
                columns: sliding.filters(),
                inner: sliding.window(),
                a: Factor::Plain(a),
                b: Factor::Transposed(sliding.weights(weights, part)),
                c: sliding.outputs(y, part),
                add: false,
                count: 1,
            })?;
        }
        on.add_bias((y, images * output.len()), biases)
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
        let columns = self.biases(output);
        on.bias_gradient((dy, images * output.len() / columns, columns), bias, room)?;
        if on.dnn_weight_gradient((self, output), images, Operands { x, weights, y: dy })? {
            return Ok(());
        }
        let sliding = self.sliding(output, room);
        for part in self.parts(&sliding, images) {
            let b = self.matrix(on, &sliding, x, part, room)?;
            on.product(&Product {
                rows: sliding.filters(),
                columns: sliding.window(),
                inner: part.images * sliding.positions(),
                a: Factor::Transposed(sliding.outputs(dy, part)),
                b: Factor::Plain(b),
                c: sliding.weights(weights, part),
                add: part.first > 0,
                count: 1,
            })?;
        }
        Ok(())
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
        if on.dnn_input_gradient((self, output), images, Operands { x: dx, weights, y: dy }, add)? {
            return Ok(());
        }
        let sliding = self.sliding(output, room);
        for part in self.parts(&sliding, images) {
            let plain = self.is_plain();
            on.product(&Product {
                rows: part.images * sliding.positions(),
                columns: sliding.window(),
                inner: sliding.filters(),
                a: Factor::Plain(sliding.outputs(dy, part)),
                b: Factor::Plain(sliding.weights(weights, part)),
                c: Matrix::new(if plain { dx } else { room.columns }, sliding.window()),
                add: plain && add,
                count: 1,
            })?;
            if !plain {
                sliding.put_back(on, (dx, add), part, room)?;
            }
        }
        Ok(())
    }
}

impl Cuda {
    /// Adds biases, again and again, to all values.
    pub(crate) fn add_bias(&self, (y, total): (At, usize), (bias, period): (Option<At>, usize)) -> Result<(), Error> {
        let Some(bias) = bias else {
            return Ok(());
        };
        self.launch("add_bias", Grid::Each(total), &[y.into(), bias.into(), Arg::long(total), period.into()])
    }

    /// Sums of columns, in an order that the sizes alone determine.
    pub(crate) fn bias_gradient(
        &self,
        (dy, rows, columns): (At, usize, usize),
        bias: Option<At>,
        room: &Room,
    ) -> Result<(), Error> {
        let Some(bias) = bias else {
            return Ok(());
        };
        let parts = room.parts(rows, columns);
        let args = [dy.into(), room.partial.into(), Arg::long(rows), columns.into()];
        self.launch("column_sums", Grid::Columns { columns, parts }, &args)?;
        let args = [room.partial.into(), bias.into(), columns.into(), parts.into()];
        self.launch("finish_column_sums", Grid::Each(columns), &args)
    }
}
