//! The parts that all kinds of archives share: limits, checks of paths, and writing a file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use crate::http::problem::ApiError;

/// Folders within folders.
const MAX_DEPTH: usize = 8;
/// Bytes of one name.
const MAX_NAME_BYTES: usize = 200;
/// Bytes copied at a time.
pub(super) const COPY_BYTES: usize = 64 << 10;

/// The hint for an archive that cannot be read.
pub(super) const HINT: &str = "send a .tar, .tar.gz or .zip file, such as tar -czf run.tar.gz -C RUN . makes";

/// The limits on an archive.
#[derive(Clone, Copy)]
pub(crate) struct ArchiveLimits<'a> {
    /// Bytes in all, unpacked.
    pub(crate) bytes: u64,
    /// Files and folders.
    pub(crate) entries: usize,
    /// Reserves the space of each file before it is written.
    pub(crate) claim: &'a dyn Fn(u64) -> Result<(), ApiError>,
}

/// The contents of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// Files written.
    pub(crate) files: usize,
    /// Bytes of them.
    pub(crate) bytes: u64,
    /// Files that were not wanted.
    pub(crate) skipped: usize,
}

pub(super) fn refused(inside: &Path, why: &str) -> ApiError {
    ApiError::bad(format!("the archive holds {}: {why}", inside.display()))
}

/// The path of a file where it stays inside the folder and every system takes it; `None` for folders.
pub(super) fn checked(inside: &Path, is_file: bool) -> Result<Option<PathBuf>, ApiError> {
    let refuse = |why: &str| Err(refused(inside, why));
    let mut path = PathBuf::new();
    for part in inside.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => {
                let Some(name) = name.to_str() else { return refuse("its name is not UTF-8") };
                let is_odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
                if name.len() > MAX_NAME_BYTES || name.chars().any(is_odd) {
                    return refuse("its name is too long or has characters that not every system takes");
                }
                path.push(name);
            }
            _ => return refuse("its path leads out of the folder"),
        }
    }
    if path.components().count() > MAX_DEPTH {
        return refuse("its path is too deep");
    }
    if is_file && path.as_os_str().is_empty() {
        return refuse("it has no name");
    }
    Ok(is_file.then_some(path))
}

pub(super) fn write(entry: &mut impl Read, target: &Path, size: u64) -> Result<(), ApiError> {
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

pub(super) fn unreadable(error: &io::Error) -> ApiError {
    ApiError::bad(format!("the archive cannot be read: {error}")).hint(HINT)
}

/// The problem for an error of writing while unpacking.
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
