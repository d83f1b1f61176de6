//! The cache folder: decoded corpora by content, and what is known of each folder that was opened.
//!
//! ```text
//! <cache>/corpora/<identity>             the pixels of all images, one after the other, in the order of ids
//! <cache>/corpora/sources/<key>          one file per opened folder: its fingerprint, labels, names, `Account`
//! ```
//!
//! Everything can be deleted at any time and is made again.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::Pixels;
use crate::{Error, contents::Contents};

/// Temporary files older than this belong to a process that was killed.
const LEFTOVER_AGE: Duration = Duration::from_hours(24);
const TEMPORARY: &str = ".writing";

/// The system's error, without the name of the temporary file that follows it.
pub(crate) fn without_path(error: &io::Error) -> io::Error {
    io::Error::from(error.kind())
}

/// The part of the cache that holds corpora.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// A corpus as the cache keeps it.
pub(crate) struct Kept {
    pub(crate) contents: Contents,
    pub(crate) pixels: Pixels,
}

impl Cache {
    /// In a cache folder, which is made where it is missing.
    pub(crate) fn new(cache: &Path) -> Result<Self, Error> {
        let folder = cache.join("corpora");
        let sources = folder.join("sources");
        fs::create_dir_all(&sources).map_err(Error::cache_write(&sources))?;
        Ok(Self { folder })
    }

    /// The folder of the pixels.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn source(&self, key: &str) -> PathBuf {
        self.folder.join("sources").join(key)
    }

    fn pixels(&self, identity: &str) -> PathBuf {
        self.folder.join(identity)
    }

    /// Reads the entry of a key, where the folder still has that fingerprint. Damaged files count as absent.
    pub(crate) fn find(&self, key: &str, fingerprint: &str) -> Option<Kept> {
        let (found, contents) = Contents::read(&self.source(key)).ok()?;
        if found != fingerprint {
            return None;
        }
        let pixels = Pixels::map(&self.pixels(&contents.identity), contents.sizes.clone()).ok()?;
        Some(Kept { contents, pixels })
    }

    /// A new file for pixels, to be read and written.
    pub(crate) fn temporary(&self) -> Result<tempfile::NamedTempFile, Error> {
        self.remove_leftovers();
        tempfile::Builder::new()
            .prefix("pixels-")
            .suffix(TEMPORARY)
            .tempfile_in(&self.folder)
            .map_err(|error| without_path(&error))
            .map_err(Error::cache_write(&self.folder))
    }

    /// Gives complete pixels their name and keeps what is known of the folder; the pixels, mapped.
    pub(crate) fn keep(
        &self,
        key: &str,
        fingerprint: &str,
        contents: &Contents,
        file: tempfile::NamedTempFile,
    ) -> Result<Pixels, Error> {
        let path = self.pixels(&contents.identity);
        let before = Contents::read(&self.source(key)).ok().map(|(_, contents)| contents.identity);
        // The same pixels may be there already, of a copy of the folder.
        if Pixels::map(&path, contents.sizes.clone()).is_err() {
            file.persist(&path).map_err(|error| Error::cache_write(&path)(error.error))?;
        }
        let mut source = self.temporary()?;
        let target = self.source(key);
        let failed = |error| Error::cache_write(&target)(error);
        source.write_all(&contents.to_bytes(fingerprint)?).map_err(failed)?;
        source.as_file().sync_all().map_err(failed)?;
        source.persist(&target).map_err(|error| failed(error.error))?;
        if let Some(before) = before.filter(|before| *before != contents.identity) {
            self.forget(&before);
        }
        Pixels::map(&path, contents.sizes.clone())
    }

    /// Removes what is kept under a key, where something is.
    pub(crate) fn remove(&self, key: &str) {
        let Ok((_, contents)) = Contents::read(&self.source(key)) else { return };
        // Of no consequence where it fails: it is found again or stays unused.
        let _ = fs::remove_file(self.source(key));
        self.forget(&contents.identity);
    }

    /// Removes pixels that no folder refers to any more. Those who have them mapped keep them.
    fn forget(&self, identity: &str) {
        let Ok(entries) = fs::read_dir(self.folder.join("sources")) else { return };
        let is_used = entries
            .flatten()
            .any(|entry| Contents::read(&entry.path()).is_ok_and(|(_, contents)| contents.identity == identity));
        if !is_used {
            // Of no consequence where it fails: the file is found again or stays unused.
            let _ = fs::remove_file(self.pixels(identity));
        }
    }

    fn remove_leftovers(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let is_temporary = entry.file_name().to_string_lossy().ends_with(TEMPORARY);
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let is_old =
                modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > LEFTOVER_AGE));
            if is_temporary && is_old {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
