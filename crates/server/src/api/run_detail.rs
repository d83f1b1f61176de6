//! Everything about a run that a dashboard needs at its start.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{Corpus, Split};
use deepviz_net::{Metric, MetricKind, MetricsLog, Network, RunInfo, Step};
use deepviz_stats::{State as UnitStage, UnitState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::cluster_choice::{ClusterChoice, cluster_choices};
use crate::api::errors::RunErrors;
use crate::api::params::RunPath;
use crate::api::parts::Size;
use crate::app::AppState;
use crate::http::extract::PathParams;
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::runs::corpus_cache::{CorpusCache, matching};
use crate::runs::divergence::Diverged;
use crate::runs::listing::Listing;
use crate::runs::open_run::OpenRun;
use crate::runs::wire::StatisticsState;
use crate::sheet::sheet_shape::SheetShape;

/// One run.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunDetail {
    id: String,
    name: String,
    /// The recipe's name.
    recipe: String,
    /// Null where the run was trained elsewhere, as `device`, `batch` and `steps_per_epoch` are.
    #[schema(required)]
    seed: Option<u64>,
    live: bool,
    /// The version of deepViz, or of the other program, that wrote it.
    version: String,
    /// Where the network was trained, if not by deepViz.
    #[schema(required)]
    source: Option<RunSource>,
    /// Outputs compared with those of the program that trained it; null where none were recorded.
    #[schema(required)]
    check: Option<RunCheck>,
    /// The device that it was trained on.
    #[schema(required)]
    device: Option<String>,
    corpus: RunCorpus,
    classes: Vec<String>,
    /// Images of a minibatch.
    #[schema(required)]
    batch: Option<usize>,
    #[schema(required)]
    steps_per_epoch: Option<u64>,
    /// Planned steps, or those of the newest checkpoint where there is no plan.
    total_steps: u64,
    /// The same in epochs.
    total_epochs: f64,
    /// Checkpoints that are planned, or that there are where there is no plan.
    planned_checkpoints: usize,
    stages: Vec<SchedulePhase>,
    checkpoints: Vec<Checkpoint>,
    /// The part of the measurements that cannot be read and was left out, if any.
    #[schema(required)]
    metrics_problem: Option<String>,
    /// Why the statistics cannot be read, if there are any and they cannot.
    #[schema(required)]
    statistics_problem: Option<String>,
    layers: Vec<LayerDetail>,
    /// The layers that are clustered, and by which metric; the first is shown first.
    cluster_sets: Vec<ClusterChoice>,
    /// The layer that feeds the softmax.
    logits_layer: String,
    /// The layer that feeds the last fully connected one.
    features_layer: String,
    /// The divergence of the run, if it has diverged.
    #[schema(required)]
    divergence: Option<Diverged>,
}

/// The program that trained a network.
#[derive(Serialize, ToSchema)]
struct RunSource {
    /// `pytorch`, `onnx`, `cuda-convnet` or another word.
    kind: String,
    version: String,
    /// What it calls the network.
    model: String,
    /// The optimiser and its settings, where they are known.
    #[schema(required)]
    optimiser: Option<String>,
}

/// Outputs of deepViz and of the program that trained the network, for the same images.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunCheck {
    step: u64,
    images: usize,
    /// The largest difference, as a share of the largest output; null where it could not be computed, or is not finite.
    #[schema(required)]
    difference: Option<f64>,
    /// Whether that is within 1e-3; null where nothing could be compared (yet).
    #[schema(required)]
    agrees: Option<bool>,
    /// Why nothing was compared, or what the difference means.
    #[schema(required)]
    problem: Option<String>,
}

/// The images of a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunCorpus {
    /// Its id under `/api/corpora`.
    id: String,
    name: String,
    identity: String,
    images: u64,
    train: u64,
    test: u64,
    image_shape: Size,
    /// True where its images can be shown now.
    available: bool,
    /// Why not.
    #[schema(required)]
    problem: Option<String>,
}

/// A stretch of training at one learning rate.
#[derive(Serialize, ToSchema)]
#[schema(as = Stage)]
pub(crate) struct SchedulePhase {
    pub(crate) first_step: u64,
    pub(crate) rate: f64,
}

/// A snapshot of the run.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checkpoint {
    index: usize,
    pub(crate) step: u64,
    pub(crate) epoch: f64,
    images_seen: u64,
    /// Names its content; empty where it cannot be read.
    hash: String,
    /// Why it cannot be used.
    #[schema(required)]
    problem: Option<String>,
    /// Mean over the minibatches since the checkpoint before.
    #[schema(required)]
    pub(crate) train_loss: Option<f64>,
    #[schema(required)]
    pub(crate) train_error: Option<f64>,
    /// Of the test images, as `test_error`: absent where they were not measured, or where `not_finite` says so.
    #[schema(required)]
    pub(crate) test_loss: Option<f64>,
    #[schema(required)]
    pub(crate) test_error: Option<f64>,
    /// The test images were measured, and gave no finite numbers.
    not_finite: bool,
    /// The run has diverged by then: nothing of it is a result.
    pub(crate) diverged: bool,
    statistics: Statistics,
}

