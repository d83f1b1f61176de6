//! k-means by `linfa-clustering`: several times slower a step than ours, which tests compare with it.

use linfa::DatasetBase;
use linfa::ParamGuard as _;
use linfa::traits::Fit as _;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, ArrayView2};
use rand08::{SeedableRng, rngs::StdRng};

use super::lloyd::{Centres, MAX_ITERATIONS, TOLERANCE};
use crate::error::Error;

/// linfa's k-means from these centres to its end. It cannot be interrupted, and does not say how many
/// steps it took. (Its `cluster_count` and `inertia` belong to the step before its last, so neither is
/// used.)
pub(super) fn run(rows: ArrayView2<'_, f32>, start: Array2<f32>) -> Result<Centres, Error> {
    let centres = steps(rows, start, MAX_ITERATIONS)?;
    Ok(Centres { centres, iterations: 0 })
}

/// The same for at most `max` steps.
pub(super) fn steps(rows: ArrayView2<'_, f32>, start: Array2<f32>, max: usize) -> Result<Array2<f32>, Error> {
    let failed = |reason: String| Error::Clustering { rows: rows.nrows(), reason };
    // Nothing is random from given centres, but the interface wants a generator.
    let parameters = KMeans::params_with_rng(start.nrows(), StdRng::seed_from_u64(0))
        .n_runs(1)
        .max_n_iterations(max as u64)
        .tolerance(TOLERANCE.sqrt() as f32)
        .init_method(KMeansInit::Precomputed(start))
        .check()
        .map_err(|e| failed(e.to_string()))?;
    let model = parameters.fit(&DatasetBase::from(rows)).map_err(|e| failed(e.to_string()))?;
    Ok(model.centroids().clone())
}
