//! All possible label errors in one file, with the verdicts on them: for other tools, and for those who correct labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_stats::LabelIssue;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::example_stats::example_stats_now;
use crate::api::params::RunPath;
use crate::api::review::{label_of, records_of};
use crate::app::AppState;
use crate::http::csv::csv_line;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::percent_encoding::percent_encoded;
use crate::http::problem::ApiError;
use crate::http::response_memory::with_reservation;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::split;
use crate::runs::image_path::ImagePaths;
use crate::runs::review::{ReviewRecord, Verdict};
use crate::runs::statistics::missing;
use crate::runs::wire::SplitName;

/// Rows that are made at a time, while a client takes those before.
const ROWS_AT_A_TIME: usize = 200;
/// Characters of a dashboard's address.
const MAX_BASE_BYTES: usize = 2_000;

/// The columns of the file; the field of the same name in JSON.
const COLUMNS: [&str; 10] =
    ["split", "path", "label", "suggestion", "score", "verdict", "link", "image", "margin_against_label", "agreement"];

/// What is exported, and how.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `test` (default), `train` or `all`.
    split: Option<String>,
    /// `csv` (default) or `json`.
    format: Option<String>,
    /// The address of the dashboard that links lead to; that of this server unless given.
    #[param(example = "https://example.org/deepviz/")]
    base: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
}

/// A possible label error, and the verdict on it.
#[derive(Serialize, ToSchema)]
struct ExportedIssue<'a> {
    split: SplitName,
    /// From the corpus' folder where images are files in folders of classes, else the corpus' name for the image.
    path: String,
    label: &'a str,
    /// The predicted class; empty where it was not kept.
    suggestion: &'a str,
    /// Absent for an image with a verdict that is not in the list any more.
    #[schema(required)]
    score: Option<f32>,
    #[schema(required)]
    verdict: Option<Verdict>,
    /// The address of the dashboard with this image open.
    link: String,
    image: u32,
    #[schema(required)]
    margin_against_label: Option<f32>,
    #[schema(required)]
    agreement: Option<f32>,
}

/// The file as JSON, which is written piece by piece.
#[derive(Serialize, ToSchema)]
struct ExportedIssues<'a> {
    run: &'a str,
    /// Identity of the corpus.
    corpus: &'a str,
    items: Vec<ExportedIssue<'a>>,
}

/// A row of the file: an image in the list of label issues, or one with a verdict alone.
struct Row {
    image: ImageId,
    split: Split,
    issue: Option<LabelIssue>,
}

/// Everything that rows are made of.
struct Export {
    run: String,
    corpus: Arc<Corpus>,
    paths: ImagePaths,
    records: BTreeMap<u32, ReviewRecord>,
    base: String,
    format: Format,
}

/// Every possible label error in one file, the highest score first, with the verdicts on them. Images with a verdict that
/// are not in the list any more come last, without a score.
#[utoipa::path(
    get, path = "/api/runs/{run}/suspects/export", tag = "statistics", params(RunPath, ExportQuery),
    responses(
        (status = 200, description = "the file", content(
            (String = "text/csv"),
            (ExportedIssues = "application/json"),
        )),
        StatisticsErrors,
    )
)]
pub(crate) async fn export_suspects(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<ExportQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let splits = splits(query.split.as_deref())?;
    let format = match query.format.as_deref() {
        None | Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some(other) => return Err(ApiError::bad(format!("unknown format `{other}`; expected csv or json"))),
    };
    let base = base(query.base, &headers)?;
    let corpus = app.corpora.images_of(&run).await?;
    let mut statistics = Vec::new();
    for &split in &splits {
        let of_split = example_stats_now(&app, &run, split).await?;
        if of_split.0.steps.is_empty() {
            // A file without the rows of a split would look whole.
            return Err(missing(&run, &format!("no statistics of its {split} images have been computed")));
        }
        statistics.push((split, of_split));
    }
    let images: usize = statistics.iter().map(|(_, of_split)| of_split.0.examples.len()).sum();
    let held = app.answers.take_at_most(images * size_of::<Row>()).await?;
    let state = Arc::clone(&app);
    let word = query.split.unwrap_or_else(|| "test".to_owned());
    let name = format!("{}-label-errors-{word}", run.id);
    let (export, rows) = app
        .work
        .run(WorkKind::of_size(images), move || {
            let records = records_of(&run, &corpus)?;
            let records: BTreeMap<u32, ReviewRecord> =
                records.into_iter().map(|record| (record.image, record)).collect();
            let mut rows = Vec::new();
            for (split, of_split) in statistics {
                let range = corpus.range(split);
                let labels = &corpus.labels()[range.start as usize..range.end as usize];
                let found = deepviz_stats::label_issues(&of_split.0, labels, 0..usize::MAX).items;
                let listed: std::collections::HashSet<u32> = found.iter().map(|issue| issue.image.0).collect();
                rows.extend(found.into_iter().map(|issue| Row { image: issue.image, split, issue: Some(issue) }));
                let others = records.range(range.start..range.end).filter(|(image, _)| !listed.contains(image));
                rows.extend(others.map(|(&image, _)| Row { image: ImageId(image), split, issue: None }));
            }
            let paths = ImagePaths::of(&state.corpora, &run, &corpus);
            Ok((Export { run: run.id.clone(), corpus, paths, records, base, format }, rows))
        })
        .await?;
    Ok(with_reservation(export.answer(rows, &name), held))
}

