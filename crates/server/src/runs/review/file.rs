//! The file of verdicts: read, locked, replaced.

use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::http::problem::ApiError;
use crate::runs::review::record::ReviewRecord;

/// The format that is written, and the newest that is read.
const VERSION: u32 = 1;
/// A million verdicts.
const MAX_BYTES: u64 = 256 << 20;
/// How long to wait for another writer.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The file, which is written line by line.
#[derive(Deserialize)]
struct Content {
    verdicts: Vec<ReviewRecord>,
}

/// What is read first: a newer file may differ in all else.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

pub(super) fn read_records(path: &Path, name: &str) -> Result<Vec<ReviewRecord>, ApiError> {
    let damaged = |what: String| {
        ApiError::unusable(format!("{name} beside the run cannot be read: {what}"))
            .hint("mend it, or move it away: verdicts then begin anew")
    };
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Ok(metadata) if metadata.len() > MAX_BYTES => {
            return Err(damaged(format!("it has {} bytes; at most {MAX_BYTES} are read", metadata.len())));
        }
        _ => {}
    }
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        // Deleted meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(name, &error)),
    };
    let parsed = |error: serde_json::Error| damaged(error.to_string());
    let Version { version } = serde_json::from_slice(&bytes).map_err(parsed)?;
    if version > VERSION {
        return Err(ApiError::unusable(format!(
            "{name} beside the run has format {version}; this deepViz reads up to {VERSION}"
        ))
        .hint("serve the run with a newer deepViz"));
    }
    let Content { mut verdicts } = serde_json::from_slice(&bytes).map_err(parsed)?;
    // Merged by hand, it may be in any order; of two verdicts on an image the later one counts.
    verdicts.sort_by(|a, b| (&a.corpus, a.image, a.at_s).cmp(&(&b.corpus, b.image, b.at_s)));
    verdicts.dedup_by(|later, kept| {
        let is_same = later.corpus == kept.corpus && later.image == kept.image;
        if is_same {
            std::mem::swap(later, kept);
        }
        is_same
    });
    Ok(verdicts)
}

/// Replaces the file.
pub(super) fn write_records(path: &Path, name: &str, records: &[ReviewRecord]) -> Result<(), ApiError> {
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = BufWriter::new(tempfile::Builder::new().prefix(".review-").tempfile_in(folder)?);
        write!(file, "{{\"format\": \"deepviz review\", \"version\": {VERSION}, \"verdicts\": [")?;
        for (index, record) in records.iter().enumerate() {
            file.write_all(if index == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut file, record)?;
        }
        file.write_all(b"\n]}\n")?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        set_readable(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        // The rename lasts once the folder is synced; not every system can open one.
        if let Ok(folder) = File::open(folder) {
            folder.sync_all().ok();
        }
        Ok(())
    };
    write().map_err(|error| failed(name, &error))
}

/// Temporary files are private; what they become is not.
#[cfg(unix)]
fn set_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// The right to change the file; released when dropped. A file of its own, since that with the verdicts is replaced.
pub(super) struct FileLock(#[expect(dead_code, reason = "open as long as the lock is held")] File);

impl FileLock {
    pub(super) fn acquire(path: &Path, name: &str) -> Result<Self, ApiError> {
        let file = File::options().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(|error| failed(name, &error))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(error)) => return Err(failed(name, &error)),
                Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_TIMEOUT => sleep(Duration::from_millis(5)),
                Err(TryLockError::WouldBlock) => {
                    return Err(ApiError::busy(format!("another process has held {name} for some seconds")));
                }
            }
        }
    }
}

/// Why the file could not be read or written.
pub(super) fn failed(name: &str, error: &io::Error) -> ApiError {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            let what = match error.kind() {
                ErrorKind::PermissionDenied => {
                    format!("the server may not use {name} in the folder that holds the run")
                }
                _ => format!("{name} belongs into the folder that holds the run, which is read-only"),
            };
            ApiError::forbidden(format!("verdicts cannot be kept: {what}"))
                .hint("let the server's user write that folder, or serve a copy of the run")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ApiError::full(),
        _ if deepviz_net::is_out_of_files(error) => ApiError::out_of_files(),
        _ => ApiError::internal(format!("{name}: {error}")),
    }
}
