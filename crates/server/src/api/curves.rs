//! Loss and error of several runs, thinned for one picture.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::{Metric, MetricKind, MetricsLog};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::QueryErrors;
use crate::app::AppState;
use crate::http::extract::QueryParams;
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics::test_metrics;

/// Runs that one request may name.
const MAX_RUNS: usize = 100;
/// Points of a curve by default.
const DEFAULT_POINTS: usize = 200;
/// Points of a curve at most.
const MAX_POINTS: usize = 2_000;

/// The runs whose curves are requested.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CurvesQuery {
    /// Ids of runs, separated by commas; 100 at most.
    #[param(example = "my-run,other-run")]
    runs: String,
    /// Points of a curve, 2 to 2,000; 200 unless given. The minibatches between two points are averaged; the best and
    /// the last test are returned besides these points.
    #[param(minimum = 2, maximum = 2000)]
    points: Option<usize>,
}

/// The curves of some runs.
#[derive(Serialize, ToSchema)]
struct CurveList {
    curves: Vec<RunCurves>,
    /// Runs whose measurements cannot be read.
    problems: Vec<CurveProblem>,
}

/// A run whose measurements cannot be read.
#[derive(Serialize, ToSchema)]
struct CurveProblem {
    id: String,
    problem: String,
}

/// The curves of one run.
#[derive(Serialize, ToSchema)]
struct RunCurves {
    run: String,
    /// Of the minibatches, averaged between two points.
    train: Curve,
    /// Of the test images, thinned: the best and the last stay. Of a run whose program has recorded none, those of the
    /// statistics.
    test: Curve,
    /// The least test error.
    #[schema(required)]
    best: Option<TestPoint>,
    /// The latest test error.
    #[schema(required)]
    last: Option<TestPoint>,
    /// The median over the minibatches.
    #[schema(required)]
    images_per_second: Option<f64>,
}

/// Columns of equal length.
#[derive(Default, Serialize, ToSchema)]
struct Curve {
    steps: Vec<u64>,
    epochs: Vec<f64>,
    /// Null where it is not known or not finite, as `error`.
    loss: Vec<Option<f64>>,
    /// Fraction of images misclassified.
    error: Vec<Option<f64>>,
}

/// A measurement of the test images.
#[derive(Serialize, ToSchema)]
struct TestPoint {
    step: u64,
    epoch: f64,
    error: f64,
}

/// Loss, error and speed of several runs, thinned for one picture.
#[utoipa::path(
    get, path = "/api/curves", tag = "runs", params(CurvesQuery),
    responses(
        (status = 200, description = "the answer", body = CurveList),
        QueryErrors,
    )
)]
pub(crate) async fn curves(
    State(app): State<AppState>,
    QueryParams(query): QueryParams<CurvesQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let points = query.points.unwrap_or(DEFAULT_POINTS);
    if !(2..=MAX_POINTS).contains(&points) {
        return Err(ApiError::bad(format!("expected 2 to {MAX_POINTS} points, found {points}")));
    }
    let ids: Vec<&str> = query.runs.split(',').filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || ids.len() > MAX_RUNS {
        return Err(ApiError::bad(format!("expected 1 to {MAX_RUNS} runs, found {}", ids.len()))
            .hint("ids of runs, separated by commas, as /api/runs lists them"));
    }
    let mut found = CurveList { curves: Vec::new(), problems: Vec::new() };
    // One after the other: each may have to be read, and other requests can run between.
    for id in ids {
        // A run that is gone or cannot be opened is reported; the others are answered.
        let found_curves = match app.runs.get(id) {
            Ok(run) => {
                let measured = Arc::clone(&run);
                app.with_log(&run, move |log| {
                    Ok(curves_of(measured.id.clone(), log, &tests_of(&measured, log), points))
                })
                .await
            }
            Err(error) => Err(error),
        };
        match found_curves {
            Ok(curves) => found.curves.push(curves),
            Err(error) => found.problems.push(CurveProblem { id: id.to_owned(), problem: error.message().to_owned() }),
        }
    }
    json(&headers, &found)
}

