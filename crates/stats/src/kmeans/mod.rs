//! k-means whose clusters keep their numbers from one checkpoint to the next.
//!
//! The rows are shifted to mean zero and scaled to spread one first (k-means does not care, but f32
//! does), so one tolerance fits every layer: the one of scikit-learn, a shift of the centres whose
//! square is below 1e-4 of the mean variance.
//!
//! A fit starts from the previous checkpoint's centres, so that cluster 7 stays cluster 7. Such a
//! series can get stuck where a better partition has appeared; a fresh start therefore challenges
//! it at every checkpoint, and where it is better by more than [`FRESH_ADVANTAGE`] it is taken and
//! its clusters get the numbers of those with which they share most images.
//!
//! An image on a border would change sides at every checkpoint. So once the centres have converged, one whose old
//! cluster's centre is almost as near as the nearest ([`MARGIN`]) stays; the centres do not move for it.

mod fit;
mod fresh;
mod linfa;
mod lloyd;
mod request;
mod scaling;

use std::sync::atomic::AtomicBool;

use ndarray::{Array2, ArrayView2};

use crate::error::Error;
use crate::matching;
pub(crate) use fit::Fit;
pub use fit::Origin;
use lloyd::Centres;
pub use request::Kmeans;
pub(crate) use request::{Previous, Request};
use scaling::Scaling;

/// A fresh start is taken when its inertia is this much (relatively) below that of the warm one.
const FRESH_ADVANTAGE: f64 = 0.005;
/// The relative excess of the squared distance to an image's old centre over that to the nearest one, up to which the
/// image stays. Over the last seven checkpoints of `cifar10-80sec`, both splits, this keeps 91.3 to 99.0 % of
/// images in place (0 keeps 87.8 to 94.8) for at most 0.37 % more inertia; 0.05 keeps 89.9 % at one of them, 0.1
/// costs up to 0.71 %.
const MARGIN: f32 = 0.07;
/// The relative excess of inertia up to which a start that is fitted to a sample only is still carried on:
/// the steps over all rows gain less than that in practice.
const HOPELESS: f64 = 0.005;

/// Partitions the rows; `None` when it was stopped.
pub(crate) fn fit(mut rows: Array2<f32>, request: &Request<'_>) -> Result<Option<Fit>, Error> {
    let scaling = Scaling::of(rows.view());
    scaling.apply(&mut rows);
    let fit = match request.previous.filter(|p| fits(p, rows.view(), request.clusters)) {
        None => fresh_fit(rows.view(), request)?,
        Some(previous) => {
            let fit = continued_fit(rows.view(), request, previous, &scaling)?;
            fit.map(|fit| settled_as_before(rows.view(), fit, &previous.assignments))
        }
    };
    Ok(fit.map(|fit| scaling.undo(fit)))
}

/// The inertia to which our steps bring these centres: what `scripts/peers/kmeans_series.py` times.
#[doc(hidden)]
pub fn warm_fit(mut rows: Array2<f32>, mut centres: Array2<f32>) -> f64 {
    let scaling = Scaling::of(rows.view());
    scaling.apply(&mut rows);
    scaling.apply(&mut centres);
    let found = lloyd::run(rows.view(), centres, &AtomicBool::new(false));
    let fit = found.map(|found| scaling.undo(settled(rows.view(), found, Origin::Warm)));
    fit.map_or(f64::NAN, |fit| fit.inertia)
}

fn fresh_fit(rows: ArrayView2<'_, f32>, request: &Request<'_>) -> Result<Option<Fit>, Error> {
    let Some(start) = fresh::start(rows, request) else { return Ok(None) };
    let found = request.kmeans.run(rows, start, request.stop)?;
    Ok(found.map(|found| settled(rows, found, Origin::Fresh)))
}

