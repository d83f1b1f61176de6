//! Verdicts on labels: read, set, withdrawn.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use deepviz_corpus::{Corpus, ImageId, Split};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{ReviewErrors, StatisticsErrors};
use crate::api::params::{RunImagePath, RunPath};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::{image_id, split};
use crate::runs::image_path::ImagePaths;
use crate::runs::open_run::OpenRun;
use crate::runs::review::{LabelReviewFile, ReviewRecord, Verdict};
use crate::runs::wire::SplitName;

/// The verdicts that are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReviewQuery {
    /// `test` or `train`; both unless given.
    split: Option<String>,
}

/// The verdicts on labels that are kept beside a run.
#[derive(Serialize, ToSchema)]
struct Review {
    /// The name of the file that keeps them, in the folder that holds the run.
    file: String,
    /// By id of the image.
    items: Vec<ReviewItem>,
}

/// The verdict on the label of an image.
#[derive(Serialize, ToSchema)]
struct ReviewItem {
    id: u32,
    split: SplitName,
    verdict: Verdict,
    /// The class that was suggested instead of the label; absent where none was, or where there is none of its name.
    #[schema(required)]
    suggestion: Option<u16>,
    /// When, in seconds since 1970.
    at_s: u64,
}

/// A verdict that is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentVerdict {
    verdict: Verdict,
    /// The class that was suggested instead of the label.
    suggestion: Option<u16>,
}

fn item_of(record: &ReviewRecord, corpus: &Corpus) -> Option<ReviewItem> {
    let split = corpus.split_of(ImageId(record.image))?;
    let named = |name: &String| corpus.classes().iter().position(|class| class == name);
    Some(ReviewItem {
        id: record.image,
        split: split.into(),
        verdict: record.verdict,
        suggestion: record.suggestion.as_ref().and_then(named).map(|class| class as u16),
        at_s: record.at_s,
    })
}

/// The verdicts on images of this corpus, in blocking code.
pub(crate) fn records_of(run: &OpenRun, corpus: &Corpus) -> Result<Vec<ReviewRecord>, ApiError> {
    let mut records = LabelReviewFile::beside(&run.path)?.read()?;
    records.retain(|record| record.corpus == corpus.identity());
    Ok(records)
}

/// The verdicts on labels that are kept beside the run.
#[utoipa::path(
    get, path = "/api/runs/{run}/review", tag = "statistics", params(RunPath, ReviewQuery),
    responses(
        (status = 200, description = "the answer", body = Review),
        StatisticsErrors,
    )
)]
pub(crate) async fn review(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<ReviewQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let wanted: Option<Split> = query.split.as_deref().map(|word| split(Some(word))).transpose()?;
    let corpus = app.corpora.images_of(&run).await?;
    let read = app.work.run(WorkKind::Render, move || {
        let file = LabelReviewFile::beside(&run.path)?.name();
        let records = records_of(&run, &corpus)?;
        let is_wanted = |item: &ReviewItem| wanted.is_none_or(|split| item.split == split.into());
        let items = records.iter().filter_map(|record| item_of(record, &corpus)).filter(is_wanted).collect();
        Ok(Review { file, items })
    });
    json(&headers, &read.await?)
}

/// Sets the verdict on the label of an image. It is kept in a file beside the run, `RUN.review.json`.
#[utoipa::path(
    put, path = "/api/runs/{run}/review/{image}", tag = "statistics", params(RunImagePath),
    request_body(content = SentVerdict, example = json!({"verdict": "wrong", "suggestion": 3})),
    responses(
        (status = 200, description = "the verdict as it is kept", body = ReviewItem),
        ReviewErrors,
    )
)]
pub(crate) async fn set_verdict(
    State(app): State<AppState>,
    PathParams(RunImagePath { run, image }): PathParams<RunImagePath>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let SentVerdict { verdict, suggestion } = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad(format!("the verdict cannot be read: {error}"))
            .hint(r#"send {"verdict": "wrong"}, "right" or "unclear", and as "suggestion" the number of a class"#)
    })?;
    let run = app.runs.get(&run)?;
    let corpus = app.corpora.images_of(&run).await?;
    let id = image_id(&corpus, &image)?;
    let classes = corpus.classes().len();
    let suggestion = suggestion.map(|class| {
        corpus.classes().get(usize::from(class)).cloned().ok_or_else(|| {
            ApiError::bad(format!("expected a class of 0 to {}, found {class}", classes.saturating_sub(1)))
        })
    });
    let state = Arc::clone(&app);
    let record = ReviewRecord {
        corpus: corpus.identity().to_owned(),
        image: id.0,
        verdict,
        label: label_of(&corpus, id).to_owned(),
        suggestion: suggestion.transpose()?,
        path: String::new(),
        at_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    };
    let record = app.work.run(WorkKind::Render, move || {
        let path = ImagePaths::of(&state.corpora, &run, &corpus).path_of(id);
        let record = ReviewRecord { path, ..record };
        LabelReviewFile::beside(&run.path)?.set(record.clone())?;
        item_of(&record, &corpus).ok_or_else(|| ApiError::internal("an image that was there is gone"))
    });
    json(&headers, &record.await?)
}

/// Withdraws the verdict on the label of an image.
#[utoipa::path(
    delete, path = "/api/runs/{run}/review/{image}", tag = "statistics", params(RunImagePath),
    responses(
        (status = 204, description = "there is none"),
        ReviewErrors,
    )
)]
pub(crate) async fn withdraw_verdict(
    State(app): State<AppState>,
    PathParams(RunImagePath { run, image }): PathParams<RunImagePath>,
) -> Result<StatusCode, ApiError> {
    let run = app.runs.get(&run)?;
    let corpus = app.corpora.images_of(&run).await?;
    let id = image_id(&corpus, &image)?;
    let identity: Arc<str> = corpus.identity().into();
    let withdraw = move || LabelReviewFile::beside(&run.path)?.withdraw(&identity, id.0);
    app.work.run(WorkKind::Render, withdraw).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The name of an image's label.
pub(crate) fn label_of(corpus: &Corpus, image: ImageId) -> &str {
    let class = corpus.label(image).and_then(|class| corpus.classes().get(usize::from(class.0)));
    class.map_or("", String::as_str)
}
