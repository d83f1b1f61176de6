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

mod fresh;
mod lloyd;

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::error::Error;
use crate::matching;
use lloyd::Limits;

/// A fresh start is taken when its inertia is this much (relatively) below that of the warm one.
const FRESH_ADVANTAGE: f64 = 0.005;
/// Lloyd steps at most; scikit-learn's default.
const MAX_ITERATIONS: usize = 300;
/// Squared shift of all centres, relative to the mean variance, at which a fit has converged.
const TOLERANCE: f64 = 1e-4;

/// What one checkpoint hands to the next.
#[derive(Clone, Debug)]
pub(crate) struct Previous {
    /// `[clusters, dimensions]`.
    pub centres: Array2<f32>,
    /// The cluster of each image.
    pub assignments: Vec<u16>,
}

/// Where the centres of a fit came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No checkpoint before: a fresh k-means++ start.
    Fresh,
    /// From the centres of the checkpoint before.
    Warm,
    /// A fresh start was better, and was matched with the checkpoint before.
    Matched,
}

impl Origin {
    /// The name, as in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Warm => "warm",
            Self::Matched => "matched",
        }
    }

    /// The origin of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Fresh, Self::Warm, Self::Matched].into_iter().find(|origin| origin.name() == name)
    }
}

/// The partition of some rows.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    /// `[clusters, dimensions]`; the mean of its members, for a cluster that has any.
    pub centres: Array2<f32>,
    /// The cluster of each row.
    pub assignments: Vec<u16>,
    /// The squared distance of each row to its centre.
    pub squared_distances: Vec<f32>,
    /// Their sum.
    pub inertia: f64,
    pub iterations: usize,
    pub origin: Origin,
}

/// What to fit.
pub(crate) struct Request<'a> {
    /// How many clusters; more than there are (different) rows leaves some of them empty.
    pub clusters: usize,
    /// Everything random is a function of it.
    pub seed: u64,
    /// The checkpoint before, where there is one with as many clusters and dimensions.
    pub previous: Option<&'a Previous>,
    pub stop: &'a AtomicBool,
}

/// Partitions the rows; `None` when it was told to stop.
pub(crate) fn fit(mut rows: Array2<f32>, request: &Request<'_>) -> Result<Option<Fit>, Error> {
    let scaling = Scaling::of(rows.view());
    scaling.apply(&mut rows);
    let rows = rows.view();
    let Some(previous) = request.previous.filter(|p| fits(p, rows, request.clusters)) else {
        let Some(found) = fresh::best(rows, request) else { return Ok(None) };
        return Ok(Some(scaling.undo(settled(rows, found, Origin::Fresh)?)));
    };
    let mut centres = previous.centres.clone();
    scaling.apply(&mut centres);
    let Some(warm) = run(rows, centres, request.stop) else { return Ok(None) };
    let warm_inertia = lloyd::inertia(rows, warm.centres.view());
    let fresh = fresh::challenge(rows, request, warm_inertia);
    if request.stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let is_better =
        |fresh: &Centres| lloyd::inertia(rows, fresh.centres.view()) < warm_inertia * (1.0 - FRESH_ADVANTAGE);
    let fit = match fresh.filter(is_better) {
        Some(fresh) => numbered_like(settled(rows, fresh, Origin::Matched)?, previous, &scaling),
        None => settled(rows, warm, Origin::Warm)?,
    };
    Ok(Some(scaling.undo(fit)))
}

fn fits(previous: &Previous, rows: ArrayView2<'_, f32>, clusters: usize) -> bool {
    previous.centres.dim() == (clusters, rows.ncols())
        && previous.assignments.len() == rows.nrows()
        && previous.centres.iter().all(|x| x.is_finite())
}

/// Centres on the way, and the steps it took.
pub(crate) struct Centres {
    pub centres: Array2<f32>,
    pub iterations: usize,
}

/// Lloyd steps until the centres stand still; `None` when told to stop.
fn run(rows: ArrayView2<'_, f32>, start: Array2<f32>, stop: &AtomicBool) -> Option<Centres> {
    let mut centres = start;
    for iterations in 1..=MAX_ITERATIONS {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let next = lloyd::step(rows, &centres);
        let shift: f64 = centres.iter().zip(&next).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        centres = next;
        if shift <= TOLERANCE {
            return Some(Centres { centres, iterations });
        }
    }
    Some(Centres { centres, iterations: MAX_ITERATIONS })
}

