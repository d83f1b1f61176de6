//! Fresh starts: several on a sample of the rows, where they are cheap; the best is continued over all rows.
//!
//! The clusters that stand in people's statistics were drawn with the generator and the sampling of rand 0.8: others
//! would give other clusters for the same seed.

use ndarray::{Array2, ArrayView2, Axis};
use rand08::seq::index;
use rand08::{Rng, SeedableRng, rngs::StdRng};
use rayon::prelude::*;

use super::lloyd;
use super::request::Request;

/// Starts tried where there is nothing to continue; scikit-learn's classical `n_init`.
const STARTS: u64 = 10;
/// Starts tried against centres that are continued: what one checkpoint misses, a later one finds.
const CHALLENGERS: u64 = 2;
/// Rows in the sample for every cluster.
const SAMPLE_PER_CLUSTER: usize = 150;

/// The best of several starts, to be carried on over all rows; `None` when stopped.
pub(super) fn start(rows: ArrayView2<'_, f32>, request: &Request<'_>) -> Option<Array2<f32>> {
    best_of(STARTS, rows, request)
}

/// The same with fewer starts.
pub(super) fn challenger(rows: ArrayView2<'_, f32>, request: &Request<'_>) -> Option<Array2<f32>> {
    best_of(CHALLENGERS, rows, request)
}

fn best_of(starts: u64, rows: ArrayView2<'_, f32>, request: &Request<'_>) -> Option<Array2<f32>> {
    let wanted = request.clusters.saturating_mul(SAMPLE_PER_CLUSTER);
    let sample = if rows.nrows() > wanted {
        let mut random = StdRng::seed_from_u64(request.seed);
        let mut chosen = index::sample(&mut random, rows.nrows(), wanted).into_vec();
        chosen.sort_unstable();
        rows.select(Axis(0), &chosen)
    } else {
        rows.to_owned()
    };
    let sample = sample.view();
    let fits: Vec<Option<(f64, Array2<f32>)>> = (1..=starts)
        .into_par_iter()
        .map(|start| {
            let mut random = StdRng::seed_from_u64(request.seed.wrapping_add(start));
            let centres = plus_plus(sample, request.clusters, &mut random);
            let found = lloyd::run(sample, centres, request.stop)?;
            Some((lloyd::inertia(sample, &found.centres), found.centres))
        })
        .collect();
    let fits: Vec<_> = fits.into_iter().collect::<Option<_>>()?;
    fits.into_iter().min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, centres)| centres)
}

/// k-means++ as scikit-learn does it: each next centre is the best of a few rows drawn with a
/// probability that grows with the squared distance from the centres so far. (linfa's draws one row
/// only, and ends one or two per cent worse.)
fn plus_plus(rows: ArrayView2<'_, f32>, clusters: usize, random: &mut StdRng) -> Array2<f32> {
    let mut centres = Array2::zeros((clusters, rows.ncols()));
    let trials = 2 + (clusters as f64).ln() as usize;
    let first = random.gen_range(0..rows.nrows());
    centres.row_mut(0).assign(&rows.row(first));
    let mut nearest = distances_to(rows, first);
    for cluster in 1..clusters {
        let drawn = draw(&nearest, trials, random);
        let candidates = drawn.into_iter().map(|row| {
            let mut distances = distances_to(rows, row);
            distances.iter_mut().zip(&nearest).for_each(|(d, &n)| *d = d.min(n));
            let sum: f64 = distances.iter().map(|&d| f64::from(d)).sum();
            (row, distances, sum)
        });
        let Some((row, distances, _)) = candidates.min_by(|(.., a), (.., b)| a.total_cmp(b)) else { break };
        centres.row_mut(cluster).assign(&rows.row(row));
        nearest = distances;
    }
    centres
}

fn distances_to(rows: ArrayView2<'_, f32>, row: usize) -> Vec<f32> {
    let centre = rows.row(row);
    rows.rows().into_iter().map(|row| lloyd::squared_distance(row, centre)).collect()
}

/// Rows drawn with a probability proportional to their weights; any row where all weights are 0,
/// since then every row has its centre already.
fn draw(weights: &[f32], count: usize, random: &mut StdRng) -> Vec<usize> {
    let mut sum = 0.0;
    let sums: Vec<f64> = weights
        .iter()
        .map(|&weight| {
            sum += f64::from(weight);
            sum
        })
        .collect();
    (0..count)
        .map(|_| {
            let place = random.r#gen::<f64>() * sum;
            sums.partition_point(|&s| s <= place).min(weights.len() - 1)
        })
        .collect()
}
