//! The confusion matrix: classes that are predicted for others.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{ClassId, Split, find_class};
use deepviz_stats::CellQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{QueryErrors, StatisticsErrors};
use crate::api::params::{CheckpointPath, DEFAULT_LIMIT, RunPath, SplitQuery, find_checkpoint, limit, offset};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::split;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::runs::wire::SplitName;

/// A cell of the matrix in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CellPath {
    /// Id of the run.
    #[param(example = "my-run")]
    run: String,
    /// Index of the checkpoint, or `last`.
    #[param(example = "last")]
    checkpoint: String,
    /// Name or number of the true class.
    #[param(example = "3")]
    true_class: String,
    /// Name or number of the predicted class.
    #[param(example = "5")]
    predicted: String,
}

/// A page of a cell.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CellPageQuery {
    /// `test` (default) or `train`.
    split: Option<String>,
    /// Images at most, up to 10,000; 48 unless given.
    limit: Option<usize>,
    /// The start of the page: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Counts at one checkpoint.
#[derive(Serialize, ToSchema)]
struct ConfusionAnswer {
    checkpoint: usize,
    split: SplitName,
    images: u64,
    /// True classes in rows, predicted ones in columns.
    counts: Vec<Vec<u32>>,
}

/// Counts at every checkpoint that has them.
#[derive(Serialize, ToSchema)]
struct ConfusionHistory {
    split: SplitName,
    images: u64,
    checkpoints: Vec<usize>,
    /// Each matrix row by row.
    counts: Vec<Vec<u32>>,
}

/// Some images of a cell, the most confident first.
#[derive(Serialize, ToSchema)]
struct CellAnswer {
    total: usize,
    items: Vec<CellItem>,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An image of a cell.
#[derive(Serialize, ToSchema)]
struct CellItem {
    id: u32,
    /// Of the predicted class.
    probability: f32,
    true_class: u16,
    predicted: u16,
}

/// The confusion matrix of a checkpoint.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/confusion", tag = "statistics",
    params(CheckpointPath, SplitQuery),
    responses(
        (status = 200, description = "the answer", body = ConfusionAnswer),
        StatisticsErrors,
    )
)]
pub(crate) async fn confusion(
    State(app): State<AppState>,
    PathParams(CheckpointPath { run, checkpoint }): PathParams<CheckpointPath>,
    QueryParams(query): QueryParams<SplitQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let split = query.split()?;
    let answer = app
        .work
        .run(WorkKind::Render, move || {
            let checkpoint = find_checkpoint(&run, &checkpoint)?;
            let store = statistics::required(&run, split)?;
            let Some(confusion) = store.confusion(checkpoint.step, split)? else {
                return Err(statistics::missing_at(&run, &store, checkpoint, split)?);
            };
            Ok(ConfusionAnswer {
                checkpoint: checkpoint.index,
                split: split.into(),
                images: confusion.images(),
                counts: confusion.counts.outer_iter().map(|row| row.to_vec()).collect(),
            })
        })
        .await?;
    json(&headers, &answer)
}

/// The confusion matrices of all checkpoints that have one.
#[utoipa::path(
    get, path = "/api/runs/{run}/confusion", tag = "statistics", params(RunPath, SplitQuery),
    responses(
        (status = 200, description = "the answer", body = ConfusionHistory),
        QueryErrors,
    )
)]
pub(crate) async fn confusions(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<SplitQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let split = query.split()?;
    let history = app.work.run(WorkKind::Render, move || confusions_of(&run, split)).await?;
    json(&headers, &history)
}

fn confusions_of(run: &Arc<OpenRun>, split: Split) -> Result<ConfusionHistory, ApiError> {
    let by_step = match run.store()? {
        Some(store) => store.confusions(split)?,
        None => Vec::new(),
    };
    let listing = run.listing()?;
    let mut history = ConfusionHistory { split: split.into(), images: 0, checkpoints: Vec::new(), counts: Vec::new() };
    for (step, confusion) in by_step {
        let Some(index) = listing.index_of(step) else { continue };
        history.images = confusion.images();
        history.checkpoints.push(index);
        history.counts.push(confusion.counts.iter().copied().collect());
    }
    Ok(history)
}

/// The images in a cell of the confusion matrix, the most confident first.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/confusion/{true_class}/{predicted}/images",
    tag = "statistics", params(CellPath, CellPageQuery),
    responses(
        (status = 200, description = "the answer", body = CellAnswer),
        StatisticsErrors,
    )
)]
pub(crate) async fn cell(
    State(app): State<AppState>,
    PathParams(path): PathParams<CellPath>,
    QueryParams(query): QueryParams<CellPageQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let split = split(query.split.as_deref())?;
    let (true_class, predicted) = (class(&run, &path.true_class)?, class(&run, &path.predicted)?);
    let (offset, limit) = (offset(query.cursor.as_deref())?, limit(query.limit, DEFAULT_LIMIT)?);
    let page = app
        .work
        .run(WorkKind::Render, move || {
            let checkpoint = find_checkpoint(&run, &path.checkpoint)?;
            let store = statistics::required(&run, split)?;
            let query = CellQuery { step: checkpoint.step, split, true_class, predicted, offset, limit };
            match store.cell(&query)? {
                Some(page) => Ok(page),
                None => Err(statistics::missing_at(&run, &store, checkpoint, split)?),
            }
        })
        .await?;
    let end = offset.saturating_add(page.items.len());
    let item = |(id, probability): (deepviz_corpus::ImageId, f32)| CellItem {
        id: id.0,
        probability,
        true_class: true_class.0,
        predicted: predicted.0,
    };
    let answer = CellAnswer {
        next_cursor: (end < page.total && !page.items.is_empty()).then(|| end.to_string()),
        total: page.total,
        items: page.items.into_iter().map(item).collect(),
    };
    json(&headers, &answer)
}

/// A class in a path: 404 where there is none.
fn class(run: &OpenRun, text: &str) -> Result<ClassId, ApiError> {
    find_class(&run.info().classes, text).map_err(|error| match error {
        deepviz_corpus::Error::UnknownClass { .. } => ApiError::not_found(format!("run {}: {error}", run.id)),
        error => ApiError::bad(error.to_string()),
    })
}
