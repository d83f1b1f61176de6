//! The norms of weights and their changes.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_stats::WeightNumbers;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::errors::RunErrors;
use crate::api::params::RunPath;
use crate::app::AppState;
use crate::http::extract::PathParams;
use crate::http::json_number::finite;
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;

/// The numbers of every array of weights at every checkpoint that has them.
#[derive(Serialize, ToSchema)]
struct WeightHistory {
    checkpoints: Vec<usize>,
    arrays: Vec<ArrayHistory>,
}

/// One entry a checkpoint, absent where it is not finite.
#[derive(Serialize, ToSchema)]
struct ArrayHistory {
    /// `conv1.weight`.
    name: String,
    layer: String,
    /// Euclidean norm.
    norm: Vec<Option<f32>>,
    mean: Vec<Option<f32>>,
    /// Standard deviation.
    spread: Vec<Option<f32>>,
    min: Vec<Option<f32>>,
    max: Vec<Option<f32>>,
    /// Norm of what the last step of training added, over the norm.
    update: Vec<Option<f32>>,
    /// Norm of the change since the checkpoint before, over the norm there.
    change: Vec<Option<f32>>,
}

/// Norms, extremes and movement of all weights at every checkpoint.
#[utoipa::path(
    get, path = "/api/runs/{run}/weights", tag = "statistics", params(RunPath),
    responses(
        (status = 200, description = "the answer", body = WeightHistory),
        RunErrors,
    )
)]
pub(crate) async fn weight_history(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let history = app.work.run(WorkKind::Render, move || weights_of(&run)).await?;
    json(&headers, &history)
}

fn weights_of(run: &OpenRun) -> Result<WeightHistory, ApiError> {
    let by_step = match run.store()? {
        Some(store) => store.weights()?,
        None => Vec::new(),
    };
    let listing = run.listing()?;
    let stored: Vec<_> =
        by_step.into_iter().filter_map(|weights| Some((listing.index_of(weights.step)?, weights.arrays))).collect();
    let specs = run.network().layers().iter().flat_map(|layer| layer.parameters.iter().map(move |p| (layer, p)));
    let arrays = specs.enumerate().map(|(array, (layer, spec))| {
        let column = |number: fn(&WeightNumbers) -> f32| -> Vec<Option<f32>> {
            stored.iter().filter_map(|(_, arrays)| arrays.get(array)).map(number).map(finite).collect()
        };
        ArrayHistory {
            name: spec.name.clone(),
            layer: layer.name.clone(),
            norm: column(|numbers| numbers.norm),
            mean: column(|numbers| numbers.mean),
            spread: column(|numbers| numbers.spread),
            min: column(|numbers| numbers.min),
            max: column(|numbers| numbers.max),
            update: column(|numbers| numbers.update),
            change: column(|numbers| numbers.change),
        }
    });
    Ok(WeightHistory { arrays: arrays.collect(), checkpoints: stored.iter().map(|(index, _)| *index).collect() })
}
