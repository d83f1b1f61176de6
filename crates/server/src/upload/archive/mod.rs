//! Unpacking a sent archive into a folder of its own: nothing gets out of it, nothing grows beyond its limits.

mod kind;
mod unzip;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use crate::http::problem::ApiError;
use kind::Kind;

/// Bytes between two files: headers and long names.
const MOST_BETWEEN_BYTES: u64 = 1 << 20;
/// Of a tar: headers, and files padded to a multiple.
const BLOCK_BYTES: u64 = 512;
/// Zeros that may follow the mark at the end of a tar: programs pad to whole records.
const MOST_BEHIND_BYTES: u64 = 16 << 20;
/// Folders within folders.
const MOST_DEPTH: usize = 8;
/// Bytes of one name.
const MOST_NAME_BYTES: usize = 200;
/// Bytes copied at a time.
const COPY_BYTES: usize = 64 << 10;

/// What an archive may hold.
#[derive(Clone, Copy)]
pub(crate) struct Allowance<'a> {
    /// Bytes in all, unpacked.
    pub(crate) bytes: u64,
    /// Files and folders.
    pub(crate) entries: usize,
    /// Asked for room before each file is written.
    pub(crate) claim: &'a dyn Fn(u64) -> Result<(), ApiError>,
}

/// What was in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// Files written.
    pub(crate) files: usize,
    /// Bytes of them.
    pub(crate) bytes: u64,
    /// Files that were not wanted.
    pub(crate) skipped: usize,
}

/// Unpacks a tar, a tar in gzip, or a zip, into an empty folder: the files whose paths are wanted.
pub(crate) fn unpack(
    sent: impl Read,
    folder: &Path,
    allowance: Allowance<'_>,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Unpacked, ApiError> {
    let mut sent = BufReader::new(sent);
    let mut head = [0; kind::HEAD_BYTES];
    let read = read_head(&mut sent, &mut head).map_err(|error| unreadable(&error))?;
    let head = &head[..read];
    let sent = head.chain(sent);
    match Kind::of(head) {
        Kind::Tar => untar(sent, folder, allowance, wanted),
        Kind::Gzip => untar(MultiGzDecoder::new(sent), folder, allowance, wanted),
        Kind::Zip => unzip::unzip(sent, folder, allowance, wanted),
        Kind::Other(name) => Err(ApiError::bad(format!("this is {name}")).hint(HINT)),
    }
}

/// What an archive may be.
const HINT: &str = "send a .tar, .tar.gz or .zip file, such as tar -czf run.tar.gz -C RUN . makes";

/// Reads the first bytes, fewer only where there are no more.
fn read_head(sent: &mut impl Read, head: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < head.len() {
        match sent.read(&mut head[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

fn untar(
    plain: impl Read,
    folder: &Path,
    allowance: Allowance<'_>,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Unpacked, ApiError> {
    let left = Rc::new(Cell::new(MOST_BETWEEN_BYTES));
    let mut archive = Archive::new(Metered { inner: plain, left: Rc::clone(&left), read: 0 });
    let mut found = Unpacked::default();
    let mut end = 0;
    let mut entries = archive.entries().map_err(|error| unreadable(&error))?;
    for number in 0.. {
        left.set(MOST_BETWEEN_BYTES);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|error| if number == 0 { no_tar(&error) } else { unreadable(&error) })?;
        if number >= allowance.entries {
            return Err(ApiError::too_large(format!("the archive holds more than {} entries", allowance.entries)));
        }
        let size = entry.size();
        if size > allowance.bytes - found.bytes {
            return Err(ApiError::too_large(format!("the archive holds more than {} bytes", allowance.bytes)));
        }
        left.set(size.saturating_add(MOST_BETWEEN_BYTES));
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
fn expect_end_mark<R: Read>(mut rest: Metered<R>, end: u64) -> Result<(), ApiError> {
    // The block that ended the list of files was zeros; where there was none, nothing was read after the last file.
    let mut zeros = rest.read.saturating_sub(end);
    let mut block = vec![0; COPY_BYTES];
    rest.left.set(MOST_BEHIND_BYTES);
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

/// Where a file belongs inside the folder; `None` for folders, which are made with their files.
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

fn refused(inside: &Path, why: &str) -> ApiError {
    ApiError::bad(format!("the archive holds {}: {why}", inside.display()))
}

/// The path of a file where it stays inside the folder and every system takes it; `None` for folders.
fn checked(inside: &Path, is_file: bool) -> Result<Option<PathBuf>, ApiError> {
    let refuse = |why: &str| Err(refused(inside, why));
    let mut path = PathBuf::new();
    for part in inside.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => {
                let Some(name) = name.to_str() else { return refuse("its name is not UTF-8") };
                let is_odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
                if name.len() > MOST_NAME_BYTES || name.chars().any(is_odd) {
                    return refuse("its name is too long or has characters that not every system takes");
                }
                path.push(name);
            }
            _ => return refuse("its path leads out of the folder"),
        }
    }
    if path.components().count() > MOST_DEPTH {
        return refuse("its path is too deep");
    }
    if is_file && path.as_os_str().is_empty() {
        return refuse("it has no name");
    }
    Ok(is_file.then_some(path))
}

fn write(entry: &mut impl Read, target: &Path, size: u64) -> Result<(), ApiError> {
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent).map_err(|error| unwritable(&error))?;
    }
    let mut file = match File::create_new(target) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(ApiError::bad("the archive holds a file twice"));
        }
        created => created.map_err(|error| unwritable(&error))?,
    };
    let mut buffer = vec![0; COPY_BYTES];
    let mut copied = 0;
    loop {
        let read = entry.read(&mut buffer).map_err(|error| unreadable(&error))?;
        if read == 0 {
            break;
        }
        file.write_all(&buffer[..read]).map_err(|error| unwritable(&error))?;
        copied += read as u64;
    }
    if copied != size {
        return Err(ApiError::bad("the archive is cut short"));
    }
    Ok(())
}

fn unreadable(error: &io::Error) -> ApiError {
    ApiError::bad(format!("the archive cannot be read: {error}")).hint(HINT)
}

/// What is wrong with the very first header of a tar.
fn no_tar(error: &io::Error) -> ApiError {
    // These come from the sending, not from what was sent.
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return unreadable(error);
    }
    ApiError::bad(format!("this is no tar, tar.gz or zip archive: {error}")).hint(HINT)
}

/// What goes wrong on our side of an unpacking.
pub(crate) fn unwritable(error: &io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ApiError::full(),
        // A file where a folder should be, or the other way round.
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
            ApiError::bad("the archive holds a file and a folder of one name")
        }
        _ => ApiError::internal(format!("cannot write an upload: {error}")),
    }
}

/// A reader that gives no more bytes than it is allowed until the next allowance: headers that never end are an error.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
    /// Bytes so far.
    read: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its headers are too long"));
        }
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - read as u64);
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
