//! What each class loses without each filter of a layer.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_attribution::ablation::{self, Atlas, ClassResult};
use deepviz_net::Network;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::checkpoint_layer::CheckpointLayer;
use crate::api::errors::{NotModified, StatisticsErrors};
use crate::api::params::CheckpointLayerPath;
use crate::app::AppState;
use crate::explain::test_sample::TestSample;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::json_number::finite;
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, json, json_with_policy};
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::split;
use crate::runs::wire::SplitName;
use crate::sheet::model_input::fitting_corpus;

/// Images over which effects are computed on request, by default.
const DEFAULT_IMAGES: usize = 500;

/// Values that the network's layers compute for all of these together at most.
const MAX_VALUES: usize = 100_000_000_000;

/// Over which images.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AblationQuery {
    /// `test` (default) or `train`.
    split: Option<String>,
    /// Images at most, evenly chosen, 1 to 20,000; 500 unless given. Effects that `deepviz stats --ablation` stored are
    /// answered with where none is given.
    #[param(minimum = 1, maximum = 20000)]
    limit: Option<usize>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

/// The effects of all filters of a layer at a checkpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct LayerAblation {
    checkpoint: usize,
    split: SplitName,
    layer: String,
    /// Where its filters are set: behind the layer's nonlinearity, if it has one.
    measured_at: String,
    /// Whether `deepviz stats --ablation` computed them; else they were computed now.
    stored: bool,
    /// Images of each class.
    images: Vec<u32>,
    /// Of these, those that the network as it is gets right.
    base_correct: Vec<u32>,
    /// The mean of each class' own logit over its images.
    base_logits: Vec<f64>,
    filters: Vec<FilterAblation>,
}

/// The effects of a filter.
#[derive(Serialize, ToSchema)]
struct FilterAblation {
    /// Its mean over images and positions: what `mean` sets it to.
    value: Option<f32>,
    /// Set to zero.
    zero: AblationEffect,
    /// Set to its mean.
    mean: AblationEffect,
}

/// What the loss of a filter does, by class.
#[derive(Serialize, ToSchema)]
struct AblationEffect {
    /// Images that were right and are wrong now.
    lost: Vec<u32>,
    /// Images that were wrong and are right now.
    gained: Vec<u32>,
    /// The change of the mean of the class' own logit.
    logits: Vec<f64>,
}

impl LayerAblation {
    /// Of the first layer of an atlas.
    fn of(atlas: &Atlas, network: &Network, (checkpoint, split, stored): (usize, SplitName, bool)) -> Self {
        let name = |index: usize| network.layers()[index].name.clone();
        let effects = |results: &Array2<ClassResult>, filter: usize| {
            let row = || results.row(filter).to_vec().into_iter().zip(&atlas.base);
            AblationEffect {
                lost: row().map(|(result, _)| result.lost).collect(),
                gained: row().map(|(result, base)| result.gained(base)).collect(),
                logits: row().map(|(result, base)| result.logit - base.logit).collect(),
            }
        };
        let filters = atlas.layers.first().map_or_else(Vec::new, |layer| {
            let filter = |filter: usize| FilterAblation {
                value: finite(layer.means[filter]),
                zero: effects(&layer.zero, filter),
                mean: effects(&layer.mean, filter),
            };
            (0..layer.means.len()).map(filter).collect()
        });
        Self {
            checkpoint,
            split,
            layer: atlas.layers.first().map(|layer| name(layer.layer)).unwrap_or_default(),
            measured_at: atlas.layers.first().map(|layer| name(layer.measured_at)).unwrap_or_default(),
            stored,
            images: atlas.images.clone(),
            base_correct: atlas.base.iter().map(|result| result.correct).collect(),
            base_logits: atlas.base.iter().map(|result| result.logit).collect(),
            filters,
        }
    }
}

/// What each class loses without each filter of a layer at a checkpoint.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/ablation", tag = "statistics",
    params(CheckpointLayerPath, AblationQuery),
    responses(
        (status = 200, description = "the answer", body = LayerAblation),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn layer_ablation(
    State(app): State<AppState>,
    PathParams(path): PathParams<CheckpointLayerPath>,
    QueryParams(query): QueryParams<AblationQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let CheckpointLayer { run, listing, index, layer } = CheckpointLayer::find(&app, &path).await?;
    let network = run.network();
    if !ablation::layers(network).contains(&layer) {
        let known: Vec<&str> =
            ablation::layers(network).iter().map(|&index| network.layers()[index].name.as_str()).collect();
        return Err(ApiError::bad(format!("layer {} has no filters that can be switched off", path.layer))
            .hint(format!("these have: {}", known.join(", "))));
    }
    let corpus = fitting_corpus(&app.corpora, &run).await?;
    let split = split(query.split.as_deref())?;
    let entry = listing.usable(index)?;
    if query.limit.is_none() {
        let (run, step) = (Arc::clone(&run), entry.step);
        let read = move || match run.store()? {
            Some(store) => Ok(store.ablation(step, split, run.network(), layer)?),
            None => Ok(None),
        };
        if let Some(atlas) = app.work.run(WorkKind::Render, read).await? {
            return json(&headers, &LayerAblation::of(&atlas, network, (index, split.into(), true)));
        }
    }
    let sample = TestSample::of(&corpus, split, Some(query.limit.unwrap_or(DEFAULT_IMAGES)))?;
    // One piece of work that nobody interrupts: what takes longer than half a minute or so belongs to `deepviz stats`.
    let values: usize = network.layers().iter().map(|layer| layer.shape.len()).sum();
    let filters = network.layers()[network.nonlinearity_of(layer)].shape.channels;
    let max = MAX_VALUES / (2 * filters * values).max(1);
    if sample.ids.len() > max {
        return Err(ApiError::bad(format!(
            "the effects of {filters} filters of this network are counted over at most {max} images on request, found {}",
            sample.ids.len()
        ))
        .hint(format!("`limit={max}` where that is more than 0; `deepviz stats RUN --ablation` counts and keeps them all")));
    }
    let found = app.models.ablation(&run, entry, (&sample, layer)).await?;
    let answer = LayerAblation::of(&found.0, network, (index, split.into(), false));
    json_with_policy(&headers, &answer, CachePolicy::by_hash(query.v.as_deref(), &entry.hash))
}
