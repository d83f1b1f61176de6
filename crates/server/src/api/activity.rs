//! The activity of filters over time.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::Split;
use deepviz_stats::FilterActivity;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{QueryErrors, StatisticsErrors};
use crate::api::params::{CheckpointLayerPath, LayerPath, SplitQuery, find_checkpoint};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::json_number::{all_finite, finite};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::selection::{Axis, Selection};
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::split;
use crate::runs::health::Health;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::runs::wire::SplitName;
use crate::sheet::layer_axis::layer_index;

/// The activity of a filter over the images of a split; a number is absent where it is not finite.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(crate) struct FilterNumbers {
    /// Mean over images and positions.
    #[schema(required)]
    mean: Option<f32>,
    /// Standard deviation over images and positions.
    #[schema(required)]
    spread: Option<f32>,
    /// Share of images and positions at which the output is exactly zero.
    zeros: f32,
    /// Share of images with an output above zero anywhere.
    active: f32,
    /// Greatest output.
    #[schema(required)]
    max: Option<f32>,
}

impl From<FilterActivity> for FilterNumbers {
    fn from(FilterActivity { mean, spread, zeros, active, max }: FilterActivity) -> Self {
        Self { mean: finite(mean), spread: finite(spread), zeros, active, max: finite(max) }
    }
}

/// The activity of a layer's filters at a checkpoint.
#[derive(Serialize, ToSchema)]
struct LayerActivity {
    checkpoint: usize,
    split: SplitName,
    layer: String,
    filters: Vec<FilterNumbers>,
    health: Vec<Health>,
    /// By filter: standard deviation between images of the mean over an image's positions. Absent in statistics of a
    /// version that did not compute it.
    #[schema(required)]
    image_spread: Option<Vec<Option<f32>>>,
    /// Absent with more than 100 classes.
    #[schema(required)]
    classes: Option<ClassNumbers>,
}

/// By filter (rows) and true class of the images (columns); a number is absent where it is not finite.
#[derive(Serialize, ToSchema)]
struct ClassNumbers {
    mean: Vec<Vec<Option<f32>>>,
    spread: Vec<Vec<Option<f32>>>,
    zeros: Vec<Vec<Option<f32>>>,
}

/// The activity of a layer's filters at every checkpoint that has statistics; one list of filters per checkpoint.
#[derive(Serialize, ToSchema)]
struct ActivityHistory {
    split: SplitName,
    layer: String,
    /// The filters of each list, in order.
    filters: Vec<usize>,
    checkpoints: Vec<usize>,
    mean: Vec<Vec<Option<f32>>>,
    spread: Vec<Vec<Option<f32>>>,
    zeros: Vec<Vec<f32>>,
    active: Vec<Vec<f32>>,
    max: Vec<Vec<Option<f32>>>,
    health: Vec<Vec<Health>>,
}

/// The activity of a layer's filters over the images, by class too.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/activity", tag = "statistics",
    params(CheckpointLayerPath, SplitQuery),
    responses(
        (status = 200, description = "the answer", body = LayerActivity),
        StatisticsErrors,
    )
)]
pub(crate) async fn layer_activity(
    State(app): State<AppState>,
    PathParams(path): PathParams<CheckpointLayerPath>,
    QueryParams(query): QueryParams<SplitQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let split = query.split()?;
    let answer = app.work.run(WorkKind::Render, move || activity_at(&run, &path, split)).await?;
    json(&headers, &answer)
}

