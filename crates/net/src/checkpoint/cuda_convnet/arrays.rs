//! Weights and biases from cuda-convnet's memory order into that of snapshots.

use super::translate::PlannedArray;
use crate::error::Error;
use crate::network::Network;
use crate::ops::{ParameterSpec, Role};
use crate::snapshot::RawArray;
use deepviz_pickle::Array;
use std::collections::HashMap;

/// The arrays of a network, checked against its shapes.
pub(super) fn read(planned: &[PlannedArray<'_>], network: &Network) -> Result<Vec<RawArray>, Error> {
    let specs: HashMap<&str, &ParameterSpec> = network.parameters().map(|spec| (spec.array_name(), spec)).collect();
    let one = |plan: &PlannedArray<'_>| {
        let spec = specs.get(plan.name.as_str());
        let spec = spec.ok_or_else(|| Error::internal(format!("no parameter takes the array {}", plan.name)))?;
        let (key, input) = plan.input.map_or(("biases", 0), |input| ("weights", input));
        let array = plan.fields.array_at(key, input)?;
        let shape = if spec.role == Role::Weight { Some(Matrix::of(&spec.shape)) } else { None };
        let is_fitting = match &shape {
            Some(matrix) => array.shape == [matrix.blocks * matrix.rows, matrix.filters],
            None => array.shape.iter().try_fold(1_usize, |all, side| all.checked_mul(*side)) == Some(spec.len()),
        };
        if !is_fitting {
            return Err(wrong_shape(plan, key, array, shape.as_ref(), spec));
        }
        let floats = array.floats();
        let floats = floats.ok_or_else(|| plan.fields.wrong(&format!("whole numbers as `{key}`"), "floating ones"))?;
        let floats = match shape {
            Some(matrix) => matrix.transposed(&floats),
            None => floats,
        };
        RawArray::of_floats(&plan.name, &spec.shape, &floats)
    };
    planned.iter().map(one).collect()
}

fn wrong_shape(
    plan: &PlannedArray<'_>,
    key: &str,
    array: &Array<'_>,
    matrix: Option<&Matrix>,
    spec: &ParameterSpec,
) -> Error {
    let expected = match matrix {
        Some(matrix) => format!("{} x {}", matrix.blocks * matrix.rows, matrix.filters),
        None => format!("{} numbers", spec.len()),
    };
    let found = format!("`{key}` of the shape {:?}", array.shape);
    plan.fields.wrong(&found, &format!("{expected}, as its settings say"))
}

/// Weights in a file: a row for each value that a filter sees, a column for each filter; of filters that are not shared
/// one such matrix for each position, one below the other.
struct Matrix {
    blocks: usize,
    rows: usize,
    filters: usize,
}

impl Matrix {
    /// Of the shape of a snapshot's array: `[k, c, r, s]`, `[outputs, inputs]`, `[oh, ow, k, c, r, s]`.
    fn of(shape: &[usize]) -> Self {
        let positions = if shape.len() == 6 { 2 } else { 0 };
        let product = |sides: &[usize]| sides.iter().product();
        let (before, filters) = shape.split_at(positions);
        Self { blocks: product(before), rows: product(&filters[1..]), filters: filters[0] }
    }

    /// Each matrix with a row for every filter.
    fn transposed(&self, floats: &[f32]) -> Vec<f32> {
        let mut out = Vec::with_capacity(floats.len());
        for block in floats.chunks_exact((self.rows * self.filters).max(1)) {
            for filter in 0..self.filters {
                out.extend(block.iter().skip(filter).step_by(self.filters));
            }
        }
        out
    }
}
