//! The measurements of training, as columns.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::{Metric, MetricKind, MetricsLog};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::QueryErrors;
use crate::api::params::RunPath;
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, json_content};
use crate::http::response_memory::{LARGE_BUDGET_BYTES, with_reservation};
use crate::runs::divergence::Diverged;
use crate::runs::metrics_logs::MetricsLogs;

/// Bytes of a measurement in the columns and as text.
const BYTES_PER_LINE: usize = 160;
/// Bytes of a measurement in the file, at least.
const MIN_LINE_BYTES: u64 = 96;
/// Measurements that one answer holds.
const MAX_LINES: usize = LARGE_BUDGET_BYTES / BYTES_PER_LINE;

/// The measurements that are requested.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MetricsQuery {
    /// Only what was measured after this step.
    since: Option<u64>,
}

/// Measurements.
#[derive(Default, Serialize, ToSchema)]
struct Metrics {
    train: TrainMetrics,
    /// Every image seen once, at its centre.
    test: TestMetrics,
    /// Over several views of every image, where the recipe names such: after the last step only.
    views: TestMetrics,
    /// The divergence of the run, if it has diverged.
    #[schema(required)]
    divergence: Option<Diverged>,
    /// Lines of metrics.jsonl that cannot be read and were left out, if any.
    #[schema(required)]
    skipped: Option<SkippedMetrics>,
}

/// Lines of metrics.jsonl that cannot be read.
#[derive(Serialize, ToSchema)]
struct SkippedMetrics {
    /// The number of lines.
    lines: usize,
    /// Number of the first, counted from 1.
    first_line: usize,
    /// Why the first cannot be read.
    reason: String,
}

/// One entry a minibatch.
#[derive(Default, Serialize, ToSchema)]
struct TrainMetrics {
    step: Vec<u64>,
    epoch: Vec<f64>,
    /// Mean cross-entropy loss of an image.
    loss: Vec<f64>,
    /// Fraction of images misclassified.
    /// Null where another program trained the network and did not say, as `rate`.
    error: Vec<Option<f64>>,
    rate: Vec<Option<f64>>,
    images_per_s: Vec<f64>,
}

/// One entry a test.
#[derive(Default, Serialize, ToSchema)]
struct TestMetrics {
    step: Vec<u64>,
    epoch: Vec<f64>,
    /// Absent where the images gave no finite numbers, as `error`.
    loss: Vec<Option<f64>>,
    error: Vec<Option<f64>>,
    /// Images whose probabilities were not finite; 0 at every other test.
    not_finite: Vec<u64>,
}

/// Loss, error, learning rate and speed.
#[utoipa::path(
    get, path = "/api/runs/{run}/metrics", tag = "runs", params(RunPath, MetricsQuery),
    responses(
        (status = 200, description = "the answer", body = Metrics),
        QueryErrors,
    )
)]
pub(crate) async fn metrics(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(MetricsQuery { since }): QueryParams<MetricsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let of = Arc::clone(&run);
    // As if all were wanted: how many there are is known when they are read.
    let max_lines = usize::try_from(run.metrics_bytes() / MIN_LINE_BYTES).unwrap_or(usize::MAX);
    let bytes = max_lines.saturating_mul(BYTES_PER_LINE).max(app.logs.cost(&run));
    let held = app.answers.take_at_most(bytes).await?;
    let (logs, working) = (Arc::clone(&app.logs), held.clone());
    let work = move || {
        let _held = working;
        let log = logs.of(&run)?;
        let is_wanted = |line: &&Metric| since.is_none_or(|since| line.step.0 > since);
        let lines = log.lines.iter().filter(is_wanted).count();
        if lines > MAX_LINES {
            return Err(ApiError::bad(format!("there are {lines} measurements, at most {MAX_LINES} are sent at once"))
                .hint("give since=STEP for those after a step"));
        }
        json_content(&columns(&log, is_wanted))
    };
    let content = app.work.run(MetricsLogs::work_kind(&of), work).await?;
    Ok(with_reservation(content.reply(&headers, CachePolicy::Revalidate), held))
}

fn columns(log: &MetricsLog, is_wanted: impl Fn(&&Metric) -> bool) -> Metrics {
    let skipped = log.skipped.as_ref().map(|skipped| SkippedMetrics {
        lines: skipped.count,
        first_line: skipped.first_line,
        reason: skipped.reason.clone(),
    });
    let divergence = log.divergence.clone().map(Diverged::from);
    let mut out = Metrics { divergence, skipped, ..Metrics::default() };
    for line in log.lines.iter().filter(is_wanted) {
        let test = match line.kind {
            MetricKind::Train => {
                // A step without a finite loss is no step: the run diverged there.
                let Some(loss) = line.finite_loss() else { continue };
                let train = &mut out.train;
                train.step.push(line.step.0);
                train.epoch.push(line.epoch);
                train.loss.push(loss);
                train.error.push(line.error);
                train.rate.push(line.rate);
                train.images_per_s.push(line.images_per_s);
                continue;
            }
            MetricKind::Test => &mut out.test,
            MetricKind::Views => &mut out.views,
        };
        test.step.push(line.step.0);
        test.epoch.push(line.epoch);
        let is_finite = log.is_finite(line);
        test.loss.push(line.loss.filter(|_| is_finite));
        test.error.push(line.error.filter(|_| is_finite));
        test.not_finite.push(line.not_finite);
    }
    out
}
