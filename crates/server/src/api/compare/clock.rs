//! The checkpoints of two runs, aligned.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::QueryErrors;
use crate::api::params::RunPath;
use crate::app::{App, AppState};
use crate::compare::alignment::AlignmentBasis;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::runs::open_run::OpenRun;

/// The second run, and the quantity by which the two are aligned.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClockQuery {
    /// Id of the second run.
    #[param(example = "my-run")]
    b: String,
    /// `step`, `epoch` (default), `images`, `fraction`, `time` or `error`.
    #[param(inline)]
    by: Option<AlignmentBasis>,
}

/// The aligned checkpoints of two runs: their positions, and the pairs that correspond.
#[derive(Serialize, ToSchema)]
struct ClockAnswer {
    by: AlignmentBasis,
    /// Of the positions: `steps`, `epochs`, `images`, `of training`, `seconds`, `test error`.
    unit: &'static str,
    /// The position of every checkpoint of the first run; null where it is not known.
    a: Vec<Option<f64>>,
    /// Of every checkpoint of the second.
    b: Vec<Option<f64>>,
    /// For every checkpoint of the first run the one of the second that stands for it: the last that is not further, else
    /// the first; by `error` the first that is as good, null where none is.
    pairs: Vec<Option<usize>>,
    /// Why there are no pairs.
    #[schema(required)]
    missing: Option<String>,
}

/// Aligns the checkpoints of two runs: which checkpoint of `b` stands for each one of this run.
///
/// They are aligned by step, epoch, training images seen, fraction of the run, training time or test error (`by`, the
/// clock).
#[utoipa::path(
    get, path = "/api/runs/{run}/clock", tag = "runs", params(RunPath, ClockQuery),
    responses(
        (status = 200, description = "the answer", body = ClockAnswer),
        QueryErrors,
    )
)]
pub(crate) async fn clock(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<ClockQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (a, b) = (app.runs.get(&run)?, app.runs.get(&query.b)?);
    let by = query.by.unwrap_or(AlignmentBasis::Epoch);
    let (first, second) = (positions(&app, &a, by).await?, positions(&app, &b, by).await?);
    let lacks = |run: &OpenRun, positions: &[Option<f64>]| {
        let is_unknown = positions.iter().all(Option::is_none);
        is_unknown.then(|| format!("run {} cannot be aligned by this: {}", run.id, by.lacks()))
    };
    let missing = lacks(&a, &first).or_else(|| lacks(&b, &second));
    let pairs = by.pairs(&first, &second);
    json(&headers, &ClockAnswer { by, unit: by.unit(), a: first, b: second, pairs, missing })
}

async fn positions(app: &App, run: &Arc<OpenRun>, by: AlignmentBasis) -> Result<Vec<Option<f64>>, ApiError> {
    let of = Arc::clone(run);
    let listing = run.listing_by(&app.work).await?;
    app.with_log(run, move |log| Ok(by.positions(of.info(), &listing.entries, log))).await
}
