//! The confusion matrix with units switched off.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{NotModified, StatisticsErrors};
use crate::api::params::CheckpointPath;
use crate::app::AppState;
use crate::explain::switched_off::SwitchedOff;
use crate::explain::test_sample::TestSample;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, json_with_policy};
use crate::runs::corpus_params::split;
use crate::runs::wire::SplitName;
use crate::sheet::model_input::fitting_corpus;

/// The units that are switched off, and the images over which predictions are counted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OffQuery {
    /// Layers and their units: `fc64:39` or `conv1:2,5-7;fc64:39`.
    #[param(example = "fc64:39")]
    off: String,
    /// `test` (default) or `train`.
    split: Option<String>,
    /// Images at most, evenly chosen, 1 to 20,000; 2,000 unless given.
    #[param(minimum = 1, maximum = 20000)]
    limit: Option<usize>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

/// Counts over the same images with all units and without some.
#[derive(Serialize, ToSchema)]
struct AblatedConfusion {
    checkpoint: usize,
    split: SplitName,
    images: usize,
    /// The units that are off.
    off: Vec<OffUnit>,
    /// The share of wrong predictions as the network is.
    base_error: f64,
    /// The same with the units off.
    error: f64,
    /// As the network is: true classes in rows, predicted ones in columns.
    base_counts: Vec<Vec<u32>>,
    /// The same with the units off.
    counts: Vec<Vec<u32>>,
}

/// A unit that is switched off.
#[derive(Serialize, ToSchema)]
struct OffUnit {
    layer: String,
    filter: usize,
}

/// The confusion matrix with units switched off: their outputs set to zero behind the layer's nonlinearity.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/ablated", tag = "statistics",
    params(CheckpointPath, OffQuery),
    responses(
        (status = 200, description = "the answer", body = AblatedConfusion),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn ablated(
    State(app): State<AppState>,
    PathParams(path): PathParams<CheckpointPath>,
    QueryParams(query): QueryParams<OffQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let off = SwitchedOff::read(run.network(), Some(&query.off))?;
    let corpus = fitting_corpus(&app.corpora, &run).await?;
    let sample = TestSample::of(&corpus, split(query.split.as_deref())?, query.limit)?;
    let listing = run.listing_by(&app.work).await?;
    let (checkpoint, _) = listing.point(&run.id, &path.checkpoint)?;
    let entry = listing.usable(checkpoint)?;
    let base = app.models.classes_without(&run, entry, (&sample, &SwitchedOff::default())).await?;
    let found = app.models.classes_without(&run, entry, (&sample, &off)).await?;
    let labels = sample.labels();
    let classes = run.network().classes();
    let counts = |predicted: &[u16]| {
        let mut counts = vec![vec![0_u32; classes]; classes];
        for (&label, &predicted) in labels.iter().zip(predicted) {
            if let Some(count) = counts.get_mut(usize::from(label)).and_then(|row| row.get_mut(usize::from(predicted)))
            {
                *count += 1;
            }
        }
        counts
    };
    let error = |predicted: &[u16]| {
        let wrong = labels.iter().zip(predicted).filter(|(label, predicted)| label != predicted).count();
        wrong as f64 / labels.len().max(1) as f64
    };
    let name = |layer: usize| run.network().layers()[layer].name.clone();
    let answer = AblatedConfusion {
        checkpoint,
        split: sample.split.into(),
        images: labels.len(),
        off: off.units.iter().map(|&(layer, filter)| OffUnit { layer: name(layer), filter }).collect(),
        base_error: error(&base.0),
        error: error(&found.0),
        base_counts: counts(&base.0),
        counts: counts(&found.0),
    };
    json_with_policy(&headers, &answer, CachePolicy::by_hash(query.v.as_deref(), &entry.hash))
}