/// linfa's last word on centres that rest; then assignments, centres and inertia that agree, each
/// centre the mean of its members.
fn settled(rows: ArrayView2<'_, f32>, found: Centres, origin: Origin) -> Result<Fit, Error> {
    let limits = Limits { iterations: MAX_ITERATIONS, shift: TOLERANCE.sqrt() as f32 };
    let centres = lloyd::settle(rows, found.centres, limits)?;
    let (assignments, _) = lloyd::nearest_centres(rows, centres.view());
    let centres = lloyd::means(rows, &assignments, &centres);
    let (assignments, squared_distances) = lloyd::nearest_centres(rows, centres.view());
    let inertia = squared_distances.iter().map(|&d| f64::from(d)).sum();
    Ok(Fit { centres, assignments, squared_distances, inertia, iterations: found.iterations, origin })
}

/// Gives the clusters of a fit the numbers of the previous ones with which they share most images;
/// between those that share none, of the nearest centre.
fn numbered_like(fit: Fit, previous: &Previous, scaling: &Scaling) -> Fit {
    let clusters = fit.centres.nrows();
    let mut before = previous.centres.clone();
    scaling.apply(&mut before);
    let mut cost = Array2::<f64>::zeros((clusters, clusters));
    for (new, centre) in fit.centres.rows().into_iter().enumerate() {
        for (old, other) in before.rows().into_iter().enumerate() {
            let distance: f64 = centre.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            // Less than one image's worth, whatever the distance.
            cost[[new, old]] = distance / (1.0 + distance) / clusters as f64;
        }
    }
    for (&new, &old) in fit.assignments.iter().zip(&previous.assignments) {
        // An old number out of range cannot be matched; the store checks, so this only guards.
        if usize::from(old) < clusters {
            cost[[usize::from(new), usize::from(old)]] -= 1.0;
        }
    }
    let number_of = matching::assign(cost.view());
    let mut centres = fit.centres.clone();
    for (new, &number) in number_of.iter().enumerate() {
        centres.row_mut(number).assign(&fit.centres.row(new));
    }
    let assignments = fit.assignments.iter().map(|&new| number_of[usize::from(new)] as u16).collect();
    Fit { centres, assignments, ..fit }
}

/// The shift and scale under which rows have mean zero and mean variance one.
struct Scaling {
    mean: Array1<f32>,
    spread: f32,
}

impl Scaling {
    fn of(rows: ArrayView2<'_, f32>) -> Self {
        let (n, d) = rows.dim();
        let mut mean = Array1::<f64>::zeros(d);
        for row in rows.rows() {
            mean.zip_mut_with(&row, |sum, &x| *sum += f64::from(x));
        }
        mean /= n.max(1) as f64;
        let mut squares = 0.0;
        for row in rows.rows() {
            squares += row.iter().zip(&mean).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum::<f64>();
        }
        let spread = (squares / (n * d).max(1) as f64).sqrt() as f32;
        // All rows equal: nothing to scale.
        let spread = if spread.is_normal() { spread } else { 1.0 };
        Self { mean: mean.mapv(|m| m as f32), spread }
    }

    fn apply(&self, rows: &mut Array2<f32>) {
        for mut row in rows.axis_iter_mut(Axis(0)) {
            row.zip_mut_with(&self.mean, |x, m| *x = (*x - m) / self.spread);
        }
    }

    /// The fit in the coordinates the rows came in.
    fn undo(&self, mut fit: Fit) -> Fit {
        for mut row in fit.centres.axis_iter_mut(Axis(0)) {
            row.zip_mut_with(&self.mean, |x, m| *x = *x * self.spread + m);
        }
        let square = self.spread * self.spread;
        fit.squared_distances.iter_mut().for_each(|d| *d *= square);
        fit.inertia *= f64::from(self.spread).powi(2);
        fit
    }
}

#[cfg(test)]
mod tests;
