//! Fresh starts: several on a sample of the rows, where they are cheap; the best goes on to all rows.

use ndarray::{ArrayView2, Axis};
use rand08::seq::index;
use rand08::{SeedableRng, rngs::StdRng};

use super::{Centres, Request, finish, lloyd};
use crate::error::Error;
use crate::kmeans::Origin;

/// Starts tried on the sample; scikit-learn's classical `n_init`.
const STARTS: u64 = 10;
/// Rows in the sample for every cluster.
const SAMPLE_PER_CLUSTER: usize = 150;
/// How far (relatively) a start that is fitted to the sample only may lie behind and still be carried on:
/// the steps over all rows gain that much at most in practice.
const HOPELESS: f64 = 0.03;

/// The best of several starts, carried on over all rows.
pub(super) fn best(rows: ArrayView2<'_, f32>, request: &Request<'_>) -> Result<Option<Centres>, Error> {
    let Some(start) = best_start(rows, request)? else { return Ok(None) };
    super::run(rows, start.centres, request.stop)
}

/// The same, given up early where it cannot beat the inertia of `rival`.
pub(super) fn challenge(
    rows: ArrayView2<'_, f32>,
    request: &Request<'_>,
    rival: f64,
) -> Result<Option<Centres>, Error> {
    let Some(start) = best_start(rows, request)? else { return Ok(None) };
    let (_, distances) = lloyd::nearest_centres(rows, start.centres.view());
    let inertia: f64 = distances.iter().map(|&d| f64::from(d)).sum();
    if inertia > rival * (1.0 + HOPELESS) {
        return Ok(None);
    }
    super::run(rows, start.centres, request.stop)
}

fn best_start(rows: ArrayView2<'_, f32>, request: &Request<'_>) -> Result<Option<Centres>, Error> {
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
    for start in 0..STARTS {
        let centres = lloyd::plus_plus(sample.view(), request.clusters, request.seed.wrapping_add(start))?;
        let Some(found) = super::run(sample.view(), centres, request.stop)? else { return Ok(None) };
        let fit = finish(sample.view(), found, Origin::Fresh);
        if best.as_ref().is_none_or(|(inertia, _)| fit.inertia < *inertia) {
            best = Some((fit.inertia, Centres { centres: fit.centres, iterations: fit.iterations }));
        }
    }
    Ok(best.map(|(_, centres)| centres))
}
