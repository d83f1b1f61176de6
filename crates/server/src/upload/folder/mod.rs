//! The folder of uploads: those in flight are in a staging folder, and those that are complete have a record.
//!
//! ```text
//! <folder>/.uploads/lock           held by the server that takes uploads into the folder
//! <folder>/.uploads/<random>/      what is being unpacked or deleted; removed when a server starts
//! <folder>/<run>/.upload.json      that a run came from outside
//! <folder>/corpora/<corpus>/.upload.json
//! ```

mod name;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::ApiError;
use crate::runs::upload_record::{CORPORA, RECORD, UploadKind, UploadRecord, record_in};
use crate::upload::archive::unwritable;

/// The folder of uploads in flight, and of those that are being deleted.
const STAGING: &str = ".uploads";
/// Prefix of the temporary folders of older versions, which unpacked beside the runs.
const OLD_STAGING: &str = ".upload-";
/// Disks allocate blocks: a file without content takes space too.
const BLOCK_BYTES: u64 = 4096;

/// The folder that takes uploads.
pub(crate) struct UploadFolder {
    root: PathBuf,
    /// Limit for all uploads together.
    max_bytes: u64,
    /// Bytes of the uploads that are complete, and of those in flight.
    used_bytes: AtomicU64,
    /// Held while an upload is published, so that two of one name cannot replace each other.
    publishing: Mutex<()>,
    _lock: File,
}

/// An existing upload.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Upload {
    pub(crate) kind: UploadKind,
    pub(crate) name: String,
    /// Bytes on the disk: unpacked, and of a corpus its decoded images.
    pub(crate) bytes: u64,
    /// When it was complete, in seconds since 1970.
    pub(crate) received_s: u64,
}

/// Reserved disk space of an upload in progress; released unless the upload is published.
pub(crate) struct DiskReservation<'a> {
    uploads: &'a UploadFolder,
    bytes: AtomicU64,
}

impl UploadFolder {
    /// Opens a folder for uploads: removes temporary files of an earlier server, and measures the existing uploads.
    ///
    /// # Errors
    /// An error where the folder cannot be written, or another server takes uploads into it.
    pub(crate) fn new(root: &Path, max_bytes: u64) -> io::Result<Self> {
        let staging = root.join(STAGING);
        fs::create_dir_all(&staging)?;
        let lock = File::create(staging.join("lock"))?;
        lock.try_lock().map_err(|_| {
            io::Error::new(io::ErrorKind::ResourceBusy, "another server takes uploads into this folder")
        })?;
        let is_old = |path: &PathBuf| name_of(path).starts_with(OLD_STAGING);
        let old = folders_in(root).into_iter().filter(is_old);
        for path in folders_in(&staging).into_iter().chain(old) {
            remove(&path);
        }
        let uploads = Self {
            root: root.to_owned(),
            max_bytes,
            used_bytes: AtomicU64::new(0),
            publishing: Mutex::default(),
            _lock: lock,
        };
        let bytes = uploads.list().iter().map(|upload| upload.bytes).fold(0, u64::saturating_add);
        uploads.used_bytes.store(bytes, Ordering::Relaxed);
        Ok(uploads)
    }

    /// The folders of uploaded corpora.
    pub(crate) fn corpora(&self) -> Vec<PathBuf> {
        folders_in(&self.root.join(CORPORA))
    }

    /// Every upload, runs first, by name.
    pub(crate) fn list(&self) -> Vec<Upload> {
        [UploadKind::Run, UploadKind::Corpus].into_iter().flat_map(|kind| self.list_of(kind)).collect()
    }

    fn list_of(&self, kind: UploadKind) -> Vec<Upload> {
        let folders = folders_in(&self.parent(kind)).into_iter();
        let uploads = folders.filter_map(|folder| {
            let record = record_in(&folder).filter(|record| record.kind == kind)?;
            Some(Upload { kind, name: name_of(&folder), bytes: record.bytes, received_s: record.received_s })
        });
        uploads.collect()
    }

    /// Bytes used by all uploads, and their limit.
    pub(crate) fn usage(&self) -> (u64, u64) {
        (self.used_bytes.load(Ordering::Relaxed), self.max_bytes)
    }