/// Measurements of the test images: those in the log, or where it has none those of the statistics.
fn tests_of(run: &OpenRun, log: &MetricsLog) -> Vec<Metric> {
    let measured: Vec<Metric> = log.lines.iter().filter(|line| line.kind == MetricKind::Test).copied().collect();
    if measured.iter().any(|line| line.error.is_some()) { measured } else { test_metrics(run) }
}

fn curves_of(run: String, log: &MetricsLog, tests: &[Metric], points: usize) -> RunCurves {
    let train: Vec<&Metric> = log.lines.iter().filter(|line| line.kind == MetricKind::Train).collect();
    let best = log.best_of(tests.iter());
    let point = |line: &Metric| {
        let error = line.finite_error().filter(|_| log.is_finite(line))?;
        Some(TestPoint { step: line.step.0, epoch: line.epoch, error })
    };
    RunCurves {
        run,
        train: averaged(&train, points),
        test: thinned(log, (tests, best), points),
        best: best.and_then(point),
        last: tests.iter().rev().find_map(point),
        images_per_second: median(train.into_iter()),
    }
}

/// Means of equally many lines each, at the last of them.
fn averaged(lines: &[&Metric], points: usize) -> Curve {
    let mut curve = Curve::default();
    for part in lines.chunks(lines.len().div_ceil(points).max(1)) {
        let Some(last) = part.last() else { continue };
        let mean = |of: fn(&Metric) -> Option<f64>| {
            let values: Vec<f64> = part.iter().filter_map(|line| of(line)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        curve.push(last, mean(Metric::finite_loss), mean(Metric::finite_error));
    }
    curve
}

/// Evenly chosen lines, with the best and the last among them.
fn thinned(log: &MetricsLog, (lines, best): (&[Metric], Option<&Metric>), points: usize) -> Curve {
    let mut curve = Curve::default();
    let best = best.map(|best| best.step);
    let every = lines.len().div_ceil(points).max(1);
    for (index, line) in lines.iter().enumerate() {
        if index % every == 0 || index + 1 == lines.len() || Some(line.step) == best {
            let is_finite = log.is_finite(line);
            curve.push(line, line.loss.filter(|_| is_finite), line.error.filter(|_| is_finite));
        }
    }
    curve
}

impl Curve {
    fn push(&mut self, at: &Metric, loss: Option<f64>, error: Option<f64>) {
        self.steps.push(at.step.0);
        self.epochs.push(at.epoch);
        self.loss.push(loss);
        self.error.push(error);
    }
}

fn median<'a>(lines: impl Iterator<Item = &'a Metric>) -> Option<f64> {
    let mut speeds: Vec<f64> =
        lines.map(|line| line.images_per_s).filter(|speed| speed.is_finite() && *speed > 0.0).collect();
    speeds.sort_unstable_by(f64::total_cmp);
    speeds.get(speeds.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepviz_net::Step;

    fn line(step: u64, kind: MetricKind, error: f64) -> Metric {
        Metric {
            step: Step(step),
            epoch: step as f64 / 10.0,
            images_seen: step * 4,
            kind,
            loss: Some(error * 2.0),
            error: Some(error),
            rate: None,
            images_per_s: step as f64,
            not_finite: 0,
        }
    }

    #[test]
    fn minibatches_are_averaged_and_tests_keep_their_best() {
        let mut lines: Vec<Metric> = (1..=8).map(|step| line(step, MetricKind::Train, step as f64 / 10.0)).collect();
        let errors = [0.9, 0.2, 0.5, 0.4, 0.6];
        lines.extend((0..5).map(|test| line(test * 2, MetricKind::Test, errors[test as usize])));
        let log = MetricsLog { lines, divergence: None, skipped: None };
        let tests: Vec<Metric> = log.lines[8..].to_vec();
        let found = curves_of("a".to_owned(), &log, &tests, 2);
        assert_eq!(found.train.steps, [4, 8]);
        let errors: Vec<f64> = found.train.error.iter().flatten().copied().collect();
        assert!((errors[0] - 0.25).abs() < 1e-12 && (errors[1] - 0.65).abs() < 1e-12);
        // Every third, the best and the last.
        assert_eq!(found.test.steps, [0, 2, 6, 8]);
        assert_eq!(found.best.map(|best| best.step), Some(2));
        assert_eq!(found.last.map(|last| last.step), Some(8));
        assert_eq!(found.images_per_second, Some(5.0));
    }
}
