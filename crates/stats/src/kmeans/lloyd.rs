//! The steps of k-means: linfa's Lloyd step, and the exact last step that a result is judged by.

use linfa::DatasetBase;
use linfa::ParamGuard as _;
use linfa::traits::Fit as _;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand08::{SeedableRng, rngs::StdRng};
use rayon::prelude::*;

use crate::error::Error;

/// One Lloyd step by linfa: every row to its nearest centre, every centre to its members' mean.
///
/// linfa counts the old centre as one more member, which keeps an empty cluster where it is.
//
// linfa tells neither the number of its iterations nor lets itself be interrupted, and one step at a
// time costs nothing more, so the loop is ours. (Its `cluster_count` is not used: wrong for n_runs > 1.)
pub(super) fn step(rows: ArrayView2<'_, f32>, centres: &Array2<f32>) -> Result<Array2<f32>, Error> {
    let failed = |reason: String| Error::Clustering { rows: rows.nrows(), reason };
    // Nothing is random in a step from given centres, but the interface wants a generator.
    let parameters = KMeans::params_with_rng(centres.nrows(), StdRng::seed_from_u64(0))
        .n_runs(1)
        .max_n_iterations(1)
        .init_method(KMeansInit::Precomputed(centres.clone()))
        .check()
        .map_err(|e| failed(e.to_string()))?;
    let model = parameters.fit(&DatasetBase::from(rows)).map_err(|e| failed(e.to_string()))?;
    Ok(model.centroids().clone())
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
