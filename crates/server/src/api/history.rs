//! A layer's weights over the whole run, in numbers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::errors::QueryErrors;
use crate::api::params::LayerPath;
use crate::app::{App, AppState};
use crate::http::cache::CacheSize;
use crate::http::extract::PathParams;
use crate::http::json_number::{all_finite, finite};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::runs::listing::Listing;
use crate::runs::open_run::OpenRun;
use crate::sheet::layer_axis::layer_index;
use crate::sheet::sheet_shape::SheetShape;

/// One entry a checkpoint that can be used; a number is absent where it is not finite.
#[derive(Default, Serialize, ToSchema)]
struct LayerHistory {
    layer: String,
    checkpoints: Vec<usize>,
    /// Euclidean norm of the weights.
    norm: Vec<Option<f32>>,
    /// Norm of the change since the checkpoint before, relative to the norm then.
    moved: Vec<Option<f32>>,
    percentiles: Percentiles,
    filters: FilterHistory,
}

/// Of the weights.
#[derive(Default, Serialize, ToSchema)]
struct Percentiles {
    p1: Vec<Option<f32>>,
    p25: Vec<Option<f32>>,
    p50: Vec<Option<f32>>,
    p75: Vec<Option<f32>>,
    p99: Vec<Option<f32>>,
}

/// One list of filters a checkpoint.
#[derive(Default, Serialize, ToSchema)]
struct FilterHistory {
    norm: Vec<Vec<Option<f32>>>,
    bias: Vec<Vec<Option<f32>>>,
}

impl CacheSize for LayerHistory {
    fn bytes(&self) -> usize {
        let filters = self.filters.norm.iter().chain(&self.filters.bias).map(|list| 8 * list.len() + 24);
        self.checkpoints.len() * 64 + filters.sum::<usize>()
    }
}

/// Norm, movement and percentiles of a layer's weights, and each filter's norm and bias, at every checkpoint.
#[utoipa::path(
    get, path = "/api/runs/{run}/layers/{layer}/history", tag = "runs", params(LayerPath),
    responses(
        (status = 200, description = "the answer", body = LayerHistory),
        QueryErrors,
    )
)]
pub(crate) async fn layer_history(
    State(app): State<AppState>,
    PathParams(LayerPath { run, layer }): PathParams<LayerPath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let index = layer_index(run.network(), &layer)?;
    if SheetShape::of_weights(&run.network().layers()[index]).is_none() {
        return Err(ApiError::bad(format!("layer {layer} has no weights, and so no history of them")));
    }
    let listing = run.listing_by(&app.work).await?;
    let key = format!("history/{}/{}/{index}", run.id, listing.digest);
    let history = app.cache.get(key, gather(&app, &run, &listing, index)).await?;
    json(&headers, &*history)
}

async fn gather(app: &App, run: &Arc<OpenRun>, listing: &Listing, layer: usize) -> Result<LayerHistory, ApiError> {
    let mut history = LayerHistory { layer: run.network().layers()[layer].name.clone(), ..LayerHistory::default() };
    let mut before = None;
    for (index, entry) in listing.entries.iter().enumerate().filter(|(_, entry)| entry.problem.is_none()) {
        let summary = match app.models.weight_summary(run, entry).await {
            Ok(summary) => summary,
            Err(error) if error.status() == 422 => continue,
            Err(error) => return Err(error),
        };
        let Some(numbers) = &summary.0[layer] else { continue };
        let moved = match before {
            Some(before) => app.models.weight_change(run, before, entry).await?.0[layer],
            None => None,
        };
        before = Some(entry);
        history.checkpoints.push(index);
        history.norm.push(finite(numbers.norm));
        history.moved.push(moved.and_then(finite));
        let [p1, p25, p50, p75, p99] = numbers.percentiles.map(finite);
        history.percentiles.p1.push(p1);
        history.percentiles.p25.push(p25);
        history.percentiles.p50.push(p50);
        history.percentiles.p75.push(p75);
        history.percentiles.p99.push(p99);
        history.filters.norm.push(all_finite(&numbers.filter_norms));
        history.filters.bias.push(all_finite(&numbers.biases));
    }
    Ok(history)
}