fn activity_at(run: &OpenRun, path: &CheckpointLayerPath, split: Split) -> Result<LayerActivity, ApiError> {
    let checkpoint = find_checkpoint(run, &path.checkpoint)?;
    layer_index(run.network(), &path.layer)?;
    let store = statistics::required(run, split)?;
    let Some(activity) = store.activity(checkpoint.step, split, &path.layer)? else {
        return Err(statistics::missing_of_layer(run, &store, checkpoint, &path.layer, split)?);
    };
    let by_step = store.activities(split, &path.layer)?;
    let before = by_step.iter().rfind(|(step, _)| *step < checkpoint.step);
    let health = activity.filters.iter().enumerate().map(|(filter, now)| {
        let before = before.and_then(|(_, filters)| filters.get(filter));
        Health::of_shares(now.active, before.map(|before| before.active))
    });
    let rows = |matrix: &ndarray::Array2<f32>| matrix.outer_iter().map(|row| all_finite(&row.to_vec())).collect();
    Ok(LayerActivity {
        checkpoint: checkpoint.index,
        split: split.into(),
        layer: path.layer.clone(),
        health: health.collect(),
        filters: activity.filters.iter().map(|&filter| filter.into()).collect(),
        image_spread: activity.image_spread.map(|spreads| all_finite(&spreads)),
        classes: activity.classes.map(|classes| ClassNumbers {
            mean: rows(&classes.mean),
            spread: rows(&classes.spread),
            zeros: rows(&classes.zeros),
        }),
    })
}

/// Which filters of a layer.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// `test` (default) or `train`.
    split: Option<String>,
    /// The layer's filters, as a selection; all of them unless given.
    filters: Option<String>,
}

/// The activity of a layer's filters at every checkpoint: alive, at risk, dead, revived.
#[utoipa::path(
    get, path = "/api/runs/{run}/layers/{layer}/activity", tag = "statistics", params(LayerPath, HistoryQuery),
    responses(
        (status = 200, description = "the answer", body = ActivityHistory),
        QueryErrors,
    )
)]
pub(crate) async fn activity_history(
    State(app): State<AppState>,
    PathParams(LayerPath { run, layer }): PathParams<LayerPath>,
    QueryParams(query): QueryParams<HistoryQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let split = split(query.split.as_deref())?;
    let count = run.network().layers()[layer_index(run.network(), &layer)?].shape.channels;
    let chosen: Selection = query.filters.as_deref().unwrap_or("*").parse()?;
    let chosen = chosen.bind(Axis { what: "filter", of: &format!("layer {layer}"), count })?;
    let history = app.work.run(WorkKind::Render, move || activities_of(&run, layer, split, &chosen)).await?;
    json(&headers, &history)
}

fn activities_of(run: &OpenRun, layer: String, split: Split, chosen: &[usize]) -> Result<ActivityHistory, ApiError> {
    let by_step = match run.store()? {
        Some(store) => store.activities(split, &layer)?,
        None => Vec::new(),
    };
    let listing = run.listing()?;
    let only = |filters: &[FilterActivity]| -> Option<Vec<FilterActivity>> {
        chosen.iter().map(|&filter| filters.get(filter).copied()).collect()
    };
    let stored: Vec<_> =
        by_step.into_iter().filter_map(|(step, filters)| Some((listing.index_of(step)?, only(&filters)?))).collect();
    let column = |number: fn(&FilterActivity) -> f32| -> Vec<Vec<f32>> {
        stored.iter().map(|(_, filters)| filters.iter().map(number).collect()).collect()
    };
    let finite_column =
        |number: fn(&FilterActivity) -> f32| column(number).iter().map(|filters| all_finite(filters)).collect();
    let health = stored.iter().enumerate().map(|(index, (_, filters))| {
        let before = index.checked_sub(1).map(|before| &stored[before].1);
        let health = |(filter, now): (usize, &FilterActivity)| {
            let before = before.and_then(|before| before.get(filter));
            Health::of_shares(now.active, before.map(|before| before.active))
        };
        filters.iter().enumerate().map(health).collect()
    });
    Ok(ActivityHistory {
        split: split.into(),
        layer,
        filters: chosen.to_vec(),
        checkpoints: stored.iter().map(|(index, _)| *index).collect(),
        mean: finite_column(|filter| filter.mean),
        spread: finite_column(|filter| filter.spread),
        zeros: column(|filter| filter.zeros),
        active: column(|filter| filter.active),
        max: finite_column(|filter| filter.max),
        health: health.collect(),
    })
}
