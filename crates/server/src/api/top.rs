//! The images that a filter answers to most.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::Corpus;
use deepviz_net::Network;
use deepviz_stats::TopImage;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::activity::FilterNumbers;
use crate::api::errors::StatisticsErrors;
use crate::api::params::{MAX_LIMIT, find_checkpoint, limit};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::json_number::{all_finite, finite};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_cache::matching;
use crate::runs::corpus_params::split;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::runs::wire::SplitName;
use crate::sheet::layer_axis::layer_index;

/// A filter at a checkpoint in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FilterPath {
    /// Id of the run.
    pub(crate) run: String,
    /// Index of the checkpoint, or `last`.
    pub(crate) checkpoint: String,
    /// Name of the layer.
    pub(crate) layer: String,
    /// Number of the filter.
    pub(crate) filter: String,
}

/// The images of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TopQuery {
    /// `test` (default) or `train`.
    split: Option<String>,
    /// Images at most; all that are kept (16 by default) unless given.
    limit: Option<usize>,
}

/// The images that a filter answers to most, the strongest first.
#[derive(Serialize, ToSchema)]
struct TopAnswer {
    checkpoint: usize,
    split: SplitName,
    layer: String,
    filter: usize,
    /// The activity of the filter over all images of the split.
    activity: FilterNumbers,
    /// Standard deviation between images of the mean over an image's positions. Absent in statistics of a version that
    /// did not compute it.
    #[schema(required)]
    image_spread: Option<f32>,
    /// Mean by true class; absent with more than 100 classes. A number is absent where it is not finite.
    #[schema(required)]
    class_means: Option<Vec<Option<f32>>>,
    items: Vec<TopItem>,
}

/// An image and where in it the filter answers most.
#[derive(Serialize, ToSchema)]
struct TopItem {
    id: u32,
    /// Absent as long as the corpus is not open.
    #[schema(required)]
    true_class: Option<u16>,
    /// The filter's greatest output for this image.
    value: f32,
    /// Row of the layer's output.
    y: u32,
    /// Column of the layer's output.
    x: u32,
    /// The receptive field of the filter there.
    patch: Patch,
}

/// A rectangle of an image's pixels.
#[derive(Serialize, ToSchema)]
struct Patch {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// The images that a filter answers to most, and where.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/filters/{filter}/top", tag = "statistics",
    params(FilterPath, TopQuery),
    responses(
        (status = 200, description = "the answer", body = TopAnswer),
        StatisticsErrors,
    )
)]
pub(crate) async fn top(
    State(app): State<AppState>,
    PathParams(path): PathParams<FilterPath>,
    QueryParams(query): QueryParams<TopQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let corpus = matching(&run, &app.corpora.of_run(&run)).ok();
    let answer = app.work.run(WorkKind::Render, move || answer(&run, &path, &query, corpus.as_deref())).await?;
    json(&headers, &answer)
}

fn answer(run: &OpenRun, path: &FilterPath, query: &TopQuery, corpus: Option<&Corpus>) -> Result<TopAnswer, ApiError> {
    let checkpoint = find_checkpoint(run, &path.checkpoint)?;
    let split = split(query.split.as_deref())?;
    let limit = limit(query.limit, MAX_LIMIT)?;
    let network = run.network();
    let layer = layer_index(network, &path.layer)?;
    let filter = filter_of(network, layer, &path.filter)?;
    let store = statistics::required(run, split)?;
    let found = store.top(checkpoint.step, split, &path.layer, filter)?;
    let activity = store.activity(checkpoint.step, split, &path.layer)?;
    let numbers = activity.as_ref().and_then(|activity| Some((activity, activity.filters.get(filter)?)));
    let (Some(found), Some((activity, numbers))) = (found, numbers) else {
        return Err(statistics::missing_of_layer(run, &store, checkpoint, &path.layer, split)?);
    };
    let item = |top: TopImage| {
        let at = (top.y as usize, top.x as usize);
        let patch = network.receptive_field(layer, at).unwrap_or(deepviz_net::Patch {
            x: 0,
            y: 0,
            width: network.image().width,
            height: network.image().height,
        });
        TopItem {
            id: top.image.0,
            true_class: corpus.and_then(|corpus| corpus.label(top.image)).map(|class| class.0),
            value: top.value,
            y: top.y,
            x: top.x,
            patch: Patch { x: patch.x, y: patch.y, width: patch.width, height: patch.height },
        }
    };
    Ok(TopAnswer {
        checkpoint: checkpoint.index,
        split: split.into(),
        layer: path.layer.clone(),
        filter,
        activity: (*numbers).into(),
        image_spread: activity.image_spread.as_ref().and_then(|spreads| spreads.get(filter).copied()).and_then(finite),
        class_means: activity.classes.as_ref().map(|classes| all_finite(&classes.mean.row(filter).to_vec())),
        items: found.into_iter().take(limit).map(item).collect(),
    })
}

/// The filter of a layer that a path names.
pub(crate) fn filter_of(network: &Network, layer: usize, text: &str) -> Result<usize, ApiError> {
    let layer_name = &network.layers()[layer].name;
    if layer == 0 {
        return Err(ApiError::bad(format!("{layer_name} is the input and has no filters")));
    }
    let count = network.layers()[layer].shape.channels;
    let filter: usize =
        text.parse().map_err(|_| ApiError::bad(format!("expected the number of a filter, found `{text}`")))?;
    if filter < count {
        return Ok(filter);
    }
    Err(ApiError::not_found(format!("no filter {filter}; layer {layer_name} has 0 to {}", count - 1)))
}
