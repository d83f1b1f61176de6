//! The steps of k-means: a fast Lloyd step, linfa's fit, and the exact distances a result is judged by.
//!
//! linfa's fit takes several times as long for a step as the arithmetic needs, and it can neither be
//! interrupted nor say how many steps it took. So our step brings the centres to rest, and linfa,
//! started from there, has the last word.

use linfa::DatasetBase;
use linfa::ParamGuard as _;
use linfa::traits::Fit as _;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rand08::{SeedableRng, rngs::StdRng};
use rayon::prelude::*;

use crate::error::Error;

/// Rows that are worked on at a time: their products with the centres stay in the cache.
const BLOCK: usize = 1024;

/// One Lloyd step: every row to its nearest centre, every centre to its members' mean; a centre
/// without members stays.
///
/// The nearest centre is the one with the least `|c|^2 / 2 - x c`, and the products of a block of
/// rows with all centres are one matrix product. Sums are taken block by block and in order, so that
/// they do not depend on the number of threads.
pub(super) fn step(rows: ArrayView2<'_, f32>, centres: &Array2<f32>) -> Array2<f32> {
    let half_norms: Vec<f32> = centres.rows().into_iter().map(|c| c.iter().map(|x| x * x).sum::<f32>() / 2.0).collect();
    let blocks: Vec<Sums> = (0..rows.nrows().div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let end = rows.nrows().min((block + 1) * BLOCK);
            Sums::of(rows.slice(s![block * BLOCK..end, ..]), centres, &half_norms)
        })
        .collect();
    let mut sums = Array2::<f64>::zeros(centres.dim());
    let mut counts = Array1::<f64>::zeros(centres.nrows());
    for block in &blocks {
        sums.zip_mut_with(&block.sums, |all, &part| *all += f64::from(part));
        counts.zip_mut_with(&block.counts, |all, &part| *all += f64::from(part));
    }
    let mut next = centres.clone();
    for ((mut centre, sum), &count) in next.rows_mut().into_iter().zip(sums.rows()).zip(&counts) {
        if count > 0.0 {
            centre.zip_mut_with(&sum, |c, s| *c = (s / count) as f32);
        }
    }
    next
}

/// The members' sums and counts of one block of rows.
struct Sums {
    sums: Array2<f32>,
    counts: Array1<u32>,
}

impl Sums {
    fn of(rows: ArrayView2<'_, f32>, centres: &Array2<f32>, half_norms: &[f32]) -> Self {
        let mut products = Array2::<f32>::zeros((rows.nrows(), centres.nrows()));
        general_mat_mul(1.0, &rows, &centres.t(), 0.0, &mut products);
        let mut sums = Array2::<f32>::zeros(centres.dim());
        let mut counts = Array1::<u32>::zeros(centres.nrows());
        for (row, products) in rows.axis_iter(Axis(0)).zip(products.rows()) {
            let mut best = (0, f32::INFINITY);
            for (cluster, (half_norm, product)) in half_norms.iter().zip(products).enumerate() {
                let distance = half_norm - product;
                if distance < best.1 {
                    best = (cluster, distance);
                }
            }
            counts[best.0] += 1;
            let mut sum = sums.row_mut(best.0);
            sum += &row;
        }
        Self { sums, counts }
    }
}

/// linfa's k-means from these centres, to its end; it gets there in a step or two where they rest.
///
/// (Its `cluster_count` and `inertia` belong to the step before its last, so neither is used.)
pub(super) fn settle(rows: ArrayView2<'_, f32>, centres: Array2<f32>, limits: Limits) -> Result<Array2<f32>, Error> {
    let failed = |reason: String| Error::Clustering { rows: rows.nrows(), reason };
    // Nothing is random from given centres, but the interface wants a generator.
    let parameters = KMeans::params_with_rng(centres.nrows(), StdRng::seed_from_u64(0))
        .n_runs(1)
        .max_n_iterations(limits.iterations as u64)
        .tolerance(limits.shift)
        .init_method(KMeansInit::Precomputed(centres))
        .check()
        .map_err(|e| failed(e.to_string()))?;
    let model = parameters.fit(&DatasetBase::from(rows)).map_err(|e| failed(e.to_string()))?;
    Ok(model.centroids().clone())
}

/// When a fit ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Steps at most.
    pub iterations: usize,
    /// The distance that all centres together moved in a step.
    pub shift: f32,
}

/// For each row its nearest centre (the first of equals) and the squared distance to it.
pub(super) fn nearest_centres(rows: ArrayView2<'_, f32>, centres: ArrayView2<'_, f32>) -> (Vec<u16>, Vec<f32>) {
    (0..rows.nrows())
        .into_par_iter()
        .with_min_len(256)
        .map(|index| {
            let row = rows.row(index);
            let mut best = (0, f32::INFINITY);
            for (cluster, centre) in (0..).zip(centres.rows()) {
                let distance = squared_distance(row, centre);
                if distance < best.1 {
                    best = (cluster, distance);
                }
            }
            best
        })
        .unzip()
}

/// The sum of the squared distances of all rows to their nearest centres.
pub(super) fn inertia(rows: ArrayView2<'_, f32>, centres: ArrayView2<'_, f32>) -> f64 {
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

/// The mean of each cluster's rows, summed in f64 and in row order; an empty one keeps its centre.
pub(super) fn means(rows: ArrayView2<'_, f32>, assignments: &[u16], centres: &Array2<f32>) -> Array2<f32> {
    let mut sums = Array2::<f64>::zeros(centres.dim());
    let mut counts = Array1::<u32>::zeros(centres.nrows());
    for (row, &cluster) in rows.rows().into_iter().zip(assignments) {
        let cluster = usize::from(cluster);
        counts[cluster] += 1;
        sums.row_mut(cluster).zip_mut_with(&row, |sum, &x| *sum += f64::from(x));
    }
    let mut means = centres.clone();
    for ((mut mean, sum), &count) in means.rows_mut().into_iter().zip(sums.rows()).zip(&counts) {
        if count > 0 {
            mean.zip_mut_with(&sum, |m, s| *m = (s / f64::from(count)) as f32);
        }
    }
    means
}
