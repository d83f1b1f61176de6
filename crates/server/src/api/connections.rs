//! The filters that feed a filter, and those that it feeds.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::recipe::ChannelOrder;
use deepviz_net::{Connection, Connections, Network, Unit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{NotModified, QueryErrors};
use crate::api::params::limit;
use crate::api::top::{FilterPath, filter_of};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::json_number::finite;
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, json_with_policy};
use crate::http::work_pool::WorkKind;
use crate::sheet::layer_axis::layer_index;

/// Connections of each side by default.
const LIMIT: usize = 16;

/// How many connections, and of which weights.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConnectionQuery {
    /// Connections of each side at most, 16 unless given.
    #[param(minimum = 1)]
    limit: Option<usize>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

/// A channel of a layer that computes it from several: of a convolution, a sum of branches, the image.
#[derive(Serialize, ToSchema)]
pub(super) struct UnitName {
    layer: String,
    filter: usize,
}

impl UnitName {
    pub(super) fn of(network: &Network, unit: Unit) -> Self {
        Self { layer: network.layers()[unit.layer].name.clone(), filter: unit.channel }
    }
}

/// A connection with another unit.
#[derive(Serialize, ToSchema)]
struct WeightedUnit {
    #[serde(flatten)]
    unit: UnitName,
    /// The Euclidean norm of the kernel between the two with the sign of its sum, times what batch normalisations, scales and dropout on the way
    /// multiply by. Absent where there is no weight between them, or it is not finite.
    #[schema(required)]
    weight: Option<f32>,
    /// The channel of the kernel between the two, which counts within a group. Absent without a kernel.
    #[schema(required)]
    kernel_channel: Option<usize>,
    /// `red`, `green` or `blue`, where it is a colour of the image.
    #[schema(required)]
    colour: Option<&'static str>,
}

/// The strongest connections of a filter, by the size of their weights.
#[derive(Serialize, ToSchema)]
struct ConnectionsAnswer {
    checkpoint: usize,
    layer: String,
    filter: usize,
    /// The unit whose connections these are: the filter itself, or the one that its layer passes on.
    unit: UnitName,
    /// How many units it is computed from.
    input_count: usize,
    inputs: Vec<WeightedUnit>,
    /// How many units are computed from it.
    output_count: usize,
    outputs: Vec<WeightedUnit>,
}

/// The filters that a filter is computed from and those that are computed from it, by the weights between them, through
/// layers that leave channels apart (rectifiers, pools, normalisations).
#[utoipa::path(
    get, tag = "runs",
    path = "/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/filters/{filter}/connections",
    params(FilterPath, ConnectionQuery),
    responses(
        (status = 200, description = "the answer", body = ConnectionsAnswer),
        NotModified,
        QueryErrors,
    )
)]
pub(crate) async fn connections(
    State(app): State<AppState>,
    PathParams(path): PathParams<FilterPath>,
    QueryParams(query): QueryParams<ConnectionQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let listing = run.listing_by(&app.work).await?;
    let (checkpoint, entry) = listing.point(&run.id, &path.checkpoint)?;
    let max = limit(query.limit, LIMIT)?;
    let network = Arc::clone(run.network());
    let layer = layer_index(&network, &path.layer)?;
    let filter = filter_of(&network, layer, &path.filter)?;
    let snapshot = app.models.snapshot(&run, entry).await?;
    // Some weights are brought into another order for it.
    let kind = WorkKind::of_size(network.parameter_count());
    let find = move || {
        let found = network.connections(&snapshot.parameters, layer, filter)?;
        Ok(answer(&network, checkpoint, (path.layer, filter), found, max))
    };
    let answer = app.work.run(kind, find).await?;
    json_with_policy(&headers, &answer, CachePolicy::by_hash(query.v.as_deref(), &entry.hash))
}

fn answer(
    network: &Network,
    checkpoint: usize,
    (layer, filter): (String, usize),
    found: Connections,
    max: usize,
) -> ConnectionsAnswer {
    let strongest = |mut side: Vec<Connection>| -> Vec<WeightedUnit> {
        // One that is not finite comes last.
        let size = |connection: &Connection| connection.weight.and_then(finite).map_or(-1.0, f32::abs);
        side.sort_by(|a, b| size(b).total_cmp(&size(a)));
        let named = side.into_iter().take(max);
        let named = named.map(|Connection { unit, weight, kernel_channel }| WeightedUnit {
            unit: UnitName::of(network, unit),
            weight: weight.and_then(finite),
            kernel_channel,
            colour: colour(network, unit),
        });
        named.collect()
    };
    ConnectionsAnswer {
        checkpoint,
        layer,
        filter,
        unit: UnitName::of(network, found.unit),
        input_count: found.inputs.len(),
        inputs: strongest(found.inputs),
        output_count: found.outputs.len(),
        outputs: strongest(found.outputs),
    }
}

/// The colour that a channel of the image is.
pub(super) fn colour(network: &Network, unit: Unit) -> Option<&'static str> {
    let is_colour = unit.layer == 0 && network.layers()[0].shape.channels == 3;
    let colours = match network.channel_order() {
        ChannelOrder::Rgb => ["red", "green", "blue"],
        ChannelOrder::Bgr => ["blue", "green", "red"],
    };
    is_colour.then(|| colours.get(unit.channel).copied()).flatten()
}
