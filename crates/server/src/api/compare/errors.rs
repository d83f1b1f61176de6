//! What two checkpoints get right and wrong, and where they differ by more than noise.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_stats::compare::Compared;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ComparePath, OtherCheckpoint};
use crate::api::errors::StatisticsErrors;
use crate::app::AppState;
use crate::compare::sides::Sides;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::runs::corpus_params::split;
use crate::runs::wire::SplitName;

/// The second checkpoint, and the images.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareQuery {
    /// Id of the second run, B; it may be the same.
    #[param(example = "my-run")]
    b: String,
    /// Index of its checkpoint; its last unless given.
    b_checkpoint: Option<String>,
    /// `test` (default) or `train`.
    split: Option<String>,
}

/// Two checkpoints over the images of a split.
#[derive(Serialize, ToSchema)]
struct ComparedErrors {
    checkpoint: usize,
    b: OtherCheckpoint,
    split: SplitName,
    images: usize,
    classes: Vec<String>,
    /// Images that both get right.
    both: u64,
    /// Images that A alone gets right.
    only_a: u64,
    /// Images that B alone gets right.
    only_b: u64,
    /// Images that neither gets right.
    neither: u64,
    /// `McNemar`'s exact test, two-sided: whether one is right more often.
    p: f64,
    /// Fractions of images misclassified, of A and of B.
    error: [f64; 2],
    /// The interval of 95 % of the error of A less that of B.
    difference_interval: [f64; 2],
    counts: ComparedCounts,
    /// The cells in which they differ, row by row; in all others every image is in both or in neither.
    cells: Vec<ComparedCell>,
}

/// The confusion matrices, true classes in rows, by the numbers of A's classes.
#[derive(Serialize, ToSchema)]
struct ComparedCounts {
    a: Vec<Vec<u32>>,
    b: Vec<Vec<u32>>,
}

/// A cell in which two checkpoints differ.
#[derive(Serialize, ToSchema)]
struct ComparedCell {
    true_class: u16,
    predicted: u16,
    /// Images that A alone puts there.
    only_a: u64,
    /// Images that B alone puts there.
    only_b: u64,
    /// `McNemar`'s exact test, two-sided.
    p: f64,
    /// It holds at 5 % false discoveries over all cells of the matrix (Benjamini and Hochberg).
    significant: bool,
}

/// What two checkpoints get right and wrong, cell by cell, and what of that is more than noise.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/compare/errors", tag = "compare",
    params(ComparePath, CompareQuery),
    responses(
        (status = 200, description = "the answer", body = ComparedErrors),
        StatisticsErrors,
    )
)]
pub(crate) async fn compared_errors(
    State(app): State<AppState>,
    PathParams(path): PathParams<ComparePath>,
    QueryParams(query): QueryParams<CompareQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let split = split(query.split.as_deref())?;
    let second = (query.b.as_str(), query.b_checkpoint.as_deref());
    let sides = Sides::find(&app, (&path.run, &path.checkpoint), second).await?;
    let found = sides.outcomes(&app, split).await?;
    let Compared { images, first, second, right, p, difference, cells } = &found.0;
    let rows = |counts: &Array2<u32>| counts.outer_iter().map(|row| row.to_vec()).collect();
    let share = |wrong: u64| wrong as f64 / images.len().max(1) as f64;
    json(
        &headers,
        &ComparedErrors {
            checkpoint: sides.a.checkpoint,
            b: (&sides.b).into(),
            split: split.into(),
            images: images.len(),
            classes: sides.a.run.info().classes.clone(),
            both: right.both,
            only_a: right.only_first,
            only_b: right.only_second,
            neither: right.neither,
            p: *p,
            error: [share(right.only_second + right.neither), share(right.only_first + right.neither)],
            difference_interval: *difference,
            counts: ComparedCounts { a: rows(first), b: rows(second) },
            cells: cells
                .iter()
                .map(|cell| ComparedCell {
                    true_class: cell.class,
                    predicted: cell.predicted,
                    only_a: cell.images.first,
                    only_b: cell.images.second,
                    p: cell.p,
                    significant: cell.is_significant,
                })
                .collect(),
        },
    )
}
