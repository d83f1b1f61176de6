//! Verdicts on labels, kept in a file beside the run: `RUN.review.json` next to the folder `RUN`, which itself is not
//! touched.
//!
//! The file holds a line for each image, sorted, so that it can be compared and merged as text. An image is named by the
//! identity of its corpus and its id. Writers of any process take a lock (`.RUN.review.lock`), read what there is, and
//! replace the file by a rename: none loses what another has written, and a reader sees the file before or after.

mod file;
mod record;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::http::problem::ApiError;
use file::{FileLock, read_records, write_records};
pub(crate) use record::{ReviewRecord, Verdict};

/// The file is named after the run, with this suffix.
const SUFFIX: &str = ".review.json";

/// The file with the verdicts on the labels of one run.
pub(crate) struct LabelReviewFile {
    path: PathBuf,
    lock: PathBuf,
}

impl LabelReviewFile {
    /// The file beside a run folder; it need not exist.
    ///
    /// # Errors
    /// 422 where the folder has no parent.
    pub(crate) fn beside(run: &Path) -> Result<Self, ApiError> {
        // `.` and links have another name than the folder they lead to.
        let folder = run.canonicalize().unwrap_or_else(|_| run.to_owned());
        let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
            return Err(ApiError::unusable("the run is the root of its file system: there is no place beside it")
                .hint("serve a folder that holds the run folder"));
        };
        let named = |before: &str, after: &str| {
            let mut whole = OsString::from(before);
            whole.push(name);
            whole.push(after);
            parent.join(whole)
        };
        Ok(Self { path: named("", SUFFIX), lock: named(".", ".review.lock") })
    }

    /// The name of the file, without its folder.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Every verdict, by corpus and image; none where there is no file.
    ///
    /// # Errors
    /// 422 where the file cannot be understood.
    pub(crate) fn read(&self) -> Result<Vec<ReviewRecord>, ApiError> {
        read_records(&self.path, &self.name())
    }

    /// Sets the verdict on an image.
    ///
    /// # Errors
    /// 403 where the folder cannot be written, 422 where the file is there and cannot be understood, 503 where another
    /// process holds the lock.
    pub(crate) fn set(&self, record: ReviewRecord) -> Result<(), ApiError> {
        self.change(|records| {
            match search(records, &record.corpus, record.image) {
                Ok(at) => records[at] = record,
                Err(at) => records.insert(at, record),
            }
            true
        })
    }

    /// Withdraws the verdict on an image, if there is one.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub(crate) fn withdraw(&self, corpus: &str, image: u32) -> Result<(), ApiError> {
        if search(&self.read()?, corpus, image).is_err() {
            return Ok(());
        }
        self.change(|records| search(records, corpus, image).map(|at| records.remove(at)).is_ok())
    }

    /// Changes the file where `work` says that it did.
    fn change(&self, work: impl FnOnce(&mut Vec<ReviewRecord>) -> bool) -> Result<(), ApiError> {
        let _lock = FileLock::acquire(&self.lock, &self.name())?;
        let mut records = self.read()?;
        if work(&mut records) {
            write_records(&self.path, &self.name(), &records)?;
        }
        Ok(())
    }

    /// Deletes the file, with a run that is deleted.
    pub(crate) fn delete(&self) {
        for path in [&self.path, &self.lock] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!("cannot delete {}: {error}", path.display());
                }
                _ => {}
            }
        }
    }
}

/// Where the verdict on an image is, or would be.
fn search(records: &[ReviewRecord], corpus: &str, image: u32) -> Result<usize, usize> {
    records.binary_search_by(|record| record.corpus.as_str().cmp(corpus).then(record.image.cmp(&image)))
}
