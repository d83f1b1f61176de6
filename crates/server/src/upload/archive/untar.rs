//! A tar, as it is or in gzip: its files one after the other, each behind a header.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tar::{Archive, Entry, EntryType};

use super::contents::{ArchiveLimits, COPY_BYTES, HINT, Unpacked, checked, refused, unreadable, write};
use crate::http::problem::ApiError;

/// Bytes of headers between two files, long names included.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Of a tar: headers, and files padded to a multiple.
const BLOCK_BYTES: u64 = 512;
/// Zeros that may follow the mark at the end of a tar: programs pad to whole records.
const MAX_TRAILING_BYTES: u64 = 16 << 20;

/// Unpacks a tar into an empty folder: the files whose paths are wanted.
pub(super) fn untar(
    tar: impl Read,
    folder: &Path,
    allowance: ArchiveLimits<'_>,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Unpacked, ApiError> {
    let left = Rc::new(Cell::new(MAX_HEADER_BYTES));
    let mut archive = Archive::new(LimitedReader { inner: tar, left: Rc::clone(&left), read: 0 });
    let mut found = Unpacked::default();
    let mut end = 0;
    let mut entries = archive.entries().map_err(|error| unreadable(&error))?;
    for number in 0.. {
        left.set(MAX_HEADER_BYTES);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|error| if number == 0 { no_tar(&error) } else { unreadable(&error) })?;
        if number >= allowance.entries {
            return Err(ApiError::too_large(format!("the archive holds more than {} entries", allowance.entries)));
        }
        let size = entry.size();
        if size > allowance.bytes - found.bytes {
            return Err(ApiError::too_large(format!("the archive holds more than {} bytes", allowance.bytes)));
        }
        left.set(size.saturating_add(MAX_HEADER_BYTES));
        end = entry.raw_file_position().saturating_add(size.next_multiple_of(BLOCK_BYTES));
        // What is skipped counts too: it has to be read.
        found.bytes += size;
        let Some(path) = path_of(&entry)? else { continue };
        if !wanted(&path) {
            found.skipped += 1;
            continue;
        }
        (allowance.claim)(size)?;
        write(&mut entry, &folder.join(&path), size)?;
        found.files += 1;
    }
    expect_end_mark(archive.into_inner(), end)?;
    Ok(found)
}

/// Two blocks of zeros end a tar, and nothing but zeros follows: one that was cut between two files has none. Reading
/// to the end also compares the checksum of a gzip.
fn expect_end_mark<R: Read>(mut rest: LimitedReader<R>, end: u64) -> Result<(), ApiError> {
    // The block that ended the list of files was zeros; where there was none, nothing was read after the last file.
    let mut zeros = rest.read.saturating_sub(end);
    let mut block = vec![0; COPY_BYTES];
    rest.left.set(MAX_TRAILING_BYTES);
    loop {
        let read = rest.read(&mut block).map_err(|error| unreadable(&error))?;
        if read == 0 {
            break;
        }
        if block[..read].iter().any(|byte| *byte != 0) {
            return Err(ApiError::bad("something follows the end of the archive").hint(HINT));
        }
        zeros += read as u64;
    }
    if zeros < 2 * BLOCK_BYTES {
        return Err(ApiError::bad("the archive is cut short: the mark at its end is missing").hint(HINT));
    }
    Ok(())
}

/// The path of a file inside the folder; `None` for folders, which are made with their files.
fn path_of<R: Read>(entry: &Entry<'_, R>) -> Result<Option<PathBuf>, ApiError> {
    let inside = entry.path().map_err(|error| unreadable(&error))?.into_owned();
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(None);
    }
    if !matches!(kind, EntryType::Regular | EntryType::Directory) {
        return Err(refused(&inside, "expected files and folders, no links, devices or sparse files"));
    }
    checked(&inside, kind == EntryType::Regular)
}

/// The problem for an error in the very first header of a tar.
fn no_tar(error: &io::Error) -> ApiError {
    // The upload was cut short: this is no fault of the archive.
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return unreadable(error);
    }
    ApiError::bad(format!("this is no tar, tar.gz or zip archive: {error}")).hint(HINT)
}

/// A reader that gives at most `left` bytes, which is set anew for every file: headers that never end are an error.
struct LimitedReader<R> {
    inner: R,
    left: Rc<Cell<u64>>,
    /// Bytes so far.
    read: u64,
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its headers are too long"));
        }
        let max = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..max])?;
        self.left.set(self.left.get() - read as u64);
        self.read += read as u64;
        Ok(read)
    }
}
