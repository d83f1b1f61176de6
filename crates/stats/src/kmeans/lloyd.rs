//! Lloyd's step, and the distances that a result is judged by.
//!
//! The nearest centre of a row `x` is the one with the least `|c|^2 / 2 - x c`, so a block of rows
//! costs one matrix product (for which `matrixmultiply` picks the processor's vector instructions at
//! run time) and one pass for the least of each column. Clusters are in rows and images in columns
//! of the product, so that this pass compares whole vectors of images.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

/// Rows whose products with all centres stay in the fastest cache.
const BLOCK: usize = 256;
/// Rows that are summed in f32 before the sums are added up in f64.
const GROUP: usize = 2048;
/// Lloyd steps at most; scikit-learn's default.
pub(super) const MAX_ITERATIONS: usize = 300;
/// Squared shift of all centres, relative to the mean variance, at which a fit has converged.
pub(super) const TOLERANCE: f64 = 1e-4;

/// Centres on the way.
pub(super) struct Centres {
    pub centres: Array2<f32>,
    pub iterations: usize,
}

/// Lloyd steps until the centres stand still; `None` when stopped.
pub(super) fn run(rows: ArrayView2<'_, f32>, start: Array2<f32>, stop: &AtomicBool) -> Option<Centres> {
    let mut centres = start;
    for iterations in 1..=MAX_ITERATIONS {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let next = step(rows, &centres);
        let shift: f64 = centres.iter().zip(&next).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        centres = next;
        if shift <= TOLERANCE {
            return Some(Centres { centres, iterations });
        }
    }
    Some(Centres { centres, iterations: MAX_ITERATIONS })
}

/// One Lloyd step: every row to its nearest centre, every centre to its members' mean; a centre
/// without members stays. Sums are taken group by group and in order, so that they do not depend on
/// the number of threads.
pub(super) fn step(rows: ArrayView2<'_, f32>, centres: &Array2<f32>) -> Array2<f32> {
    let halves = half_norms(centres);
    let groups: Vec<Sums> = rows
        .axis_chunks_iter(Axis(0), GROUP)
        .into_par_iter()
        .map_init(Scratch::default, |scratch, group| {
            let mut sums = Sums { sums: Array2::zeros(centres.dim()), counts: vec![0; centres.nrows()] };
            for block in group.axis_chunks_iter(Axis(0), BLOCK) {
                scratch.find(block, centres, &halves);
                sums.add(block, &scratch.nearest[..block.nrows()]);
            }
            sums
        })
        .collect();
    let mut sums = Array2::<f64>::zeros(centres.dim());
    let mut counts = Array1::<f64>::zeros(centres.nrows());
    for group in &groups {
        sums.zip_mut_with(&group.sums, |all, &part| *all += f64::from(part));
        counts.iter_mut().zip(&group.counts).for_each(|(all, &part)| *all += f64::from(part));
    }
    let mut next = centres.clone();
    for ((mut centre, sum), &count) in next.rows_mut().into_iter().zip(sums.rows()).zip(&counts) {
        if count > 0.0 {
            centre.zip_mut_with(&sum, |c, s| *c = (s / count) as f32);
        }
    }
    next
}

/// The members' sums and counts of one group of rows.
struct Sums {
    sums: Array2<f32>,
    counts: Vec<u32>,
}

impl Sums {
    fn add(&mut self, rows: ArrayView2<'_, f32>, nearest: &[u32]) {
        let columns = rows.ncols();
        let Some(sums) = self.sums.as_slice_mut() else { return };
        for (row, &cluster) in rows.rows().into_iter().zip(nearest) {
            let cluster = cluster as usize;
            self.counts[cluster] += 1;
            let sum = &mut sums[cluster * columns..][..columns];
            match row.as_slice() {
                Some(row) => sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x),
                None => sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x),
            }
        }
    }
}

