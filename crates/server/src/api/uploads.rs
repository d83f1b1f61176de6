//! Runs and corpora that are sent as archives: unpacked aside, checked, and only then put where they are seen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use deepviz_corpus::{Corpus, Limits, OpenOptions};
use deepviz_net::Run;
use deepviz_stats::State as UnitStage;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{ArchiveErrors, UploadsForbidden};
use crate::app::{App, AppState};
use crate::http::extract::PathParams;
use crate::http::problem::{ApiError, Problem};
use crate::http::reply::json;
use crate::runs::catalogue::is_run;
use crate::runs::corpora::told;
use crate::runs::event::Event;
use crate::runs::upload_record::{CORPORA, UploadKind};
use crate::upload::archive::{ArchiveLimits, Unpacked, unpack};
use crate::upload::body_reader::{BodyReader, stream_body};
use crate::upload::folder::{DiskReservation, Upload, UploadFolder};

/// What an archive may hold: bytes, unpacked, and files.
const MOST_BYTES: u64 = 16 << 30;
pub(crate) const MOST_ENTRIES: usize = 1_000_000;
/// What is said to one who sends it otherwise.
pub(crate) const HOW_TO_SEND: &str =
    "send the archive itself with PUT: curl -T run.tar.gz ADDRESS; .tar, .tar.gz and .zip are understood";
/// The name of an upload in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct UploadPath {
    /// What it is called: letters, digits, `-`, `_` and `.`, a letter or digit first, 64 at most.
    #[param(example = "my-run")]
    name: String,
}

/// A run that was taken.
#[derive(Serialize, ToSchema)]
struct UploadedRun {
    /// Its id under `/api/runs`.
    id: String,
    checkpoints: usize,
    /// Files of the archive that belong to no run, and were left out.
    skipped: usize,
    /// Checkpoints and splits whose statistics came with it.
    statistics: usize,
}

/// A corpus that was taken.
#[derive(Serialize, ToSchema)]
struct UploadedCorpus {
    /// Its id under `/api/corpora`.
    id: String,
    identity: String,
    images: usize,
    classes: usize,
    /// Images that cannot be read.
    unreadable: usize,
}

/// A run folder as a .tar, .tar.gz or .zip, as the body or as the one file of a form. It is refused unless every snapshot
/// in it is whole; its corpus is looked for among the uploaded ones, by name.
#[utoipa::path(
    put, path = "/api/uploads/runs/{name}", tag = "uploads", params(UploadPath),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "a .tar, .tar.gz or .zip"),
    responses(
        (status = 201, description = "it is there", body = UploadedRun),
        ArchiveErrors,
    )
)]
pub(crate) async fn put_run(
    State(app): State<AppState>,
    PathParams(UploadPath { name }): PathParams<UploadPath>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let uploads = app.upload_folder()?;
    let target = uploads.place(UploadKind::Run, &name)?;
    let expected = ExpectedUpload {
        kind: UploadKind::Run,
        target: target.clone(),
        wanted: belongs_to_run,
        is_here: is_run,
        check: check_run,
    };
    let ((checkpoints, statistics), skipped) = receive(&app, &uploads, request, expected).await?;
    look_again(&app).await?;
    let id = app.runs.id_of(&target).unwrap_or(name);
    created(&headers, &UploadedRun { id, checkpoints, skipped, statistics })
}

/// Looks for runs, on a thread that may wait for the disk.
async fn look_again(app: &AppState) -> Result<(), ApiError> {
    let looking = Arc::clone(app);
    let looked = tokio::task::spawn_blocking(move || looking.runs.scan()).await;
    let changes = looked.map_err(|panic| ApiError::internal(format!("looking for runs failed: {panic}")))?;
    for id in changes.appeared.into_iter().chain(changes.gone) {
        app.event_bus.send((None, Event::Run { id }));
    }
    Ok(())
}

/// A corpus as a .tar, .tar.gz or .zip, as the body or as the one file of a form, in any layout that `deepviz corpus info`
/// reads.
#[utoipa::path(
    put, path = "/api/uploads/corpora/{name}", tag = "uploads", params(UploadPath),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "a .tar, .tar.gz or .zip"),
    responses(
        (status = 201, description = "it is there", body = UploadedCorpus),
        ArchiveErrors,
    )
)]
pub(crate) async fn put_corpus(
    State(app): State<AppState>,
    PathParams(UploadPath { name }): PathParams<UploadPath>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let uploads = app.upload_folder()?;
    let target = uploads.place(UploadKind::Corpus, &name)?;
    let expected = ExpectedUpload {
        kind: UploadKind::Corpus,
        target: target.clone(),
        wanted: is_visible,
        is_here: deepviz_corpus::is_corpus,
        check: check_corpus,
    };
    let (corpus, _) = receive(&app, &uploads, request, expected).await?;
    let id = app.corpora.register(&target);
    created(&headers, &UploadedCorpus { id, ..corpus })
}