    /// An empty reservation for an upload.
    pub(crate) fn reserve(&self) -> DiskReservation<'_> {
        DiskReservation { uploads: self, bytes: AtomicU64::new(0) }
    }

    /// A new temporary folder, which is not served.
    pub(crate) fn staging(&self) -> Result<tempfile::TempDir, ApiError> {
        tempfile::tempdir_in(self.root.join(STAGING)).map_err(|error| unwritable(&error))
    }

    fn parent(&self, kind: UploadKind) -> PathBuf {
        match kind {
            UploadKind::Run => self.root.clone(),
            UploadKind::Corpus => self.root.join(CORPORA),
        }
    }

    /// The folder of an upload of this name, whether it exists or not.
    ///
    /// # Errors
    /// 400 for an invalid name.
    pub(crate) fn folder_of(&self, kind: UploadKind, name: &str) -> Result<PathBuf, ApiError> {
        Ok(self.parent(kind).join(name::checked(name)?))
    }

    /// The path for a new upload of this name.
    ///
    /// # Errors
    /// 400 for an invalid name, 409 if an upload of this name exists.
    pub(crate) fn path_for_new(&self, kind: UploadKind, name: &str) -> Result<PathBuf, ApiError> {
        let target = self.folder_of(kind, name)?;
        if target.symlink_metadata().is_ok() {
            return Err(ApiError::exists(format!("{name} exists already")));
        }
        Ok(target)
    }

    /// Moves a checked folder to where it is served, with its record.
    pub(crate) fn publish(
        &self,
        kind: UploadKind,
        folder: &Path,
        target: &Path,
        reservation: &DiskReservation<'_>,
    ) -> Result<(), ApiError> {
        let received_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let record = UploadRecord { format: 1, kind, bytes: reservation.bytes.load(Ordering::Relaxed), received_s };
        let text = serde_json::to_vec(&record).map_err(|error| ApiError::internal(error.to_string()))?;
        fs::write(folder.join(RECORD), text).map_err(|error| unwritable(&error))?;
        sync(folder).map_err(|error| unwritable(&error))?;
        let _alone = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        if target.symlink_metadata().is_ok() {
            return Err(ApiError::exists("an upload of that name was published meanwhile"));
        }
        fs::create_dir_all(self.parent(kind)).map_err(|error| unwritable(&error))?;
        fs::rename(folder, target).map_err(|error| unwritable(&error))?;
        // The published upload keeps its disk space.
        reservation.bytes.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Moves an upload out of the served folder; returns the folder it had, and the temporary folder to delete.
    ///
    /// # Errors
    /// 404 where nothing of that name was uploaded.
    pub(crate) fn unpublish(&self, kind: UploadKind, name: &str) -> Result<(PathBuf, tempfile::TempDir), ApiError> {
        let folder = self.folder_of(kind, name)?;
        let Some(record) = record_in(&folder).filter(|record| record.kind == kind) else {
            let what = if kind == UploadKind::Run { "run" } else { "corpus" };
            return Err(ApiError::not_found(format!("no uploaded {what} `{name}`"))
                .hint("GET /api/uploads lists them; what was put into the folder by hand is deleted by hand"));
        };
        let staging = self.staging()?;
        fs::rename(&folder, staging.path().join("deleted")).map_err(|error| unwritable(&error))?;
        self.give_back(record.bytes);
        Ok((folder, staging))
    }

    fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // Never an error: the closure always gives a value.
        let _ = self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl DiskReservation<'_> {
    /// A new temporary folder, which is not served.
    pub(crate) fn staging(&self) -> Result<tempfile::TempDir, ApiError> {
        self.uploads.staging()
    }

    /// Bytes that uploads may still use.
    pub(crate) fn left_bytes(&self) -> u64 {
        let (used, max) = self.uploads.usage();
        max.saturating_sub(used)
    }

    /// Reserves the space of one more file.
    ///
    /// # Errors
    /// 413 if all uploads together would exceed their limit.
    pub(crate) fn file(&self, bytes: u64) -> Result<(), ApiError> {
        let blocks = bytes.max(1).checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX);
        let max = self.uploads.max_bytes;
        let more = |used: u64| used.checked_add(blocks).filter(|used| *used <= max);
        self.uploads.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map_err(|_| {
            ApiError::too_large(format!("all uploads together may take {max} bytes, and this one does not fit"))
                .hint("GET /api/uploads lists them, DELETE makes room")
        })?;
        self.bytes.fetch_add(blocks, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for DiskReservation<'_> {
    fn drop(&mut self) {
        self.uploads.give_back(self.bytes.load(Ordering::Relaxed));
    }
}

/// The folders in a folder, by name; links are none.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut folders: Vec<_> = entries.filter(is_folder).map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn remove(path: &Path) {
    match fs::remove_dir_all(path) {
        Ok(()) => tracing::info!("removed {}, left by an upload that was cut off", name_of(path)),
        Err(error) => tracing::warn!("cannot remove {}, left by an upload that was cut off: {error}", name_of(path)),
    }
}

/// Brings everything that was written to the disk, at once: file by file it would take minutes where there are many.
#[cfg(target_os = "linux")]
fn sync(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

#[cfg(not(target_os = "linux"))]
fn sync(folder: &Path) -> io::Result<()> {
    let entries = fs::read_dir(folder)?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    Ok(())
}
