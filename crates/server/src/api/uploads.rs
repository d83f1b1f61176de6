//! Uploads: runs and corpora sent as archives, listed and deleted.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{ArchiveErrors, UploadsForbidden};
use crate::app::AppState;
use crate::http::extract::PathParams;
use crate::http::problem::{ApiError, Problem};
use crate::http::reply::json;
use crate::runs::event::Event;
use crate::runs::review::LabelReviewFile;
use crate::runs::upload_record::UploadKind;
use crate::story::user_sentences;
use crate::upload::folder::Upload;
use crate::upload::receive::{CheckedCorpus, CheckedRun, ExpectedUpload, receive};

/// The hint of the error for a request whose body is not an archive.
pub(crate) const HOW_TO_SEND: &str =
    "send the archive itself with PUT: curl -T run.tar.gz ADDRESS; .tar, .tar.gz and .zip are understood";

/// The name of an upload in the URL.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct UploadPath {
    /// The name: letters, digits, `-`, `_` and `.`, a letter or digit first, 64 at most.
    #[param(example = "my-run")]
    name: String,
}

/// An accepted run.
#[derive(Serialize, ToSchema)]
struct UploadedRun {
    /// Its id under `/api/runs`.
    id: String,
    checkpoints: usize,
    /// Files of the archive that are not part of the run, and were left out.
    skipped: usize,
    /// Pairs of checkpoint and split whose statistics the archive contains.
    statistics: usize,
}

/// An accepted corpus.
#[derive(Serialize, ToSchema)]
struct UploadedCorpus {
    /// Its id under `/api/corpora`.
    id: String,
    /// Hash of its labels and pixels; runs record by it which corpus they were trained on.
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
        (status = 201, description = "created", body = UploadedRun),
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
    let target = uploads.path_for_new(UploadKind::Run, &name)?;
    let received = receive(&app.work, &uploads, request, ExpectedUpload::run(target.clone())).await?;
    rescan_runs(&app).await?;
    let id = app.runs.id_of(&target).unwrap_or(name);
    let CheckedRun { checkpoints, statistics } = received.checked;
    created(&headers, &UploadedRun { id, checkpoints, skipped: received.skipped, statistics })
}

/// Scans the folders for runs, on a blocking thread, and publishes what changed.
async fn rescan_runs(app: &AppState) -> Result<(), ApiError> {
    let state = Arc::clone(app);
    let scanned = tokio::task::spawn_blocking(move || state.runs.scan()).await;
    let changes = scanned.map_err(|panic| ApiError::internal(format!("scanning for runs failed: {panic}")))?;
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
        (status = 201, description = "created", body = UploadedCorpus),
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
    let target = uploads.path_for_new(UploadKind::Corpus, &name)?;
    let received = receive(&app.work, &uploads, request, ExpectedUpload::corpus(target.clone())).await?;
    let CheckedCorpus { identity, images, classes, unreadable } = received.checked;
    let id = app.corpora.register(&target);
    created(&headers, &UploadedCorpus { id, identity, images, classes, unreadable })
}

/// All uploads, and the disk space that they use.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadList {
    /// Runs first, by name.
    uploads: Vec<Upload>,
    /// Bytes on the disk of all uploads, including those in progress.
    bytes: u64,
    /// The limit of these bytes.
    most_bytes: u64,
}

/// Lists the uploads.
#[utoipa::path(
    get, path = "/api/uploads", tag = "uploads",
    responses(
        (status = 200, description = "the uploads", body = UploadList),
        UploadsForbidden,
    )
)]
pub(crate) async fn list(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let uploads = app.upload_folder()?;
    let (bytes, max_bytes) = uploads.usage();
    let listing = tokio::task::spawn_blocking(move || uploads.list()).await;
    let uploads = listing.map_err(|panic| ApiError::internal(format!("listing failed: {panic}")))?;
    json(&headers, &UploadList { uploads, bytes, most_bytes: max_bytes })
}

/// Deletes an uploaded run.
#[utoipa::path(
    delete, path = "/api/uploads/runs/{name}", tag = "uploads", params(UploadPath),
    responses(
        (status = 204, description = "deleted"),
        (status = 404, description = "no such run was uploaded", body = Problem, content_type = "application/problem+json"),
        UploadsForbidden,
    )
)]
pub(crate) async fn delete_run(
    State(app): State<AppState>,
    PathParams(UploadPath { name }): PathParams<UploadPath>,
) -> Result<StatusCode, ApiError> {
    delete(&app, UploadKind::Run, name).await?;
    rescan_runs(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes an uploaded corpus. Runs that were trained on it lose their images.
#[utoipa::path(
    delete, path = "/api/uploads/corpora/{name}", tag = "uploads", params(UploadPath),
    responses(
        (status = 204, description = "deleted"),
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
    let state = Arc::clone(app);
    let deleting = tokio::task::spawn_blocking(move || {
        let served = uploads.folder_of(kind, &name)?;
        // The path of the review file can only be determined while the folder exists.
        let review = LabelReviewFile::beside(&served).ok();
        let (folder, rest) = uploads.unpublish(kind, &name)?;
        state.corpora.forget(&folder);
        if kind == UploadKind::Run {
            if let Some(review) = review {
                review.delete();
            }
            user_sentences::delete(&folder);
        }
        // It is no longer served. Files that cannot be deleted now are deleted at the next start of the server.
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