/// What was uploaded and is there, and the room for more.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadList {
    /// Runs first, by name.
    uploads: Vec<Upload>,
    /// What all of them take on the disk, and those on their way.
    bytes: u64,
    /// What all of them may take.
    most_bytes: u64,
}

/// What was uploaded and is there.
#[utoipa::path(
    get, path = "/api/uploads", tag = "uploads",
    responses(
        (status = 200, description = "the uploads", body = UploadList),
        UploadsForbidden,
    )
)]
pub(crate) async fn list(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let uploads = app.upload_folder()?;
    let (bytes, most_bytes) = uploads.room();
    let listing = tokio::task::spawn_blocking(move || uploads.list()).await;
    let uploads = listing.map_err(|panic| ApiError::internal(format!("listing failed: {panic}")))?;
    json(&headers, &UploadList { uploads, bytes, most_bytes })
}

/// Deletes an uploaded run.
#[utoipa::path(
    delete, path = "/api/uploads/runs/{name}", tag = "uploads", params(UploadPath),
    responses(
        (status = 204, description = "it is gone"),
        (status = 404, description = "no such run was uploaded", body = Problem, content_type = "application/problem+json"),
        UploadsForbidden,
    )
)]
pub(crate) async fn delete_run(
    State(app): State<AppState>,
    PathParams(UploadPath { name }): PathParams<UploadPath>,
) -> Result<StatusCode, ApiError> {
    delete(&app, UploadKind::Run, name).await?;
    look_again(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes an uploaded corpus. Runs that were trained on it lose their images.
#[utoipa::path(
    delete, path = "/api/uploads/corpora/{name}", tag = "uploads", params(UploadPath),
    responses(
        (status = 204, description = "it is gone"),
        (status = 404, description = "no such corpus was uploaded", body = Problem, content_type = "application/problem+json"),
        UploadsForbidden,
    )
)]
pub(crate) async fn delete_corpus(
    State(app): State<AppState>,
    PathParams(UploadPath { name }): PathParams<UploadPath>,
) -> Result<StatusCode, ApiError> {
    delete(&app, UploadKind::Corpus, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(app: &AppState, kind: UploadKind, name: String) -> Result<(), ApiError> {
    let uploads = app.upload_folder()?;
    let held = Arc::clone(app);
    let deleting = tokio::task::spawn_blocking(move || {
        let (folder, rest) = uploads.unpublish(kind, &name)?;
        held.corpora.forget(&folder);
        // It is not served any more. What cannot be deleted now is deleted when the server starts again.
        if let Err(error) = rest.close() {
            tracing::warn!("cannot delete all of the upload {name}: {error}");
        }
        Ok(())
    });
    deleting.await.map_err(|panic| ApiError::internal(format!("deleting failed: {panic}")))?
}

fn created<T: Serialize>(headers: &HeaderMap, value: &T) -> Result<Response, ApiError> {
    let mut response = json(headers, value)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response.into_response())
}

/// What is sent, and where it ends.
struct ExpectedUpload<T> {
    kind: UploadKind,
    target: PathBuf,
    /// Which files belong to it.
    wanted: fn(&Path) -> bool,
    /// Whether it is in this very folder, rather than in one inside.
    is_here: fn(&Path) -> bool,
    check: fn(&Path, &DiskReservation<'_>) -> Result<T, ApiError>,
}

/// Unpacks a body apart from all that is served, has its folder checked, and moves it to its place. Gives what the check
/// found and what was skipped.
async fn receive<T: Send + 'static>(
    app: &App,
    uploads: &Arc<UploadFolder>,
    request: Request,
    expected: ExpectedUpload<T>,
) -> Result<(T, usize), ApiError> {
    let turn = app.work.archive().await?;
    let (sender, receiver) = mpsc::channel(8);
    let uploads = Arc::clone(uploads);
    let unpacking = tokio::task::spawn_blocking(move || {
        // Until it is unpacked, even if the sender is gone.
        let _turn = turn;
        let (staging, reservation) = (uploads.staging()?, uploads.reserve());
        let mut reader = BodyReader::new(receiver);
        let room = ArchiveLimits { bytes: MOST_BYTES, entries: MOST_ENTRIES, claim: &|bytes| reservation.file(bytes) };
        let found = unpack(&mut reader, staging.path(), room, expected.wanted)?;
        reader.expect_end()?;
        let checked = finish(&uploads, staging.path(), &expected, (found, &reservation))?;
        Ok((checked, found.skipped))
    });
    stream_body(request, sender).await?;
    unpacking.await.map_err(|panic| ApiError::internal(format!("unpacking failed: {panic}")))?
}

fn finish<T>(
    uploads: &UploadFolder,
    staging: &Path,
    expected: &ExpectedUpload<T>,
    (found, reservation): (Unpacked, &DiskReservation<'_>),
) -> Result<T, ApiError> {
    if found.files == 0 {
        return Err(ApiError::unusable("the archive holds no file that is wanted here"));
    }
    let folder = folder_of(staging, expected.is_here);
    let checked = (expected.check)(&folder, reservation)?;
    uploads.publish(expected.kind, &folder, &expected.target, reservation)?;
    Ok(checked)
}

/// Hidden files are no part of a corpus.
fn is_visible(path: &Path) -> bool {
    !path.iter().any(|part| part.as_encoded_bytes().starts_with(b"."))
}

/// The folder itself, or the only one in it: archives often hold one folder with everything inside.
fn folder_of(staging: &Path, is_here: fn(&Path) -> bool) -> PathBuf {
    if is_here(staging) {
        return staging.to_owned();
    }
    let mut entries = std::fs::read_dir(staging).into_iter().flatten().flatten().map(|entry| entry.path());
    match (entries.next(), entries.next()) {
        (Some(only), None) if only.is_dir() => only,
        _ => staging.to_owned(),
    }
}

/// The log of the statistics' database holds what was written last, where the archive was made while `deepviz stats` ran.
const RUN_FILES: [&str; 4] = ["run.toml", "metrics.jsonl", deepviz_stats::FILE_NAME, deepviz_stats::LOG_FILE_NAME];

/// The files of a run, in their folder or in one around it.
fn belongs_to_run(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let own = |parts: &[String]| match parts {
        [file] => RUN_FILES.contains(&file.as_str()),
        [folder, file] => folder == deepviz_net::run::SNAPSHOT_FOLDER && file.ends_with(".safetensors"),
        _ => false,
    };
    own(&parts) || parts.split_first().is_some_and(|(_, rest)| own(rest))
}

/// Every snapshot must be whole.
///
/// Gives how many checkpoints there are, and how many units of statistics.
fn check_run(folder: &Path, _: &DiskReservation<'_>) -> Result<(usize, usize), ApiError> {
    let run = Run::open(folder)?;
    let checkpoints = run.checkpoints();
    if checkpoints.is_empty() {
        return Err(ApiError::unusable("the run holds no snapshot"));
    }
    for entry in &checkpoints {
        if let Some(problem) = &entry.problem {
            return Err(ApiError::unusable(format!("the snapshot of step {}: {problem}", entry.step)));
        }
        run.snapshot(entry.step)?;
    }
    run.metrics()?;
    let statistics = statistics_in(folder)?;
    // Nothing reads the path of an uploaded run (`crate::runs::upload_record::corpus_of_upload`); who looks into the file sees where.
    let mut info = run.info().clone();
    info.corpus.path = Path::new(CORPORA).join(info.corpus.path.file_name().unwrap_or(info.corpus.name.as_ref()));
    info.write(folder)?;
    Ok((checkpoints.len(), statistics))
}

/// How many units of statistics can be shown. A copy that was made while they were written may be torn.
fn statistics_in(folder: &Path) -> Result<usize, ApiError> {
    let Some(store) = deepviz_stats::Store::open_read_only(folder)? else { return Ok(0) };
    store.check().map_err(|error| {
        ApiError::from(error).hint(
            "an archive that is made while `deepviz stats` writes may hold half of it: make it again, or leave \
             stats.sqlite and what begins with it out",
        )
    })?;
    Ok(store.units()?.iter().filter(|unit| unit.state == UnitStage::Ready).count())
}

/// Every image is decoded once. A few kilobytes may stand for gigabytes: they take of the room for uploads, too.
fn check_corpus(folder: &Path, reservation: &DiskReservation<'_>) -> Result<UploadedCorpus, ApiError> {
    let cache = reservation.staging()?;
    let limits = Limits { decoded_bytes: reservation.left_bytes(), images: MOST_ENTRIES };
    let options = OpenOptions { cache: Some(cache.path().to_owned()), limits, ..OpenOptions::default() };
    let corpus = Corpus::open_with(folder, &options).map_err(|error| unusable(&error, &options, folder))?;
    reservation.file(corpus.decoded_bytes())?;
    Ok(UploadedCorpus {
        id: String::new(),
        identity: corpus.identity().to_owned(),
        images: corpus.len(),
        classes: corpus.classes().len(),
        unreadable: corpus.account().lost(),
    })
}

fn unusable(error: &deepviz_corpus::Error, options: &OpenOptions, folder: &Path) -> ApiError {
    match error {
        deepviz_corpus::Error::TooLarge { found, most, .. } => ApiError::too_large(format!(
            "the corpus is too large: its images have {found} bytes or more when decoded, and there is room for {most}"
        ))
        .hint("decoded images count as uploads, too: GET /api/uploads tells the room, DELETE makes some"),
        deepviz_corpus::Error::TooMany { what, found, most, .. } => {
            ApiError::too_large(format!("the corpus is too large: {found} {what} or more, at most {most}"))
        }
        other => ApiError::unusable(told(other, options, (folder, "the archive"))),
    }
}