fn continued_fit(
    rows: ArrayView2<'_, f32>,
    request: &Request<'_>,
    previous: &Previous,
    scaling: &Scaling,
) -> Result<Option<Fit>, Error> {
    let mut centres = previous.centres.clone();
    scaling.apply(&mut centres);
    let Some(warm) = request.kmeans.run(rows, centres, request.stop)? else { return Ok(None) };
    let warm = settled(rows, warm, Origin::Warm);
    let Some(start) = fresh::challenger(rows, request) else { return Ok(None) };
    if lloyd::inertia(rows, &start) > warm.inertia * (1.0 + HOPELESS) {
        return Ok(Some(warm));
    }
    let Some(fresh) = request.kmeans.run(rows, start, request.stop)? else { return Ok(None) };
    let fresh = settled(rows, fresh, Origin::Matched);
    if fresh.inertia < warm.inertia * (1.0 - FRESH_ADVANTAGE) {
        return Ok(Some(numbered(fresh, previous, scaling)));
    }
    Ok(Some(warm))
}

fn fits(previous: &Previous, rows: ArrayView2<'_, f32>, clusters: usize) -> bool {
    previous.centres.dim() == (clusters, rows.ncols())
        && previous.assignments.len() == rows.nrows()
        && previous.centres.iter().all(|x| x.is_finite())
}

/// Assignments, distances and inertia of centres that have converged.
fn settled(rows: ArrayView2<'_, f32>, found: Centres, origin: Origin) -> Fit {
    let Centres { centres, iterations } = found;
    let (assignments, squared_distances) = lloyd::nearest_centres(rows, &centres);
    let inertia = squared_distances.iter().map(|&d| f64::from(d)).sum();
    Fit { centres, assignments, squared_distances, inertia, iterations, origin }
}

/// Leaves each row in the cluster where it was before, where that is within [`MARGIN`] of the nearest.
fn settled_as_before(rows: ArrayView2<'_, f32>, mut fit: Fit, before: &[u16]) -> Fit {
    let placed = fit.assignments.iter_mut().zip(&mut fit.squared_distances);
    for ((row, &old), (cluster, squared)) in rows.rows().into_iter().zip(before).zip(placed) {
        if old == *cluster || usize::from(old) >= fit.centres.nrows() {
            continue;
        }
        let distance = lloyd::squared_distance(row, fit.centres.row(usize::from(old)));
        if distance <= *squared * (1.0 + MARGIN) {
            (*cluster, *squared) = (old, distance);
        }
    }
    fit.inertia = fit.squared_distances.iter().map(|&d| f64::from(d)).sum();
    fit
}

/// Gives the clusters of a fit the numbers of the previous ones.
fn numbered(fit: Fit, previous: &Previous, scaling: &Scaling) -> Fit {
    let mut before = previous.clone();
    scaling.apply(&mut before.centres);
    let number_of = numbers_like(&fit.centres, &fit.assignments, &before);
    let mut centres = fit.centres.clone();
    for (new, &number) in number_of.iter().enumerate() {
        centres.row_mut(number).assign(&fit.centres.row(new));
    }
    let assignments = fit.assignments.iter().map(|&new| number_of[usize::from(new)] as u16).collect();
    Fit { centres, assignments, ..fit }
}

/// For each cluster the number of the previous one with which it shares most images, one to one;
/// between those that share none, of the nearest centre.
pub(crate) fn numbers_like(centres: &Array2<f32>, assignments: &[u16], previous: &Previous) -> Vec<usize> {
    let clusters = centres.nrows();
    let mut cost = Array2::<f64>::zeros((clusters, clusters));
    for (new, centre) in centres.rows().into_iter().enumerate() {
        for (old, other) in previous.centres.rows().into_iter().enumerate() {
            let distance: f64 = centre.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            // Less than one image's worth, whatever the distance.
            cost[[new, old]] = distance / (1.0 + distance) / clusters as f64;
        }
    }
    for (&new, &old) in assignments.iter().zip(&previous.assignments) {
        // A number out of range cannot be matched; the store checks, so this only guards.
        if let Some(cost) = cost.get_mut([usize::from(new), usize::from(old)]) {
            *cost -= 1.0;
        }
    }
    matching::assign(cost.view())
}

#[cfg(test)]
mod tests;
