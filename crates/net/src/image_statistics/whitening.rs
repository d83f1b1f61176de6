//! The initialisation of layers that whiten patches of the training images.

use crate::error::Error;
use crate::init::Init;
use crate::input::Preprocess;
use crate::network::{Layer, Network};
use crate::ops::Role;
use crate::parameters::Parameters;
use ndarray::{Array3, ArrayView3};

/// Sweeps after which a symmetric matrix is diagonal to the last bit, and more.
const SWEEPS: usize = 30;

/// Sets the weights of every layer that is initialised as [`Init::Whitening`] from these images: the
/// eigenvectors of the second moments of their patches (centre views, every position), the largest
/// eigenvalue first, each over `sqrt(eigenvalue + epsilon)`; then the same negated.
///
/// Source: Page, "How to train your `ResNet`", 2019, in the form of airbench94 (Jordan, 2024).
pub fn whiten(
    parameters: &mut Parameters,
    network: &Network,
    preprocess: &Preprocess,
    images: &[ArrayView3<'_, u8>],
) -> Result<(), Error> {
    for layer in network.layers() {
        let weight = layer.parameter(Role::Weight);
        let Some((spec, Init::Whitening { epsilon })) = weight.map(|spec| (spec, spec.init)) else {
            continue;
        };
        let moments = moments(layer, network, preprocess, images)?;
        let (values, vectors) = eigen(moments);
        if let Some(weights) = parameters.get_mut(&spec.name).and_then(|array| array.as_slice_mut()) {
            fill(weights, &values, &vectors, epsilon);
        }
    }
    Ok(())
}

/// Filters from eigenvalues and eigenvectors, in falling order of the eigenvalues.
fn fill(weights: &mut [f32], values: &[f64], vectors: &[Vec<f64>], epsilon: f64) {
    let size = values.len();
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    for (index, filter) in weights.chunks_exact_mut(size).enumerate() {
        let own = order[index % size];
        let sign = if index < size { 1.0 } else { -1.0 };
        let scale = sign / (values[own].max(0.0) + epsilon).sqrt();
        for (weight, row) in filter.iter_mut().zip(vectors) {
            *weight = (scale * row[own]) as f32;
        }
    }
}

/// Mean of the products of every two values of a patch.
fn moments(
    layer: &Layer,
    network: &Network,
    preprocess: &Preprocess,
    images: &[ArrayView3<'_, u8>],
) -> Result<Vec<Vec<f64>>, Error> {
    let shape = network.input();
    let spec = layer.parameter(Role::Weight);
    let [_, channels, height, width] = *spec.map(|spec| spec.shape.as_slice()).unwrap_or_default() else {
        return Ok(Vec::new());
    };
    let size = channels * height * width;
    let mut sums = vec![vec![0.0; size]; size];
    let mut input = Array3::zeros(shape.dims());
    let mut patch = vec![0.0; size];
    for image in images {
        preprocess.write(*image, network.centre_view(), input.view_mut())?;
        for y in 0..=shape.height - height {
            for x in 0..=shape.width - width {
                let places = input.slice(ndarray::s![.., y..y + height, x..x + width]);
                patch.iter_mut().zip(places).for_each(|(to, value)| *to = f64::from(*value));
                for (row, a) in sums.iter_mut().zip(&patch) {
                    row.iter_mut().zip(&patch).for_each(|(sum, b)| *sum += a * b);
                }
            }
        }
    }
    let patches = images.len() * (shape.height - height + 1) * (shape.width - width + 1);
    sums.iter_mut().flatten().for_each(|sum| *sum /= patches.max(1) as f64);
    Ok(sums)
}

/// Eigenvalues and, in columns, eigenvectors of a symmetric matrix, by Jacobi's rotations. An
/// eigenvector's largest value is positive.
fn eigen(mut matrix: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = matrix.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..size).map(|row| (0..size).map(|column| f64::from(u8::from(row == column))).collect()).collect();
    for _ in 0..SWEEPS {
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut matrix, &mut vectors, (p, q));
            }
        }
    }
    for column in 0..size {
        let largest =
            (0..size).map(|row| vectors[row][column]).fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
        if largest < 0.0 {
            for row in &mut vectors {
                row[column] = -row[column];
            }
        }
    }
    ((0..size).map(|at| matrix[at][at]).collect(), vectors)
}

/// Turns rows and columns p and q so that their common value becomes 0.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], (p, q): (usize, usize)) {
    if matrix[p][q] == 0.0 {
        return;
    }
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    let turn = |a: f64, b: f64| (cosine * a - sine * b, sine * a + cosine * b);
    for row in matrix.iter_mut().chain(vectors) {
        (row[p], row[q]) = turn(row[p], row[q]);
    }
    let (above, below) = matrix.split_at_mut(q);
    for (a, b) in above[p].iter_mut().zip(&mut below[0]) {
        (*a, *b) = turn(*a, *b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn eigenvectors_are_orthogonal_and_make_the_matrix_diagonal() {
        let stream = Stream::new(3, &[1]);
        let size = 12;
        let mut matrix = vec![vec![0.0; size]; size];
        for place in 0..size * size {
            let (a, b) = (place / size, place % size);
            matrix[a][b] = stream.normal((a.max(b) * size + a.min(b)) as u64);
        }
        let (values, vectors) = eigen(matrix.clone());
        for (a, value) in values.iter().enumerate() {
            for b in 0..size {
                let dot: f64 = (0..size).map(|row| vectors[row][a] * vectors[row][b]).sum();
                assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-12, "{a} {b} {dot}");
            }
            for row in 0..size {
                let product: f64 = (0..size).map(|column| matrix[row][column] * vectors[column][a]).sum();
                assert!((product - value * vectors[row][a]).abs() < 1e-11);
            }
        }
    }
}