/// The statistics of a snapshot, by split.
#[derive(Serialize, ToSchema)]
struct Statistics {
    train: StatisticsState,
    test: StatisticsState,
}

/// A layer of the network.
#[derive(Serialize, ToSchema)]
struct LayerDetail {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Of its output.
    shape: Size,
    parameters: usize,
    /// Of its weight as it is stored; absent where it has none.
    #[schema(required)]
    weight_shape: Option<Vec<usize>>,
    /// Filters, channels, rows and columns of its weights as a sheet shows them.
    #[schema(required, value_type = Option<Vec<usize>>, min_items = 4, max_items = 4)]
    sheet_shape: Option<[usize; 4]>,
    /// Filters of its weights; channels of its output where it has none.
    filters: usize,
    /// Channels of its weights.
    channels: usize,
    inputs: Vec<String>,
    /// The layer that makes its negative outputs zero: itself, or a rectifier behind it with nothing but pools,
    /// normalisations and the like between. A unit that is always zero there is dead.
    #[schema(required)]
    rectifier: Option<String>,
}

/// One run: checkpoints, layers, classes, corpus, whether it is live.
#[utoipa::path(
    get, path = "/api/runs/{run}", tag = "runs", params(RunPath),
    responses(
        (status = 200, description = "the answer", body = RunDetail),
        RunErrors,
    )
)]
pub(crate) async fn run_detail(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let corpus_cache = app.corpora.of_run_settled(&run).await;
    let check = output_check(&app, &run, matching(&run, &corpus_cache)).await;
    let of = Arc::clone(&run);
    let detail = app.with_log(&run, move |log| detail_of(&of, &corpus_cache, log)).await?;
    json(&headers, &RunDetail { check, ..detail })
}

/// Compares with the outputs that were recorded with the run, if there are any and its images can be read.
async fn output_check(app: &AppState, run: &Arc<OpenRun>, corpus: Result<Arc<Corpus>, String>) -> Option<RunCheck> {
    let check = run.info().check.as_ref()?;
    let none =
        RunCheck { step: check.step.0, images: check.images.len(), difference: None, agrees: None, problem: None };
    let found = match corpus {
        Err(problem) => Err(problem),
        Ok(corpus) => app.models.output_check(run, &corpus).await.map_err(|error| error.message().to_owned()),
    };
    Some(match found {
        Err(problem) => RunCheck { problem: Some(problem), ..none },
        Ok(None) => none,
        Ok(Some(found)) => {
            let difference = Some(found.difference).filter(|difference| difference.is_finite());
            let problem = "the network computes something else here than where it was trained";
            let problem = (!found.agrees()).then(|| problem.to_owned());
            RunCheck { difference, agrees: Some(found.agrees()), problem, ..none }
        }
    })
}

fn detail_of(run: &OpenRun, corpus_cache: &Arc<CorpusCache>, log: &MetricsLog) -> Result<RunDetail, ApiError> {
    let (info, network) = (run.info(), run.network());
    let listing = run.listing()?;
    // Statistics that cannot be read are no reason to hide the run.
    let units = run.store().and_then(|store| match store {
        Some(store) => Ok(store.units()?),
        None => Ok(Vec::new()),
    });
    let mut statistics_problem = None;
    let units = units.unwrap_or_else(|error: ApiError| {
        tracing::warn!(run = %run.id, path = %run.path.display(), "statistics cannot be read: {error}");
        statistics_problem = Some(error.message().to_owned());
        Vec::new()
    });
    let layer_name = |index: usize| network.layers()[index].name.clone();
    // Where the run was trained elsewhere, what there is says how far it got.
    let (training, last) = (info.training.as_ref(), listing.entries.last());
    Ok(RunDetail {
        id: run.id.clone(),
        name: info.name.clone(),
        recipe: info.recipe.name.clone(),
        seed: training.map(|training| training.seed),
        live: run.is_live(),
        version: info.version.clone(),
        source: info.source.as_ref().map(|source| RunSource {
            kind: source.kind.clone(),
            version: source.version.clone(),
            model: source.model.clone(),
            optimiser: source.optimiser.clone(),
        }),
        check: None,
        device: training.map(|training| format!("cpu ({})", training.vector_level)),
        corpus: corpus_of(run, corpus_cache),
        classes: info.classes.clone(),
        batch: training.map(|training| training.spec.batch),
        steps_per_epoch: training.map(|training| training.steps_per_epoch),
        total_steps: training.map_or_else(|| last.map_or(0, |entry| entry.step.0), |training| training.total_steps),
        total_epochs: training.map_or_else(
            || last.map_or(0.0, |entry| entry.epoch),
            |training| training.total_steps as f64 / training.steps_per_epoch.max(1) as f64,
        ),
        planned_checkpoints: training.map_or(listing.entries.len(), |training| training.snapshot_steps.len()),
        stages: stages(info),
        checkpoints: checkpoints(run, &listing, log, &units),
        metrics_problem: log.skipped.as_ref().map(ToString::to_string),
        statistics_problem,
        layers: (0..network.layers().len()).map(|index| layer_detail(network, index, &layer_name)).collect(),
        cluster_sets: cluster_choices(run),
        logits_layer: layer_name(network.logits()),
        features_layer: layer_name(network.features()),
        divergence: log.divergence.clone().map(Diverged::from),
    })
}

