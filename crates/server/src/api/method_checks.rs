//! Whether the methods of explanation depend on a run's network at all.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_attribution::Method;
use deepviz_attribution::randomisation::{self, FAILS_FROM};
use deepviz_net::Network;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::params::RunPath;
use crate::app::AppState;
use crate::explain::checks::IMAGES;
use crate::explain::test_sample::TestSample;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::runs::corpus_params::split;
use crate::sheet::model_input::fitting_corpus;

/// Values that the network's layers compute in all passes of the test of one method at most.
const MAX_VALUES: usize = 20_000_000_000;

/// Which methods.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MethodsQuery {
    /// Names separated by commas; all unless given.
    methods: Option<String>,
    /// The split that the images are of: `test` (default) or `train`.
    split: Option<String>,
}

/// The parameter randomisation test of methods on a network: its weights are shuffled layer by layer, from the output down,
/// and the maps compared with those of the trained network.
#[derive(Serialize, ToSchema)]
struct MethodChecks {
    /// The checkpoint whose weights were shuffled: the last.
    checkpoint: usize,
    /// Images whose maps were compared.
    images: usize,
    /// A method whose maps agree by this much or more on average has failed.
    fails_from: f64,
    methods: Vec<MethodResult>,
}

/// The test of a method.
#[derive(Serialize, ToSchema)]
struct MethodResult {
    method: &'static str,
    /// Whether it draws what passed through the network, and explains nothing, whatever the test says.
    reconstruction: bool,
    passed: bool,
    /// Spearman's rank correlation, the mean over images and steps; absent without weights.
    #[schema(required)]
    correlation: Option<f64>,
    /// From the last layer with weights down to the first.
    steps: Vec<ShuffledLayer>,
}

/// The agreement once the weights down to a layer are shuffled.
#[derive(Serialize, ToSchema)]
struct ShuffledLayer {
    layer: String,
    /// Absent where no map has two different values.
    #[schema(required)]
    correlation: Option<f64>,
}

/// Whether each method's maps depend on the weights of this run's network at its last checkpoint.
#[utoipa::path(
    get, path = "/api/runs/{run}/explain/checks", tag = "sheets", params(RunPath, MethodsQuery),
    responses(
        (status = 200, description = "the answer", body = MethodChecks),
        StatisticsErrors,
    )
)]
pub(crate) async fn method_checks(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<MethodsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let methods = match &query.methods {
        None => Method::ALL.to_vec(),
        Some(names) => names
            .split(',')
            .map(|name| {
                name.parse().map_err(|error: deepviz_attribution::UnknownMethod| ApiError::bad(error.to_string()))
            })
            .collect::<Result<_, _>>()?,
    };
    let corpus = fitting_corpus(&app.corpora, &run).await?;
    let sample = TestSample::of(&corpus, split(query.split.as_deref())?, Some(IMAGES))?;
    let listing = run.listing_by(&app.work).await?;
    let (checkpoint, _) = listing.point(&run.id, "last")?;
    let entry = listing.usable(checkpoint)?;
    let mut results = Vec::new();
    for method in methods {
        within(run.network(), method, sample.ids.len())?;
        let check = app.models.method_check(&run, entry, (&sample, method)).await?;
        let finite = |value: f64| value.is_finite().then_some(value);
        let steps = check.0.steps.iter().map(|step| ShuffledLayer {
            layer: run.network().layers()[step.layer].name.clone(),
            correlation: finite(step.correlation),
        });
        results.push(MethodResult {
            method: method.name(),
            reconstruction: method.is_reconstruction(),
            passed: check.0.is_passed(),
            correlation: check.0.mean().and_then(finite),
            steps: steps.collect(),
        });
    }
    let images = sample.ids.len();
    json(&headers, &MethodChecks { checkpoint, images, fails_from: FAILS_FROM, methods: results })
}

/// Refuses what would keep the server's threads for minutes: one piece of work that nobody interrupts.
fn within(network: &Network, method: Method, images: usize) -> Result<(), ApiError> {
    let values: usize = network.layers().iter().map(|layer| layer.shape.len()).sum();
    let compared = randomisation::compared_after(network).len();
    if values.saturating_mul((compared + 1) * images * method.passes()) <= MAX_VALUES {
        return Ok(());
    }
    Err(ApiError::bad(format!("the test of {method} takes too long on a network of this size"))
        .hint("it was not tested here; layercam, hirescam and gradient take the least"))
}
