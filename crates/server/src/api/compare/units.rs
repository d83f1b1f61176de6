//! Which units of two layers see the same.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_stats::compare::{Nearest, Pair};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::layers::wanted_images;
use super::{ComparePath, OtherCheckpoint};
use crate::api::errors::StatisticsErrors;
use crate::app::AppState;
use crate::compare::sides::{Side, Sides};
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::runs::wire::SplitName;

/// Pairs of units whose correlations are computed at most.
pub(super) const MAX_CORRELATIONS: usize = 1 << 20;

/// The second checkpoint, and the two layers.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareUnitsQuery {
    /// Id of the second run, B; it may be the same.
    #[param(example = "my-run")]
    b: String,
    /// Index of its checkpoint; its last unless given.
    b_checkpoint: Option<String>,
    /// A layer of A.
    #[param(example = "conv1")]
    layer: String,
    /// A layer of B; of the same name unless given.
    b_layer: Option<String>,
    /// Test images of A's corpus, evenly chosen, 8 to 4,000; 1,000 unless given.
    #[param(minimum = 8, maximum = 4000)]
    images: Option<usize>,
}

/// The units of two layers, matched one to one by the correlation of their activations.
#[derive(Serialize, ToSchema)]
struct MatchedUnits {
    checkpoint: usize,
    b: OtherCheckpoint,
    layer: String,
    b_layer: String,
    /// Where the units of A and of B were measured: behind the layer's nonlinearity, if it has one.
    measured_at: [String; 2],
    /// Images of A's corpus that both were shown.
    images: usize,
    /// `test`, or `train` where there are no test images.
    split: SplitName,
    /// Rows and columns of the grid on which they were compared: the coarser of the two layers'.
    grid: [usize; 2],
    /// The 99th percentile of the best correlation of a unit of either layer when the images of B are shuffled: pairs
    /// lie above.
    chance: f64,
    /// Units of A and of B.
    units: [usize; 2],
    /// Units of A and of B that do the same everywhere: they correlate with nothing.
    silent: [Vec<usize>; 2],
    /// The strongest first.
    pairs: Vec<UnitPair>,
    unmatched: UnmatchedUnits,
}

/// Two units that stand for each other.
#[derive(Serialize, ToSchema)]
struct UnitPair {
    a: usize,
    b: usize,
    /// Pearson's correlation over images and positions.
    correlation: f32,
    /// Each is the other's best.
    mutual: bool,
}

/// Units without a partner.
#[derive(Serialize, ToSchema)]
struct UnmatchedUnits {
    a: Vec<UnmatchedUnit>,
    b: Vec<UnmatchedUnit>,
}

/// A unit without a partner.
#[derive(Serialize, ToSchema)]
struct UnmatchedUnit {
    unit: usize,
    /// The unit of the other layer that it correlates with most, which may have another partner.
    #[schema(required)]
    nearest: Option<usize>,
    correlation: f32,
}

impl From<&Nearest> for UnmatchedUnit {
    fn from(&Nearest { unit, nearest, correlation }: &Nearest) -> Self {
        Self { unit, nearest, correlation }
    }
}

/// Which units of two layers see the same: matched one to one, above chance.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/compare/units", tag = "compare",
    params(ComparePath, CompareUnitsQuery),
    responses(
        (status = 200, description = "the answer", body = MatchedUnits),
        StatisticsErrors,
    )
)]
pub(crate) async fn compared_units(
    State(app): State<AppState>,
    PathParams(path): PathParams<ComparePath>,
    QueryParams(query): QueryParams<CompareUnitsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let images = wanted_images(query.images)?;
    let second = (query.b.as_str(), query.b_checkpoint.as_deref());
    let sides = Sides::find(&app, (&path.run, &path.checkpoint), second).await?;
    let b_layer = query.b_layer.as_deref().unwrap_or(&query.layer);
    let layers = [sides.a.layer(&query.layer)?, sides.b.layer(b_layer)?];
    let measured = |side: &Side, layer: usize| {
        let network = side.run.network();
        let layer = &network.layers()[network.nonlinearity_of(layer)];
        (layer.name.clone(), layer.shape.channels)
    };
    let ((a_at, a_units), (b_at, b_units)) = (measured(&sides.a, layers[0]), measured(&sides.b, layers[1]));
    if a_units * b_units > MAX_CORRELATIONS {
        return Err(ApiError::bad(format!(
            "layers of {a_units} and {b_units} units are too many to match: at most {MAX_CORRELATIONS} pairs"
        ))
        .hint("narrower layers of the same networks can be matched"));
    }
    let found = sides.units(&app, layers, images).await?;
    let matching = &found.found.matching;
    let pair = |&Pair { first, second, correlation, is_mutual }: &Pair| UnitPair {
        a: first,
        b: second,
        correlation,
        mutual: is_mutual,
    };
    let alone = |units: &[Nearest]| units.iter().map(UnmatchedUnit::from).collect();
    json(
        &headers,
        &MatchedUnits {
            checkpoint: sides.a.checkpoint,
            b: (&sides.b).into(),
            layer: query.layer.clone(),
            b_layer: b_layer.to_owned(),
            measured_at: [a_at, b_at],
            images: found.images,
            split: found.split.into(),
            grid: found.grid,
            chance: found.found.chance,
            units: [a_units, b_units],
            silent: found.found.silent.clone(),
            pairs: matching.pairs.iter().map(pair).collect(),
            unmatched: UnmatchedUnits { a: alone(&matching.first_alone), b: alone(&matching.second_alone) },
        },
    )
}