fn corpus_of(run: &OpenRun, corpus_cache: &Arc<CorpusCache>) -> RunCorpus {
    let recorded = &run.info().corpus;
    let opened: Result<Arc<Corpus>, String> = matching(run, corpus_cache);
    RunCorpus {
        id: corpus_cache.id.clone(),
        name: recorded.name.clone(),
        identity: recorded.identity.clone(),
        images: recorded.train + recorded.test,
        train: recorded.train,
        test: recorded.test,
        image_shape: run.info().image.into(),
        available: opened.is_ok(),
        problem: opened.err(),
    }
}

pub(crate) fn stages(info: &RunInfo) -> Vec<SchedulePhase> {
    let Some(training) = &info.training else { return Vec::new() };
    let schedule = &training.spec.schedule;
    let stages = schedule.stages.iter().zip(schedule.first_steps(training.steps_per_epoch));
    stages.map(|(stage, first_step)| SchedulePhase { first_step, rate: stage.rate.weight }).collect()
}

/// Checkpoints with what was measured up to and at each.
pub(crate) fn checkpoints(run: &OpenRun, listing: &Listing, log: &MetricsLog, units: &[UnitState]) -> Vec<Checkpoint> {
    let mut since = Step(0);
    let mut checkpoints = Vec::with_capacity(listing.entries.len());
    let train: Vec<&Metric> = log.lines.iter().filter(|metric| metric.kind == MetricKind::Train).collect();
    // The latest counts where a step was measured twice.
    let tests = log.lines.iter().filter(|metric| metric.kind == MetricKind::Test);
    let tests: BTreeMap<Step, &Metric> = tests.map(|metric| (metric.step, metric)).collect();
    for (index, entry) in listing.entries.iter().enumerate() {
        let from = train.partition_point(|metric| metric.step <= since);
        let to = train.partition_point(|metric| metric.step <= entry.step);
        let steps = train.get(from..to).unwrap_or_default();
        let mean = |value: fn(&Metric) -> Option<f64>| {
            let sum: Option<f64> = steps.iter().map(|metric| value(metric)).sum();
            sum.map(|sum| sum / steps.len() as f64).filter(|mean| mean.is_finite())
        };
        let measured = tests.get(&entry.step).copied();
        let unit = |split| units.iter().find(|unit| unit.step == entry.step && unit.split == split);
        let is_finite = measured.is_none_or(|metric| log.is_finite(metric));
        let test = measured.filter(|_| is_finite);
        let ready = unit(Split::Test).filter(|unit| unit.state == UnitStage::Ready && is_finite);
        checkpoints.push(Checkpoint {
            index,
            step: entry.step.0,
            epoch: entry.epoch,
            images_seen: entry.images_seen,
            hash: entry.hash.clone(),
            problem: run.problem_of(entry),
            train_loss: mean(Metric::finite_loss),
            train_error: mean(Metric::finite_error),
            test_loss: test.and_then(|metric| metric.loss).or(ready.and_then(|unit| unit.loss)),
            test_error: test.and_then(|metric| metric.error).or(ready.and_then(|unit| unit.error_rate)),
            not_finite: !is_finite,
            diverged: !log.is_before_divergence(entry.step),
            statistics: Statistics {
                train: StatisticsState::of(unit(Split::Train)),
                test: StatisticsState::of(unit(Split::Test)),
            },
        });
        since = entry.step;
    }
    checkpoints
}

fn layer_detail(network: &Network, index: usize, name: &dyn Fn(usize) -> String) -> LayerDetail {
    let layer = &network.layers()[index];
    let sheet_shape = SheetShape::of_weights(layer);
    LayerDetail {
        name: layer.name.clone(),
        kind: layer.op.kind(),
        shape: Size::of_layer(layer),
        parameters: layer.parameters.iter().filter(|spec| spec.is_learnt()).map(deepviz_net::ParameterSpec::len).sum(),
        weight_shape: layer.parameters.first().map(|spec| spec.shape.clone()),
        sheet_shape: sheet_shape.map(SheetShape::shape),
        filters: sheet_shape.map_or(layer.shape.channels, |sheet_shape| sheet_shape.filters),
        channels: sheet_shape.map_or(1, |sheet_shape| sheet_shape.channels),
        inputs: layer.inputs.iter().map(|&index| name(index)).collect(),
        rectifier: network.rectifier_of(index).map(name),
    }
}
