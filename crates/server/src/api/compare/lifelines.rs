//! How the units of a layer became what they are.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::Split;
use deepviz_stats::compare::{Life, lives};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::units::MAX_CORRELATIONS;
use crate::api::errors::StatisticsErrors;
use crate::api::params::LayerPath;
use crate::app::AppState;
use crate::compare::unit_history::UnitHistoryRequest;
use crate::explain::test_sample::TestSample;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::runs::open_run::OpenRun;
use crate::runs::wire::SplitName;
use crate::sheet::model_input::fitting_corpus;

/// Number of images by default.
const DEFAULT_IMAGES: usize = 200;
/// Images at most.
const MAX_IMAGES: usize = 2_000;
/// Checkpoints at most; by default this many are chosen evenly.
const MAX_CHECKPOINTS: usize = 64;

/// Which checkpoints, and over how many images.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LifelinesQuery {
    /// A selection of 2 to 64 checkpoints, each compared with the last of them; by default all, or 64 evenly chosen
    /// ones of more.
    #[param(example = "0,10-50:10")]
    checkpoints: Option<String>,
    /// Test images, evenly chosen, 8 to 2,000; 200 unless given.
    #[param(minimum = 8, maximum = 2000)]
    images: Option<usize>,
}

/// The units of a layer over time.
#[derive(Serialize, ToSchema)]
struct LifelinesAnswer {
    layer: String,
    /// Where its units were measured: behind the layer's nonlinearity, if it has one.
    measured_at: String,
    images: usize,
    /// `test`, or `train` where there are no test images.
    split: SplitName,
    /// Rows and columns to which its maps were averaged.
    grid: [usize; 2],
    checkpoints: Vec<usize>,
    /// Checkpoints whose file cannot be used.
    left_out: Vec<usize>,
    units: Vec<Lifeline>,
}

/// A unit over time.
#[derive(Serialize, ToSchema)]
struct Lifeline {
    unit: usize,
    /// At every checkpoint the correlation with itself at the last; null where one of the two does the same everywhere.
    to_last: Vec<Option<f32>>,
    /// The first checkpoint from which on it stays like its final self (a correlation of 0.5); null where it is silent at
    /// the last.
    #[schema(required)]
    born: Option<usize>,
    /// The checkpoint from which on it is silent, to the last.
    #[schema(required)]
    died: Option<usize>,
    /// The unit of the checkpoint before that its final self is most like, if by 0.5 or more: another one, that it took
    /// over from.
    #[schema(required)]
    origin: Option<UnitOrigin>,
}

/// Where a unit came from.
#[derive(Serialize, ToSchema)]
struct UnitOrigin {
    unit: usize,
    correlation: f32,
}

/// How the units of a layer became what they are: each compared over the checkpoints with its final self.
#[utoipa::path(
    get, path = "/api/runs/{run}/layers/{layer}/lifelines", tag = "compare",
    params(LayerPath, LifelinesQuery),
    responses(
        (status = 200, description = "the answer", body = LifelinesAnswer),
        StatisticsErrors,
    )
)]
pub(crate) async fn lifelines(
    State(app): State<AppState>,
    PathParams(path): PathParams<LayerPath>,
    QueryParams(query): QueryParams<LifelinesQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let images = query.images.unwrap_or(DEFAULT_IMAGES);
    if !(8..=MAX_IMAGES).contains(&images) {
        return Err(ApiError::bad(format!("expected 8 to {MAX_IMAGES} images, found {images}")));
    }
    let run = app.runs.get(&path.run)?;
    let network = run.network();
    let layer = followed_layer(&run, &path.layer)?;
    let listing = run.listing_by(&app.work).await?;
    let chosen = listing.chosen(&run.id, query.checkpoints.as_deref(), MAX_CHECKPOINTS)?;
    let (usable, broken): (Vec<usize>, Vec<usize>) =
        chosen.into_iter().partition(|&checkpoint| run.problem_of(&listing.entries[checkpoint]).is_none());
    if usable.len() < 2 {
        return Err(ApiError::unusable(format!(
            "expected 2 checkpoints that can be used, found {} ({} cannot)",
            usable.len(),
            broken.len()
        ))
        .hint("choose others by checkpoints="));
    }
    let corpus = fitting_corpus(&app.corpora, &run).await?;
    let split = if corpus.range(Split::Test).is_empty() { Split::Train } else { Split::Test };
    let sample = TestSample::of(&corpus, split, Some(images))?;
    let checkpoints: Vec<_> = usable.iter().map(|&index| (index, listing.entries[index].clone())).collect();
    let found = UnitHistoryRequest { run: &run, checkpoints: &checkpoints, layer }.answer(&app, &sample).await?;
    let unit = |(unit, life): (usize, Life)| Lifeline {
        unit,
        to_last: found.checkpoints.iter().map(|checkpoint| checkpoint.own.get(unit).copied().flatten()).collect(),
        born: life.born.map(|position| usable[position]),
        died: life.died.map(|position| usable[position]),
        origin: life
            .origin
            .and_then(|origin| Some(UnitOrigin { unit: origin.nearest?, correlation: origin.correlation })),
    };
    json(
        &headers,
        &LifelinesAnswer {
            layer: path.layer.clone(),
            measured_at: network.layers()[network.nonlinearity_of(layer)].name.clone(),
            images: sample.ids.len(),
            split: split.into(),
            grid: found.grid,
            units: lives(&found.checkpoints).into_iter().enumerate().map(unit).collect(),
            checkpoints: usable,
            left_out: broken,
        },
    )
}

/// A layer of a run whose units can be followed.
fn followed_layer(run: &OpenRun, name: &str) -> Result<usize, ApiError> {
    let network = run.network();
    let Some(layer) = network.index_of(name).filter(|&layer| layer > 0) else {
        return Err(ApiError::not_found(format!("run {} has no layer {name} with units", run.id))
            .hint("/api/runs/{run}/graph lists the layers"));
    };
    let units = network.layers()[network.nonlinearity_of(layer)].shape.channels;
    if units * units > MAX_CORRELATIONS {
        return Err(ApiError::bad(format!("layer {name} has {units} units, too many to be followed"))
            .hint("narrower layers of the same network can be"));
    }
    Ok(layer)
}
