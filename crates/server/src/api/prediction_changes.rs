//! Changes of predictions: images that moved between the cells of the confusion matrix.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::Corpus;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::params::{DEFAULT_LIMIT, RunPath, find_checkpoint, limit};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::split;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::runs::wire::SplitName;

/// The parameters of a comparison of predictions at two checkpoints.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PredictionChangesQuery {
    /// Index of a checkpoint, or `last`.
    from: String,
    /// Index of another, or `last`.
    to: String,
    /// `test` (default) or `train`.
    split: Option<String>,
    /// Images of each move at most, up to 10,000; 48 unless given.
    limit: Option<usize>,
}

/// The images that are predicted differently at two checkpoints.
#[derive(Serialize, ToSchema)]
#[schema(as = Moves)]
struct PredictionChanges {
    from: usize,
    to: usize,
    split: SplitName,
    /// Images that moved.
    images: usize,
    /// Images that are right at the second checkpoint only.
    learned: usize,
    /// Images that are right at the first checkpoint only.
    forgotten: usize,
    /// From cell to cell, most images first.
    moves: Vec<ChangedPrediction>,
}

/// Images of one class that were taken for one class and then for another.
#[derive(Serialize, ToSchema)]
#[schema(as = CellMove)]
struct ChangedPrediction {
    true_class: u16,
    /// The class predicted at the first checkpoint.
    from: u16,
    /// The class predicted at the second.
    to: u16,
    count: usize,
    /// The first of them.
    images: Vec<u32>,
}

/// The images that moved between the cells of the confusion matrix from one checkpoint to another.
#[utoipa::path(
    get, path = "/api/runs/{run}/moves", tag = "statistics", params(RunPath, PredictionChangesQuery),
    responses(
        (status = 200, description = "the answer", body = PredictionChanges),
        StatisticsErrors,
    )
)]
pub(crate) async fn moves(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<PredictionChangesQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let corpus = app.corpora.images_of(&run).await?;
    let answer = app.work.run(WorkKind::Render, move || answer(&run, &query, &corpus)).await?;
    json(&headers, &answer)
}

fn answer(run: &OpenRun, query: &PredictionChangesQuery, corpus: &Corpus) -> Result<PredictionChanges, ApiError> {
    let split = split(query.split.as_deref())?;
    let limit = limit(query.limit, DEFAULT_LIMIT)?;
    let (from, to) = (find_checkpoint(run, &query.from)?, find_checkpoint(run, &query.to)?);
    let store = statistics::required(run, split)?;
    let Some(found) = store.prediction_changes(split, from.step, to.step)? else {
        let missing = if store.confusion(from.step, split)?.is_none() { from } else { to };
        return Err(statistics::missing_at(run, &store, missing, split)?);
    };
    let mut cells: BTreeMap<(u16, u16, u16), Vec<u32>> = BTreeMap::new();
    for found in &found {
        for (image, _) in &found.images {
            let class = corpus.label(*image).map(|class| class.0).unwrap_or_default();
            cells.entry((class, found.from, found.to)).or_default().push(image.0);
        }
    }
    let mut moves: Vec<ChangedPrediction> = cells
        .into_iter()
        .map(|((true_class, from, to), mut images)| {
            let count = images.len();
            images.truncate(limit);
            ChangedPrediction { true_class, from, to, count, images }
        })
        .collect();
    moves.sort_by_key(|cell| std::cmp::Reverse(cell.count));
    let sum = |counts: &dyn Fn(&ChangedPrediction) -> bool| moves.iter().filter(|m| counts(m)).map(|m| m.count).sum();
    Ok(PredictionChanges {
        from: from.index,
        to: to.index,
        split: split.into(),
        images: sum(&|_| true),
        learned: sum(&|cell| cell.to == cell.true_class),
        forgotten: sum(&|cell| cell.from == cell.true_class),
        moves,
    })
}
