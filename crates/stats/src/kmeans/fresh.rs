//! Fresh starts: several on a sample of the rows, where they are cheap; the best goes on to all rows.

use ndarray::{Array2, ArrayView2, Axis};
use rand08::seq::index;
use rand08::{Rng, SeedableRng, rngs::StdRng};

use super::{Centres, Request, lloyd};

/// Starts tried on the sample; scikit-learn's classical `n_init`.
const STARTS: usize = 10;
/// Rows in the sample for every cluster.
const SAMPLE_PER_CLUSTER: usize = 150;
/// How far (relatively) a start that is fitted to the sample only may lie behind and still be carried on:
/// the steps over all rows gain that much at most in practice.
const HOPELESS: f64 = 0.03;

/// The best of several starts, carried on over all rows.
pub(super) fn best(rows: ArrayView2<'_, f32>, request: &Request<'_>) -> Option<Centres> {
    let start = best_start(rows, request)?;
    super::run(rows, start.centres, request.stop)
}

/// The same, given up early where it cannot beat the inertia of `rival`.
pub(super) fn challenge(rows: ArrayView2<'_, f32>, request: &Request<'_>, rival: f64) -> Option<Centres> {
    let start = best_start(rows, request)?;
    if lloyd::inertia(rows, start.centres.view()) > rival * (1.0 + HOPELESS) {
        return None;
    }
    super::run(rows, start.centres, request.stop)
}

fn best_start(rows: ArrayView2<'_, f32>, request: &Request<'_>) -> Option<Centres> {
    let mut random = StdRng::seed_from_u64(request.seed);
    let wanted = request.clusters.saturating_mul(SAMPLE_PER_CLUSTER);
    let sample = if rows.nrows() > wanted {
        let mut chosen = index::sample(&mut random, rows.nrows(), wanted).into_vec();
        chosen.sort_unstable();
        rows.select(Axis(0), &chosen)
    } else {
        rows.to_owned()
    };
    let mut best: Option<(f64, Centres)> = None;
    for _ in 0..STARTS {
        let centres = plus_plus(sample.view(), request.clusters, &mut random);
        let found = super::run(sample.view(), centres, request.stop)?;
        let inertia = lloyd::inertia(sample.view(), found.centres.view());
        if best.as_ref().is_none_or(|(least, _)| inertia < *least) {
            best = Some((inertia, found));
        }
    }
    best.map(|(_, centres)| centres)
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
