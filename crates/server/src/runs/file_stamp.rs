//! Files that are read again only where they have changed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Two changes within the resolution of a file system's clock look like one; a stamp younger than this when
/// it was read is not trusted.
const YOUNG: Duration = Duration::from_millis(100);

/// When a file or folder was last changed, its size, and which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    modified: SystemTime,
    pub(crate) bytes: u64,
    /// The inode; 0 on systems without.
    pub(crate) file: u64,
}

/// The content of a file, and the file's stamp.
pub(crate) struct FileCache<T> {
    stamp: Option<FileStamp>,
    pub(crate) value: Option<Arc<T>>,
}

impl<T> FileCache<T> {
    pub(crate) const EMPTY: Self = Self { stamp: None, value: None };

    pub(crate) fn if_unchanged(&self, stamp: Option<FileStamp>) -> Option<Arc<T>> {
        self.value.clone().filter(|_| stamp.is_some() && stamp == self.stamp)
    }

    pub(crate) fn keep(&mut self, stamp: Option<FileStamp>, value: &Arc<T>) {
        self.stamp = stamp.filter(|stamp| stamp.modified.elapsed().is_ok_and(|age| age > YOUNG));
        self.value = Some(Arc::clone(value));
    }
}

impl FileStamp {
    /// The stamp of a file or folder; `None` where there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let data = std::fs::metadata(path).ok()?;
        Some(Self { modified: data.modified().ok()?, bytes: data.len(), file: file_number(&data) })
    }
}

#[cfg(unix)]
fn file_number(data: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(data)
}

#[cfg(not(unix))]
fn file_number(_: &std::fs::Metadata) -> u64 {
    0
}
