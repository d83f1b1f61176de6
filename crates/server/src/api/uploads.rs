//! Runs and corpora that are sent as archives: unpacked aside, checked, and only then put where they are seen.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use deepviz_corpus::Corpus;
use deepviz_net::Run;
use deepviz_stats::State as UnitStage;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use crate::app::{App, Shared};
use crate::archive::{Allowance, Unpacked, unpack, unwritable};
use crate::extract::Segments;
use crate::problem::{ApiError, Problem};
use crate::reply::json;
use crate::sending::{self, Pieces};

/// Where corpora lie in the folder that takes uploads.
pub(crate) const CORPORA: &str = "corpora";
/// What an archive may hold.
const ROOM: Allowance = Allowance { bytes: 16 << 30, entries: 1_000_000 };
/// What is said to one who sends it otherwise.
pub(crate) const HOW_TO_SEND: &str =
    "send the archive itself with PUT: curl -T run.tar.gz ADDRESS; .tar, .tar.gz and .zip are understood";
/// Bytes of a name.
const MOST_NAME_BYTES: usize = 64;

/// The name of an upload in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct NamePath {
    /// What it is to be called: letters, digits, `-`, `_` and `.`, 64 at most.
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
    put, path = "/api/uploads/runs/{name}", tag = "uploads", params(NamePath),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "a .tar, .tar.gz or .zip"),
    responses(
        (status = 201, description = "it is there", body = UploadedRun),
        (status = 400, description = "the archive or its name cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "uploads are not allowed here", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "there is one of that name", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "the archive is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "what is in the archive cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "the disk is full", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put_run(
    State(app): State<Shared>,
    Segments(NamePath { name }): Segments<NamePath>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let root = app.upload_folder()?;
    let place = Place::new(&root, &root, &name)?;
    let id = name.clone();
    let kind = Kind { wanted: belongs_to_run, is_here: |folder| folder.join("run.toml").exists(), check: check_run };
    let taken = receive(&app, request, place, kind).await?;
    app.runs.scan();
    app.hub.wake.notify_one();
    let ((checkpoints, statistics), skipped) = taken;
    created(&headers, &UploadedRun { id, checkpoints, skipped, statistics })
}

/// A corpus as a .tar, .tar.gz or .zip, as the body or as the one file of a form, in any layout that `deepviz corpus info`
/// reads.
#[utoipa::path(
    put, path = "/api/uploads/corpora/{name}", tag = "uploads", params(NamePath),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "a .tar, .tar.gz or .zip"),
    responses(
        (status = 201, description = "it is there", body = UploadedCorpus),
        (status = 400, description = "the archive or its name cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "uploads are not allowed here", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "there is one of that name", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "the archive is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "what is in the archive cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "the disk is full", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put_corpus(
    State(app): State<Shared>,
    Segments(NamePath { name }): Segments<NamePath>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let root = app.upload_folder()?;
    let place = Place::new(&root, &root.join(CORPORA), &name)?;
    let target = place.target.clone();
    let visible = |path: &Path| !path.iter().any(|part| part.to_string_lossy().starts_with('.'));
    let kind = Kind { wanted: visible, is_here: deepviz_corpus::is_corpus, check: check_corpus };
    let (corpus, _) = receive(&app, request, place, kind).await?;
    let id = app.corpora.register(&target);
    created(&headers, &UploadedCorpus { id, ..corpus })
}

fn created<T: Serialize>(headers: &HeaderMap, value: &T) -> Result<Response, ApiError> {
    let mut response = json(headers, value)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response.into_response())
}

/// Where an upload is unpacked and where it ends.
struct Place {
    aside: tempfile::TempDir,
    target: PathBuf,
}

impl Place {
    fn new(root: &Path, parent: &Path, name: &str) -> Result<Self, ApiError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=MOST_NAME_BYTES).contains(&name.len()) || name.starts_with('.') || !name.bytes().all(is_plain) {
            return Err(ApiError::bad(format!("`{name}` is no name for an upload"))
                .hint("letters, digits, -, _ and ., not at the start; 64 at most"));
        }
        let target = parent.join(name);
        if target.exists() || name == CORPORA {
            return Err(ApiError::exists(format!("{name} is there already")));
        }
        std::fs::create_dir_all(parent).map_err(|error| unwritable(&error))?;
        let aside = tempfile::Builder::new().prefix(".upload-").tempdir_in(root).map_err(|error| unwritable(&error))?;
        Ok(Self { aside, target })
    }
}

/// What is sent.
struct Kind<T> {
    /// Which files belong to it.
    wanted: fn(&Path) -> bool,
    /// Whether it is in this very folder, rather than in one inside.
    is_here: fn(&Path) -> bool,
    check: fn(&Path) -> Result<T, ApiError>,
}

/// Unpacks a body, has its folder checked, and moves it to its place. Gives what the check found and what was skipped.
async fn receive<T: Send + 'static>(
    app: &App,
    request: Request,
    place: Place,
    kind: Kind<T>,
) -> Result<(T, usize), ApiError> {
    let _turn = app.work.archive().await?;
    let (sender, receiver) = mpsc::channel(8);
    let unpacking = tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces::new(receiver);
        let found = unpack(&mut pieces, place.aside.path(), ROOM, kind.wanted)?;
        pieces.expect_end()?;
        finish(&place, found, &kind)
    });
    sending::feed(request, sender).await?;
    unpacking.await.map_err(|panic| ApiError::internal(format!("unpacking failed: {panic}")))?
}

fn finish<T>(place: &Place, found: Unpacked, kind: &Kind<T>) -> Result<(T, usize), ApiError> {
    if found.files == 0 {
        return Err(ApiError::unusable("the archive holds no file that is wanted here"));
    }
    let folder = folder_of(place.aside.path(), kind.is_here);
    let checked = (kind.check)(&folder)?;
    if place.target.exists() {
        return Err(ApiError::exists("one of that name appeared meanwhile"));
    }
    std::fs::rename(&folder, &place.target).map_err(|error| unwritable(&error))?;
    Ok((checked, found.skipped))
}

/// The folder itself, or the only one in it: archives often hold one folder with everything inside.
fn folder_of(aside: &Path, is_here: fn(&Path) -> bool) -> PathBuf {
    if is_here(aside) {
        return aside.to_owned();
    }
    let mut entries = std::fs::read_dir(aside).into_iter().flatten().flatten().map(|entry| entry.path());
    match (entries.next(), entries.next()) {
        (Some(only), None) if only.is_dir() => only,
        _ => aside.to_owned(),
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

/// Every snapshot must be whole. The corpus is looked for among the uploaded ones only: what somebody else wrote must
/// not name folders of this machine.
///
/// Gives how many checkpoints there are, and how many units of statistics.
fn check_run(folder: &Path) -> Result<(usize, usize), ApiError> {
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
    let mut info = run.info().clone();
    let name = Path::new(&info.corpus.name).file_name().unwrap_or(OsStr::new("corpus"));
    let path = Path::new(CORPORA).join(name);
    info.corpus.path = path;
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

fn check_corpus(folder: &Path) -> Result<UploadedCorpus, ApiError> {
    let corpus = Corpus::open(folder).map_err(|error| {
        // The folder's name says nothing to who sent it.
        ApiError::unusable(error.to_string().replace(&folder.display().to_string(), "the archive"))
    })?;
    Ok(UploadedCorpus {
        id: String::new(),
        identity: corpus.identity().to_owned(),
        images: corpus.len(),
        classes: corpus.classes().len(),
        unreadable: corpus.account().lost(),
    })
}