/// Buffers of one block of rows, used again for the next.
#[derive(Default)]
struct Scratch {
    /// `[clusters, BLOCK]`.
    products: Array2<f32>,
    nearest: Vec<u32>,
    /// `|c|^2 / 2 - x c` of the nearest.
    min: Vec<f32>,
}

impl Scratch {
    /// The nearest centre of each of at most [`BLOCK`] rows, the first of equals.
    fn find(&mut self, rows: ArrayView2<'_, f32>, centres: &Array2<f32>, halves: &[f32]) {
        let n = rows.nrows();
        if self.products.dim() != (centres.nrows(), BLOCK) {
            *self = Self {
                products: Array2::zeros((centres.nrows(), BLOCK)),
                nearest: vec![0; BLOCK],
                min: vec![0.0; BLOCK],
            };
        }
        let mut products = self.products.slice_mut(s![.., ..n]);
        general_mat_mul(1.0, centres, &rows.t(), 0.0, &mut products);
        let (nearest, min) = (&mut self.nearest[..n], &mut self.min[..n]);
        nearest.fill(0);
        min.fill(f32::INFINITY);
        for ((cluster, products), &half) in (0..).zip(products.rows()).zip(halves) {
            let Some(products) = products.to_slice() else { continue };
            for ((nearest, min), &product) in nearest.iter_mut().zip(&mut *min).zip(products) {
                let distance = half - product;
                let is_less = distance < *min;
                *min = if is_less { distance } else { *min };
                *nearest = if is_less { cluster } else { *nearest };
            }
        }
    }
}

fn half_norms(centres: &Array2<f32>) -> Vec<f32> {
    centres.rows().into_iter().map(|c| c.iter().map(|x| x * x).sum::<f32>() / 2.0).collect()
}

/// For each row its nearest centre (the first of equals) and the squared distance to it.
pub(super) fn nearest_centres(rows: ArrayView2<'_, f32>, centres: &Array2<f32>) -> (Vec<u16>, Vec<f32>) {
    let halves = half_norms(centres);
    let groups: Vec<(Vec<u16>, Vec<f32>)> = rows
        .axis_chunks_iter(Axis(0), GROUP)
        .into_par_iter()
        .map_init(Scratch::default, |scratch, group| {
            let (mut nearest, mut distances) = (Vec::with_capacity(GROUP), Vec::with_capacity(GROUP));
            for block in group.axis_chunks_iter(Axis(0), BLOCK) {
                scratch.find(block, centres, &halves);
                for (row, &cluster) in block.rows().into_iter().zip(&scratch.nearest) {
                    nearest.push(cluster as u16);
                    distances.push(squared_distance(row, centres.row(cluster as usize)));
                }
            }
            (nearest, distances)
        })
        .collect();
    let (nearest, distances): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
    (nearest.concat(), distances.concat())
}

/// The sum of the squared distances of all rows to their nearest centres.
pub(super) fn inertia(rows: ArrayView2<'_, f32>, centres: &Array2<f32>) -> f64 {
    nearest_centres(rows, centres).1.iter().map(|&d| f64::from(d)).sum()
}

pub(super) fn squared_distance(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f32 {
    match (a.as_slice(), b.as_slice()) {
        (Some(a), Some(b)) => squared_distance_of_slices(a, b),
        _ => a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum(),
    }
}

/// Sixteen running sums, so that the compiler may use vectors.
fn squared_distance_of_slices(a: &[f32], b: &[f32]) -> f32 {
    let (blocks_a, rest_a) = a.as_chunks::<16>();
    let (blocks_b, rest_b) = b.as_chunks::<16>();
    let mut sums = [0.0_f32; 16];
    for (x, y) in blocks_a.iter().zip(blocks_b) {
        for lane in 0..16 {
            let difference = x[lane] - y[lane];
            sums[lane] += difference * difference;
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(x, y)| (x - y) * (x - y)).sum();
    sums.iter().sum::<f32>() + rest
}
