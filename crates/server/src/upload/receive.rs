//! Runs and corpora that are sent as archives: unpacked in a staging folder, checked, and only then moved to where they
//! are served.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::Request;
use deepviz_corpus::{Corpus, Limits, OpenOptions};
use deepviz_net::Run;
use deepviz_stats::State;
use tokio::sync::mpsc;

use crate::http::problem::ApiError;
use crate::http::work_pool::WorkPool;
use crate::runs::catalogue::is_run;
use crate::runs::corpus_cache::{NamedFolder, without_paths};
use crate::runs::upload_record::{CORPORA, UploadKind};
use crate::upload::archive::{ArchiveLimits, unpack};
use crate::upload::body_reader::{BodyReader, stream_body};
use crate::upload::folder::{DiskReservation, UploadFolder};

/// The limits on an archive: bytes, unpacked, and files.
const MAX_BYTES: u64 = 16 << 30;
pub(crate) const MAX_ENTRIES: usize = 1_000_000;
/// A run of which every file was read and is intact.
pub(crate) struct CheckedRun {
    pub(crate) checkpoints: usize,
    /// Checkpoints and splits with statistics that are ready.
    pub(crate) statistics: usize,
}

/// A corpus of which every image was decoded.
pub(crate) struct CheckedCorpus {
    pub(crate) identity: String,
    pub(crate) images: usize,
    pub(crate) classes: usize,
    pub(crate) unreadable: usize,
}

/// An upload that was checked and is where it is served.
pub(crate) struct Received<T> {
    pub(crate) checked: T,
    /// Files of the archive that do not belong to it.
    pub(crate) skipped: usize,
}

/// The kind of upload that a body holds, and where it goes.
pub(crate) struct ExpectedUpload<T> {
    kind: UploadKind,
    target: PathBuf,
    /// True for the files that belong to it.
    wanted: fn(&Path) -> bool,
    /// True for a folder that is the run or the corpus itself, rather than one around it.
    is_here: fn(&Path) -> bool,
    check: fn(&Path, &DiskReservation<'_>) -> Result<T, ApiError>,
}

impl ExpectedUpload<CheckedRun> {
    /// A run that goes to `target`.
    pub(crate) fn run(target: PathBuf) -> Self {
        Self { kind: UploadKind::Run, target, wanted: belongs_to_run, is_here: is_run, check: check_run }
    }
}

impl ExpectedUpload<CheckedCorpus> {
    /// A corpus that goes to `target`.
    pub(crate) fn corpus(target: PathBuf) -> Self {
        let is_here = deepviz_corpus::is_corpus;
        Self { kind: UploadKind::Corpus, target, wanted: is_visible, is_here, check: check_corpus }
    }
}

/// Unpacks a body in a staging folder, has that checked, and moves it to its target, where it is served.
///
/// # Errors
/// 400 for what is no archive, 413 for one that is too large, 422 for one whose run or corpus cannot be used.
pub(crate) async fn receive<T: Send + 'static>(
    work: &WorkPool,
    uploads: &Arc<UploadFolder>,
    request: Request,
    expected: ExpectedUpload<T>,
) -> Result<Received<T>, ApiError> {
    let slot = work.archive().await?;
    let (sender, receiver) = mpsc::channel(8);
    let uploads = Arc::clone(uploads);
    let unpacking = tokio::task::spawn_blocking(move || {
        // Held until it is unpacked, even if the sender is gone.
        let _slot = slot;
        let (staging, reservation) = (uploads.staging()?, uploads.reserve());
        let mut reader = BodyReader::new(receiver);
        let limits = ArchiveLimits { bytes: MAX_BYTES, entries: MAX_ENTRIES, claim: &|bytes| reservation.file(bytes) };
        let found = unpack(&mut reader, staging.path(), limits, expected.wanted)?;
        reader.expect_end()?;
        if found.files == 0 {
            return Err(ApiError::unusable("the archive holds no file that is wanted here"));
        }
        let folder = folder_of(staging.path(), expected.is_here);
        let checked = (expected.check)(&folder, &reservation)?;
        uploads.publish(expected.kind, &folder, &expected.target, &reservation)?;
        Ok(Received { checked, skipped: found.skipped })
    });
    stream_body(request, sender).await?;
    unpacking.await.map_err(|panic| ApiError::internal(format!("unpacking failed: {panic}")))?
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

/// The network's outputs as `PyTorch` computed them (`[check]` in run.toml), with which deepViz's are compared.
const CHECK_FILE: &str = "check.safetensors";

/// The log of the statistics' database holds what was written last, where the archive was made while `deepviz stats` ran.
/// The graph of a network that Python computes is not taken: no server loads what strangers send.
const RUN_FILES: [&str; 5] =
    ["run.toml", "metrics.jsonl", CHECK_FILE, deepviz_stats::FILE_NAME, deepviz_stats::LOG_FILE_NAME];

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

/// Reads a run of which every snapshot must be whole.
fn check_run(folder: &Path, _: &DiskReservation<'_>) -> Result<CheckedRun, ApiError> {
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
    // The server does not read the path of an uploaded run (`runs::upload_record::corpus_of_upload`); it is written for
    // people who open the file.
    let mut info = run.info().clone();
    info.corpus.path = Path::new(CORPORA).join(info.corpus.path.file_name().unwrap_or(info.corpus.name.as_ref()));
    info.write(folder)?;
    Ok(CheckedRun { checkpoints: checkpoints.len(), statistics })
}

/// The number of statistics that are ready. A copy that was made while they were written may be torn.
fn statistics_in(folder: &Path) -> Result<usize, ApiError> {
    let Some(store) = deepviz_stats::Store::open_read_only(folder)? else { return Ok(0) };
    store.check().map_err(|error| {
        ApiError::from(error).hint(
            "an archive that is made while `deepviz stats` writes may hold half of it: make it again, or leave \
             stats.sqlite and what begins with it out",
        )
    })?;
    Ok(store.units()?.iter().filter(|unit| unit.state == State::Ready).count())
}

/// Decodes every image once. A few kilobytes may stand for gigabytes: decoded images count towards the space for
/// uploads, too.
fn check_corpus(folder: &Path, reservation: &DiskReservation<'_>) -> Result<CheckedCorpus, ApiError> {
    let cache = reservation.staging()?;
    let limits = Limits { decoded_bytes: reservation.left_bytes(), images: MAX_ENTRIES };
    let options = OpenOptions { cache: Some(cache.path().to_owned()), limits, ..OpenOptions::default() };
    let corpus = Corpus::open_with(folder, &options).map_err(|error| unusable(&error, &options, folder))?;
    reservation.file(corpus.decoded_bytes())?;
    Ok(CheckedCorpus {
        identity: corpus.identity().to_owned(),
        images: corpus.len(),
        classes: corpus.classes().len(),
        unreadable: corpus.account().lost(),
    })
}

fn unusable(error: &deepviz_corpus::Error, options: &OpenOptions, folder: &Path) -> ApiError {
    match error {
        deepviz_corpus::Error::TooLarge { found, max, .. } => ApiError::too_large(format!(
            "the corpus is too large: its images have {found} bytes or more when decoded, and there is room for {max}"
        ))
        .hint("decoded images count as uploads, too: GET /api/uploads tells the room, DELETE makes some"),
        deepviz_corpus::Error::TooMany { what, found, max, .. } => {
            ApiError::too_large(format!("the corpus is too large: {found} {what} or more, at most {max}"))
        }
        other => ApiError::unusable(without_paths(other, options, NamedFolder { path: folder, name: "the archive" })),
    }
}
