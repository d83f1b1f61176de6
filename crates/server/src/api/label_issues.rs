//! Possible label errors: images whose label the network denies.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::example_stats::{checkpoints_of, example_stats_now};
use crate::api::params::{DEFAULT_LIMIT, RunPath, limit, next_cursor, offset};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::split;
use crate::runs::image_path::ImagePaths;
use crate::runs::wire::SplitName;

/// The parameters of a page of label issues.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LabelIssuesQuery {
    /// `test` (default) or `train`.
    split: Option<String>,
    /// Images at most, up to 10,000; 48 unless given.
    limit: Option<usize>,
    /// The start of the page: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Images whose label is not the predicted class, the highest score first.
#[derive(Serialize, ToSchema)]
#[schema(as = Suspects)]
struct LabelIssues {
    split: SplitName,
    /// The checkpoints over which the statistics were computed.
    checkpoints: Vec<usize>,
    total: usize,
    items: Vec<LabelIssue>,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A possible label error.
#[derive(Serialize, ToSchema)]
#[schema(as = SuspectItem)]
struct LabelIssue {
    id: u32,
    /// From the corpus' folder where images are files in folders of classes, else the corpus' name for the image.
    path: String,
    /// The label's class.
    label: u16,
    /// The class that the network predicts instead.
    predicted: u16,
    /// The score that the list is ranked by, 0 to 1.
    score: f32,
    /// The probability of the other class less that of the label, over the later half of the checkpoints.
    doubt: f32,
    /// Share of the later half of the checkpoints that say the other class.
    agreement: f32,
    /// Share of the label's images that are taken for the other class.
    confusion: f32,
    /// All that in a sentence.
    reason: String,
}

/// Possible label errors, ranked, with the reason. How many of them are errors is for a review to say.
#[utoipa::path(
    get, path = "/api/runs/{run}/suspects", tag = "statistics", params(RunPath, LabelIssuesQuery),
    responses(
        (status = 200, description = "the answer", body = LabelIssues),
        StatisticsErrors,
    )
)]
pub(crate) async fn suspects(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<LabelIssuesQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let split = split(query.split.as_deref())?;
    let (offset, limit) = (offset(query.cursor.as_deref())?, limit(query.limit, DEFAULT_LIMIT)?);
    let corpus = app.corpora.images_of(&run).await?;
    let examples = example_stats_now(&app, &run, split).await?;
    let listing = run.listing_by(&app.work).await?;
    let state = Arc::clone(&app);
    let answer = app.work.run(WorkKind::Render, move || {
        let paths = ImagePaths::of(&state.corpora, &run, &corpus);
        let range = corpus.range(split);
        let labels = &corpus.labels()[range.start as usize..range.end as usize];
        let page = deepviz_stats::label_issues(&examples.0, labels, offset..offset.saturating_add(limit));
        let items: Vec<_> = page.items.iter().map(|suspect| item_of(suspect, &run.info().classes, &paths)).collect();
        Ok(LabelIssues {
            split: split.into(),
            checkpoints: checkpoints_of(&listing, &examples.0),
            total: page.total,
            next_cursor: next_cursor(offset, items.len(), page.total),
            items,
        })
    });
    json(&headers, &answer.await?)
}

fn item_of(suspect: &deepviz_stats::LabelIssue, classes: &[String], paths: &ImagePaths) -> LabelIssue {
    let name = |class: u16| classes.get(usize::from(class)).map_or_else(|| class.to_string(), Clone::clone);
    let (label, predicted) = (name(suspect.label.0), name(suspect.predicted.0));
    let reason = format!(
        "labelled {label}; {:.0} % of the later checkpoints say {predicted}, which is {:.2} more probable; \
         {:.1} % of all images labelled {label} are taken for {predicted}",
        100.0 * suspect.agreement,
        suspect.doubt,
        100.0 * suspect.confusion,
    );
    LabelIssue {
        id: suspect.image.0,
        path: paths.path_of(suspect.image),
        label: suspect.label.0,
        predicted: suspect.predicted.0,
        score: suspect.score,
        doubt: suspect.doubt,
        agreement: suspect.agreement,
        confusion: suspect.confusion,
        reason,
    }
}
