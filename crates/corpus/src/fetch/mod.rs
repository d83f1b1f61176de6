//! Fetching CIFAR-10: the official archive (or a copy of it, from a file or another address), checked by size and
//! SHA-256 before anything is unpacked.

mod archive;
mod download;
#[cfg(test)]
mod tests;
mod unpack;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::Error;
use archive::{Archive, OFFICIAL};

/// What a fetch is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bytes arrive.
    Download,
    /// The whole archive is checked against its hash.
    Verify,
    /// Its files are written.
    Unpack,
}

/// How far a stage of a fetch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which stage.
    pub stage: Stage,
    /// Bytes of the archive that are done; a download that is taken up again starts where it stopped.
    pub done_bytes: u64,
    /// Bytes of the whole archive.
    pub total_bytes: u64,
}

/// How many bytes pass between two reports of progress.
const REPORT_BYTES: u64 = 1 << 20;

/// Puts CIFAR-10 into a folder inside `out` and returns that folder; at once, if it is there already.
///
/// Without a source, the binary version comes from its official address. A source is the address (`http://`,
/// `https://`) or the path of a copy of the binary or the Python archive; it is checked against the same size and
/// SHA-256. A download that was interrupted goes on where it stopped.
pub fn fetch_cifar10(out: &Path, source: Option<&str>, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, Error> {
    let archive = source.and_then(archive::named_in).unwrap_or(&OFFICIAL[0]);
    fetch(archive, out, source, progress)
}

fn fetch(
    archive: &Archive<'_>,
    out: &Path,
    source: Option<&str>,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, Error> {
    let folder = out.join(archive.folder);
    if archive.is_unpacked_in(&folder) {
        return Ok(folder);
    }
    std::fs::create_dir_all(out).map_err(Error::io("make the folder", out))?;
    let source = source.unwrap_or(archive.url);
    if source.starts_with("http://") || source.starts_with("https://") {
        let part = download::Part::open(out.join(format!("{}.part", archive.file_name())))?;
        part.complete(archive, source, progress)?;
        if let Err(error) = verify(archive, part.path(), progress) {
            // Nothing in it can be trusted, so the next attempt starts anew.
            part.discard()?;
            return Err(error);
        }
        unpack::unpack(archive, part.path(), out, progress)?;
        part.discard()?;
    } else {
        let path = Path::new(source.strip_prefix("file://").unwrap_or(source));
        verify(archive, path, progress)?;
        unpack::unpack(archive, path, out, progress)?;
    }
    Ok(folder)
}

/// Checks the size and the hash of a whole archive.
fn verify(archive: &Archive<'_>, path: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
    let mut file = File::open(path).map_err(Error::io("open the archive", path))?;
    let found = file.metadata().map_err(Error::io("look at the archive", path))?.len();
    if found != archive.bytes {
        return Err(Error::ArchiveSize { found, expected: archive.bytes, path: path.to_owned() });
    }
    let mut report = Report::new(Stage::Verify, archive.bytes, progress);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer).map_err(Error::io("read the archive", path))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        report.add(count as u64);
    }
    let found = format!("{:x}", hasher.finalize());
    if found != archive.sha256 {
        return Err(Error::ArchiveHash { found, expected: archive.sha256.to_owned(), path: path.to_owned() });
    }
    Ok(())
}

/// Passes progress on, but not for every few bytes.
struct Report<'a> {
    now: Progress,
    reported_bytes: u64,
    to: &'a mut dyn FnMut(Progress),
}

impl<'a> Report<'a> {
    fn new(stage: Stage, total_bytes: u64, to: &'a mut dyn FnMut(Progress)) -> Self {
        Self { now: Progress { stage, done_bytes: 0, total_bytes }, reported_bytes: 0, to }
    }

    fn add(&mut self, bytes: u64) {
        self.set(self.now.done_bytes + bytes);
    }

    fn set(&mut self, done_bytes: u64) {
        self.now.done_bytes = done_bytes.min(self.now.total_bytes);
        let end = self.now.done_bytes == self.now.total_bytes;
        if end || self.now.done_bytes.abs_diff(self.reported_bytes) >= REPORT_BYTES {
            self.reported_bytes = self.now.done_bytes;
            (self.to)(self.now);
        }
    }
}
