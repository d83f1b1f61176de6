//! The update of the optimiser Muon on a device.

use crate::device::cuda::{Arg, At, Cuda, Factor, Grid, Matrix, Memory, Product};
use crate::error::Error;
use crate::network::Network;
use crate::ops::{ParameterSpec, Role};

/// Steps of Muon's iteration.
const STEPS: usize = 3;
/// Its coefficients: see [`crate::Orthogonaliser`].
const COEFFICIENTS: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// Room for turning a gradient into an orthogonal matrix.
pub(crate) struct MuonRoom {
    ahead: Memory<f32>,
    next: Memory<f32>,
    gram: Memory<f32>,
    square: Memory<f32>,
    sums: Memory<f64>,
}

impl MuonRoom {
    /// Room for the largest filters; nothing without any.
    pub fn new(on: &Cuda, network: &Network) -> Result<Option<Self>, Error> {
        let filters = || network.parameters().filter(|spec| spec.role == Role::Weight && spec.shape.len() == 4);
        let Some(values) = filters().map(ParameterSpec::len).max() else {
            return Ok(None);
        };
        let short = |spec: &ParameterSpec| spec.shape[0].min(spec.len() / spec.shape[0].max(1));
        let side = filters().map(short).max().unwrap_or(0);
        Ok(Some(Self {
            ahead: Memory::zeros(on, values)?,
            next: Memory::zeros(on, values)?,
            gram: Memory::zeros(on, side * side)?,
            square: Memory::zeros(on, side * side)?,
            sums: Memory::zeros(on, 1)?,
        }))
    }

    /// One filter bank's step.
    pub fn update(
        &self,
        on: &Cuda,
        spec: &ParameterSpec,
        (weights, gradient, velocity): (At, At, At),
        rule: At,
    ) -> Result<(), Error> {
        let (length, filters) = (spec.len(), spec.shape[0]);
        let long = Arg::long(length);
        let sums = self.sums.at();
        let (mut x, mut next) = (self.ahead.at(), self.next.at());
        let ahead = [velocity.into(), gradient.into(), x.into(), long, rule.into()];
        on.launch("muon_velocity", Grid::Each(length), &ahead)?;
        on.launch("square_sum", Grid::Blocks(1), &[x.into(), long, sums.into()])?;
        on.launch("muon_normalise", Grid::Each(length), &[x.into(), x.into(), long, sums.into()])?;
        for _ in 0..STEPS {
            self.iterate(on, (filters, length / filters), x, next)?;
            std::mem::swap(&mut x, &mut next);
        }
        on.launch("square_sum", Grid::Blocks(1), &[weights.into(), long, sums.into()])?;
        let args = [weights.into(), x.into(), long, filters.into(), sums.into(), rule.into()];
        on.launch("muon_update", Grid::Each(length), &args)
    }

    /// `next = a x + (b A + c A A) x`, or from the other side where x is tall: A is of the shorter side.
    fn iterate(&self, on: &Cuda, (rows, columns): (usize, usize), x: At, next: At) -> Result<(), Error> {
        let [a, b, c] = COEFFICIENTS;
        let is_tall = rows > columns;
        let side = rows.min(columns);
        let matrix = Matrix::new(x, columns);
        let (gram, square) = (Matrix::new(self.gram.at(), side), Matrix::new(self.square.at(), side));
        let (left, right) = if is_tall {
            (Factor::Transposed(matrix), Factor::Plain(matrix))
        } else {
            (Factor::Plain(matrix), Factor::Transposed(matrix))
        };
        let inner = rows.max(columns);
        let product = |(a, b, c): (Factor, Factor, Matrix), (rows, columns, inner): (usize, usize, usize), add| {
            on.product(&Product { rows, columns, inner, a, b, c, add, count: 1 })
        };
        product((left, right, gram), (side, side, inner), false)?;
        product((Factor::Plain(gram), Factor::Plain(gram), square), (side, side, side), false)?;
        let combine = |x: At, a: f32, y: At, b: f32, out: At, length: usize| {
            let args = [x.into(), a.into(), y.into(), b.into(), out.into(), Arg::long(length)];
            on.launch("combine", Grid::Each(length), &args)
        };
        combine(self.gram.at(), b, self.square.at(), c, self.gram.at(), side * side)?;
        combine(x, a, x, 0.0, next, rows * columns)?;
        let (left, right) = if is_tall { (matrix, gram) } else { (gram, matrix) };
        let factors = (Factor::Plain(left), Factor::Plain(right), Matrix::new(next, columns));
        product(factors, (rows, columns, side), true)
    }
}
