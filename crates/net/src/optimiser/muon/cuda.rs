//! The update of the optimiser Muon on a GPU.

use super::{COEFFICIENTS, MatrixShape, STEPS, is_matrix};
use crate::device::cuda::{Arg, Cuda, DeviceAddress, Factor, Grid, Matrix, MatrixProduct, Memory};
use crate::error::Error;
use crate::network::Network;
use crate::ops::ParameterSpec;

/// Memory for turning a gradient into an orthogonal matrix.
#[derive(Debug)]
pub(crate) struct MuonWorkspace {
    /// `g + m v`, the gradient with Nesterov momentum; then the iteration's matrix, in turn with `next`.
    ahead: Memory<f32>,
    next: Memory<f32>,
    gram: Memory<f32>,
    square: Memory<f32>,
    sums: Memory<f64>,
}

/// The arrays of the parameter that is updated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MuonArrays {
    pub weights: DeviceAddress,
    pub gradient: DeviceAddress,
    pub velocity: DeviceAddress,
}

impl MuonWorkspace {
    /// Memory for the largest filters; nothing without any.
    pub fn new(on: &Cuda, network: &Network) -> Result<Option<Self>, Error> {
        let filters = || network.parameters().filter(|spec| is_matrix(spec));
        let Some(values) = filters().map(ParameterSpec::len).max() else {
            return Ok(None);
        };
        let side = filters().map(|spec| MatrixShape::of_filters(spec).short()).max().unwrap_or(0);
        Ok(Some(Self {
            ahead: Memory::zeros(on, values)?,
            next: Memory::zeros(on, values)?,
            gram: Memory::zeros(on, side * side)?,
            square: Memory::zeros(on, side * side)?,
            sums: Memory::zeros(on, 1)?,
        }))
    }

    /// The update of one parameter's filters by the [`super::super::UpdateParams`] at `params`.
    pub fn update(
        &self,
        on: &Cuda,
        spec: &ParameterSpec,
        arrays: MuonArrays,
        params: DeviceAddress,
    ) -> Result<(), Error> {
        let MuonArrays { weights, gradient, velocity } = arrays;
        let shape = MatrixShape::of_filters(spec);
        let length = spec.len();
        let long = Arg::long(length);
        let sums = self.sums.at();
        let (mut x, mut next) = (self.ahead.at(), self.next.at());
        let ahead = [velocity.into(), gradient.into(), x.into(), long, params.into()];
        on.launch("muon_velocity", Grid::ThreadPerElement(length), &ahead)?;
        on.launch("square_sum", Grid::Blocks(1), &[x.into(), long, sums.into()])?;
        on.launch("muon_normalise", Grid::ThreadPerElement(length), &[x.into(), x.into(), long, sums.into()])?;
        for _ in 0..STEPS {
            self.iterate(on, shape, x, next)?;
            std::mem::swap(&mut x, &mut next);
        }
        on.launch("square_sum", Grid::Blocks(1), &[weights.into(), long, sums.into()])?;
        let args = [weights.into(), x.into(), long, shape.rows.into(), sums.into(), params.into()];
        on.launch("muon_update", Grid::ThreadPerElement(length), &args)
    }

    /// `next = a x + (b A + c A A) x`, or from the other side where x is tall: A is of the shorter side.
    fn iterate(&self, on: &Cuda, shape: MatrixShape, x: DeviceAddress, next: DeviceAddress) -> Result<(), Error> {
        let MatrixShape { rows, columns } = shape;
        let [a, b, c] = COEFFICIENTS;
        let (side, length) = (shape.short(), shape.len());
        let matrix = Matrix::new(x, columns);
        let (gram, square) = (Matrix::new(self.gram.at(), side), Matrix::new(self.square.at(), side));
        let (left, right) = if shape.is_tall() {
            (Factor::Transposed(matrix), Factor::Plain(matrix))
        } else {
            (Factor::Plain(matrix), Factor::Transposed(matrix))
        };
        let grams = MatrixProduct {
            rows: side,
            columns: side,
            inner: shape.long(),
            a: left,
            b: right,
            c: gram,
            accumulate: false,
            count: 1,
        };
        on.product(&grams)?;
        let squares = MatrixProduct { inner: side, a: Factor::Plain(gram), b: Factor::Plain(gram), c: square, ..grams };
        on.product(&squares)?;
        let combine = |terms: Combination, out: DeviceAddress, length: usize| {
            let Combination { a, x, b, y } = terms;
            let args = [x.into(), a.into(), y.into(), b.into(), out.into(), Arg::long(length)];
            on.launch("combine", Grid::ThreadPerElement(length), &args)
        };
        let (gram_at, square_at) = (self.gram.at(), self.square.at());
        combine(Combination { a: b, x: gram_at, b: c, y: square_at }, gram_at, side * side)?;
        combine(Combination { a, x, b: 0.0, y: x }, next, length)?;
        let (left, right) = if shape.is_tall() { (matrix, gram) } else { (gram, matrix) };
        let (a, b) = (Factor::Plain(left), Factor::Plain(right));
        on.product(&MatrixProduct {
            rows,
            columns,
            inner: side,
            a,
            b,
            c: Matrix::new(next, columns),
            accumulate: true,
            count: 1,
        })
    }
}

/// `a x + b y`
struct Combination {
    a: f32,
    x: DeviceAddress,
    b: f32,
    y: DeviceAddress,
}