impl Export {
    /// The answer, whose rows are made while it is sent.
    fn answer(self, rows: Vec<Row>, name: &str) -> Response {
        let (media_type, ending) = match self.format {
            Format::Csv => ("text/csv; charset=utf-8", "csv"),
            Format::Json => ("application/json", "json"),
        };
        let (head, tail) = match self.format {
            Format::Csv => (csv_line(&COLUMNS), ""),
            Format::Json => {
                let text = |text: &str| serde_json::Value::from(text).to_string();
                let (run, corpus) = (text(&self.run), text(self.corpus.identity()));
                (format!("{{\"run\": {run}, \"corpus\": {corpus}, \"items\": ["), "\n]}\n")
            }
        };
        let pieces = rows.len().div_ceil(ROWS_AT_A_TIME);
        let bodies = (0..pieces).map(move |piece| {
            let first = piece * ROWS_AT_A_TIME;
            let last = (first + ROWS_AT_A_TIME).min(rows.len());
            let mut text = String::new();
            for (index, row) in (first..last).zip(&rows[first..last]) {
                self.write(row, index == 0, &mut text);
            }
            text
        });
        let parts = std::iter::once(head).chain(bodies).chain(std::iter::once(tail.to_owned()));
        let parts = parts.map(Ok::<_, std::convert::Infallible>);
        let mut response = Response::new(Body::from_stream(tokio_stream::iter(parts)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // A run's id may hold what a header cannot.
        let safe: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
        if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{safe}.{ending}\"")) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
        response
    }

    fn write(&self, row: &Row, is_first: bool, out: &mut String) {
        let item = self.item(row);
        match self.format {
            Format::Csv => {
                let number = |value: Option<f32>| value.map_or_else(String::new, |value| value.to_string());
                let fields = [
                    row.split.to_string(),
                    item.path,
                    item.label.to_owned(),
                    item.suggestion.to_owned(),
                    number(item.score),
                    item.verdict.map_or("", Verdict::as_str).to_owned(),
                    item.link,
                    item.image.to_string(),
                    number(item.margin_against_label),
                    number(item.agreement),
                ];
                out.push_str(&csv_line(&fields));
            }
            Format::Json => {
                out.push_str(if is_first { "\n" } else { ",\n" });
                // Made of strings and finite numbers: always JSON.
                out.push_str(&serde_json::to_string(&item).unwrap_or_default());
            }
        }
    }

    fn item<'a>(&'a self, row: &Row) -> ExportedIssue<'a> {
        let record = self.records.get(&row.image.0);
        let suggestion = match &row.issue {
            Some(issue) => self.corpus.classes().get(usize::from(issue.predicted.0)).map(String::as_str),
            None => record.and_then(|record| record.suggestion.as_deref()),
        };
        let mut link = self.base.clone();
        // Writing to a string cannot fail.
        let _ = write!(
            link,
            "#run={}&view=confusion&image={}&confusion.page=review&confusion.split={}",
            percent_encoded(&self.run),
            row.image.0,
            row.split
        );
        ExportedIssue {
            split: row.split.into(),
            path: self.paths.path_of(row.image),
            label: label_of(&self.corpus, row.image),
            suggestion: suggestion.unwrap_or(""),
            score: row.issue.map(|issue| issue.score),
            verdict: record.map(|record| record.verdict),
            link,
            image: row.image.0,
            margin_against_label: row.issue.map(|issue| issue.doubt),
            agreement: row.issue.map(|issue| issue.agreement),
        }
    }
}

fn splits(word: Option<&str>) -> Result<Vec<Split>, ApiError> {
    match word {
        Some("all") => Ok(vec![Split::Train, Split::Test]),
        Some(other) if other.parse::<Split>().is_err() => {
            Err(ApiError::bad(format!("unknown split `{other}`; expected train, test or all")))
        }
        word => Ok(vec![split(word)?]),
    }
}

/// The address that links begin with.
fn base(given: Option<String>, headers: &HeaderMap) -> Result<String, ApiError> {
    let Some(given) = given else {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        return Ok(format!("http://{host}/"));
    };
    let is_web = given.starts_with("http://") || given.starts_with("https://");
    let is_plain = given.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\".contains(&byte));
    if is_web && is_plain && given.len() <= MAX_BASE_BYTES {
        return Ok(given);
    }
    Err(ApiError::bad(
        "`base` is no address of a dashboard; expected one that begins with http:// or https://, without #",
    ))
}
