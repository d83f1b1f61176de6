//! The units of each layer that an image excites most.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::Split;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::params::PredictPath;
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::listing::CheckpointRef;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::sheet::model_input::ModelInput;
use crate::sheet::models::Activations;

/// Units of a layer by default.
const DEFAULT_UNITS: usize = 5;
/// Units of a layer at most.
const MAX_UNITS: usize = 64;

/// The parameters of a search for units.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UnitsQuery {
    /// Units of each layer at most, 1 to 64; 5 unless given.
    #[param(minimum = 1, maximum = 64)]
    limit: Option<usize>,
}

/// The units that an image excites most, layer by layer.
#[derive(Serialize, ToSchema)]
struct ImageUnits {
    checkpoint: usize,
    image: u32,
    /// Layers whose activity is in the statistics, in the order of the network.
    layers: Vec<LayerUnits>,
}

/// The units of a layer that an image excites most, the highest score first.
#[derive(Serialize, ToSchema)]
struct LayerUnits {
    layer: String,
    units: Vec<UnitScore>,
}

/// A unit and how much more an image excites it than the test images do on average.
#[derive(Clone, Copy, Serialize, ToSchema)]
struct UnitScore {
    filter: usize,
    /// The mean of the unit's output over its positions.
    mean: f32,
    /// That, less the mean over the test images, in standard deviations between these.
    score: f32,
}

/// The units of each layer that an image of the corpus, or one that was sent, excites most.
///
/// Compared with the test images at the same checkpoint: units without spread between images, and layers without
/// activity in the statistics, are left out.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/images/{image}/units", tag = "statistics",
    params(PredictPath, UnitsQuery),
    responses(
        (status = 200, description = "the answer", body = ImageUnits),
        StatisticsErrors,
    )
)]
pub(crate) async fn image_units(
    State(app): State<AppState>,
    PathParams(path): PathParams<PredictPath>,
    QueryParams(query): QueryParams<UnitsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_UNITS);
    if !(1..=MAX_UNITS).contains(&limit) {
        return Err(ApiError::bad(format!("expected a limit of 1 to {MAX_UNITS}, found {limit}")));
    }
    let run = app.runs.get(&path.run)?;
    let input = ModelInput::image(app.images(), &run, &path.image).await?;
    let listing = run.listing_by(&app.work).await?;
    let (index, entry) = listing.point(&run.id, &path.checkpoint)?;
    let activations = app.models.activations(&run, entry, &input).await?;
    let checkpoint = CheckpointRef { index, step: entry.step };
    let image = input.id().map(|id| id.0).unwrap_or_default();
    let layers = app.work.run(WorkKind::Render, move || layer_units(&run, checkpoint, &activations, limit)).await?;
    json(&headers, &ImageUnits { checkpoint: index, image, layers })
}

fn layer_units(
    run: &Arc<OpenRun>,
    checkpoint: CheckpointRef,
    activations: &Activations,
    limit: usize,
) -> Result<Vec<LayerUnits>, ApiError> {
    let store = statistics::required(run, Split::Test)?;
    if store.confusion(checkpoint.step, Split::Test)?.is_none() {
        return Err(statistics::missing_at(run, &store, checkpoint, Split::Test)?);
    }
    let mut layers = Vec::new();
    for (layer, outputs) in run.network().layers().iter().zip(&activations.layers) {
        let Some(activity) = store.activity(checkpoint.step, Split::Test, &layer.name)? else { continue };
        let Some(spreads) = activity.image_spread else { continue };
        let positions = layer.shape.height * layer.shape.width;
        let means = outputs.chunks_exact(positions.max(1)).map(mean);
        let scored = means.zip(&activity.filters).zip(spreads).enumerate();
        let mut units: Vec<UnitScore> = scored
            .map(|(filter, ((mean, of_all), spread))| UnitScore { filter, mean, score: (mean - of_all.mean) / spread })
            .filter(|unit| unit.score.is_finite() && unit.score > 0.0)
            .collect();
        units.sort_by(|a, b| b.score.total_cmp(&a.score));
        units.truncate(limit);
        layers.push(LayerUnits { layer: layer.name.clone(), units });
    }
    Ok(layers)
}

/// The mean, added up in double precision as in the statistics.
fn mean(values: &[f32]) -> f32 {
    (values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64) as f32
}
