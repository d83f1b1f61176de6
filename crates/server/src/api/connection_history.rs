//! The filters that feed a filter, and those that it feeds, over the checkpoints of a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::{Connection, Network, Unit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::connections::{UnitName, colour};
use crate::api::errors::{NotModified, QueryErrors};
use crate::api::params::limit;
use crate::api::top::filter_of;
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::json_number::finite;
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::sheet::layer_axis::layer_index;

/// Connections of each side by default.
const LIMIT: usize = 8;
/// Checkpoints at most; by default this many are chosen evenly.
const MAX_CHECKPOINTS: usize = 64;

/// A filter in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FilterHistoryPath {
    /// Id of the run.
    #[param(example = "my-run")]
    run: String,
    /// Name of the layer.
    #[param(example = "conv1")]
    layer: String,
    /// Number of the filter.
    #[param(example = "0")]
    filter: String,
}

/// Which checkpoints, and how many connections.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConnectionHistoryQuery {
    /// A selection of 2 to 64 checkpoints; by default all, or 64 evenly chosen ones of more.
    #[param(example = "0,10-50:10")]
    checkpoints: Option<String>,
    /// Connections of each side at most, 8 unless given.
    #[param(minimum = 1)]
    limit: Option<usize>,
}

/// A connection with another unit over time.
#[derive(Serialize, ToSchema)]
struct UnitOverTime {
    #[serde(flatten)]
    unit: UnitName,
    /// The channel of the kernel between the two, which counts within a group. Absent without a kernel.
    #[schema(required)]
    kernel_channel: Option<usize>,
    /// `red`, `green` or `blue`, where it is a colour of the image.
    #[schema(required)]
    colour: Option<&'static str>,
    /// At every checkpoint the norm of the kernel between the two with the sign of its sum, times the factors of the
    /// layers between. Null where there is no weight between them, or it is not finite.
    weights: Vec<Option<f32>>,
}

/// The connections of a filter over time: those that are strongest at any of the checkpoints.
#[derive(Serialize, ToSchema)]
struct ConnectionHistory {
    layer: String,
    filter: usize,
    /// The unit whose connections these are: the filter itself, or the one that its layer passes on.
    unit: UnitName,
    checkpoints: Vec<usize>,
    /// Checkpoints whose file cannot be used.
    left_out: Vec<usize>,
    /// How many units it is computed from.
    input_count: usize,
    inputs: Vec<UnitOverTime>,
    /// How many units are computed from it.
    output_count: usize,
    outputs: Vec<UnitOverTime>,
}

/// One side of a filter's connections over time, by the other unit.
#[derive(Default)]
struct Side(BTreeMap<(usize, usize, Option<usize>), Vec<Option<f32>>>);

impl Side {
    fn add(&mut self, connections: Vec<Connection>) {
        for Connection { unit: Unit { layer, channel }, weight, kernel_channel } in connections {
            self.0.entry((layer, channel, kernel_channel)).or_default().push(weight.and_then(finite));
        }
    }

    fn strongest(self, network: &Network, max: usize) -> Vec<UnitOverTime> {
        let size = |weights: &[Option<f32>]| weights.iter().flatten().fold(-1.0_f32, |size, w| size.max(w.abs()));
        let mut all: Vec<_> = self.0.into_iter().collect();
        all.sort_by(|(_, a), (_, b)| size(b).total_cmp(&size(a)));
        let named = all.into_iter().take(max).map(|((layer, channel, kernel_channel), weights)| {
            let unit = Unit { layer, channel };
            UnitOverTime { unit: UnitName::of(network, unit), kernel_channel, colour: colour(network, unit), weights }
        });
        named.collect()
    }
}

/// How strongly other filters feed a filter, and it them, over the checkpoints of a run.
#[utoipa::path(
    get, tag = "runs", path = "/api/runs/{run}/layers/{layer}/filters/{filter}/connections",
    params(FilterHistoryPath, ConnectionHistoryQuery),
    responses(
        (status = 200, description = "the answer", body = ConnectionHistory),
        NotModified,
        QueryErrors,
    )
)]
pub(crate) async fn connection_history(
    State(app): State<AppState>,
    PathParams(path): PathParams<FilterHistoryPath>,
    QueryParams(query): QueryParams<ConnectionHistoryQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let max = limit(query.limit, LIMIT)?;
    let network = Arc::clone(run.network());
    let layer = layer_index(&network, &path.layer)?;
    let filter = filter_of(&network, layer, &path.filter)?;
    let listing = run.listing_by(&app.work).await?;
    let chosen = listing.chosen(&run.id, query.checkpoints.as_deref(), MAX_CHECKPOINTS)?;
    let kind = WorkKind::of_size(network.parameter_count());
    let (mut checkpoints, mut left_out) = (Vec::new(), Vec::new());
    let (mut inputs, mut outputs) = (Side::default(), Side::default());
    let mut unit = Unit { layer, channel: filter };
    for index in chosen {
        // A file that turns out to be unreadable is a gap.
        let snapshot = match listing.usable(index) {
            Ok(entry) => app.models.snapshot(&run, entry).await.ok(),
            Err(_) => None,
        };
        let Some(snapshot) = snapshot else {
            left_out.push(index);
            continue;
        };
        let network = Arc::clone(&network);
        let found = app.work.run(kind, move || Ok(network.connections(&snapshot.parameters, layer, filter)?)).await?;
        unit = found.unit;
        inputs.add(found.inputs);
        outputs.add(found.outputs);
        checkpoints.push(index);
    }
    let answer = ConnectionHistory {
        unit: UnitName::of(&network, unit),
        layer: path.layer,
        filter,
        checkpoints,
        left_out,
        input_count: inputs.0.len(),
        inputs: inputs.strongest(&network, max),
        output_count: outputs.0.len(),
        outputs: outputs.strongest(&network, max),
    };
    json(&headers, &answer)
}
