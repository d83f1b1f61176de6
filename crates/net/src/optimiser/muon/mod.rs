//! Muon: the gradient of filters, as a matrix with a row a filter, is replaced by an approximation of the nearest
//! orthogonal one.
//!
//! Source: Newton-Schulz iteration of fifth order as in Muon (Jordan and others, 2024).

mod cpu;
mod cuda;

pub(crate) use cpu::Orthogonaliser;
pub(crate) use cuda::{MuonArrays, MuonWorkspace};

use crate::ops::{ParameterSpec, Role};

/// Steps of the iteration, as in airbench94.
const STEPS: usize = 3;

/// Coefficients of the iteration `X <- a X + (b A + c A A) X` with `A = X X'`. They are steeper at
/// zero than those that converge: after few steps all singular values lie between about 0.5 and 1.5.
const COEFFICIENTS: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// Sides of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MatrixShape {
    pub rows: usize,
    pub columns: usize,
}

impl MatrixShape {
    /// A parameter's filters, one a row.
    pub fn of_filters(spec: &ParameterSpec) -> Self {
        let rows = spec.shape[0];
        Self { rows, columns: spec.len() / rows.max(1) }
    }

    pub const fn len(self) -> usize {
        self.rows * self.columns
    }

    /// The shorter side.
    pub fn short(self) -> usize {
        self.rows.min(self.columns)
    }

    /// The longer side.
    pub fn long(self) -> usize {
        self.rows.max(self.columns)
    }

    pub const fn is_tall(self) -> bool {
        self.rows > self.columns
    }
}

/// True for parameters that Muon treats as a matrix: filters with maps. The others are updated as by Nesterov.
pub(crate) fn is_matrix(spec: &ParameterSpec) -> bool {
    spec.role == Role::Weight && spec.shape.len() == 4
}
