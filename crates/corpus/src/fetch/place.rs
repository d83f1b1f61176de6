//! The folders of a fetch: the one that it works in, and the one that appears when all is done.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::{
    Description, Error, SourceFile,
    known::{RECORD, Record},
};

const LOCK: &str = "lock";
const DATA: &str = "data";
const PART: &str = ".part";

/// `<folder>.part` beside the corpus's folder: downloads and what is being unpacked. Locked, so that two fetches
/// cannot write one file.
pub(crate) struct Staging {
    path: PathBuf,
    /// Holds the lock until it is closed.
    _lock: File,
}

impl Staging {
    pub(crate) fn open(out: &Path, description: &Description) -> Result<Self, Error> {
        let path = out.join(format!("{}{PART}", description.folder));
        fs::create_dir_all(&path).map_err(Error::io("make the folder", &path))?;
        let file = path.join(LOCK);
        let lock = File::options().create(true).append(true).open(&file).map_err(Error::io("make", &file))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { path: file }),
            Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock", source, path: file }),
        }
    }

    /// Destination of a download.
    pub(crate) fn part(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}{PART}"))
    }

    /// An empty folder for what is unpacked.
    pub(crate) fn new_data(&self) -> Result<PathBuf, Error> {
        let data = self.path.join(DATA);
        remove_tree(&data)?;
        fs::create_dir(&data).map_err(Error::io("make the folder", &data))?;
        Ok(data)
    }

    /// Puts what was unpacked into its place.
    pub(crate) fn place(&self, folder: &Path) -> Result<(), Error> {
        // Not whole, or the fetch would have ended before it began.
        remove_tree(folder)?;
        fs::rename(self.path.join(DATA), folder).map_err(Error::io("place", folder))
    }

    /// Removes what is not needed any more: all of it, or all but the downloads that a next fetch can take up.
    pub(crate) fn close(self, is_done: bool) -> Result<(), Error> {
        if is_done {
            return remove_tree(&self.path);
        }
        remove_tree(&self.path.join(DATA))?;
        let listing = || Error::io("list", &self.path);
        let mut remaining = 0;
        for entry in fs::read_dir(&self.path).map_err(listing())? {
            let entry = entry.map_err(listing())?;
            let bytes = entry.metadata().map_err(listing())?.len();
            if bytes > 0 {
                remaining += 1;
            } else if entry.file_name() != LOCK {
                fs::remove_file(entry.path()).map_err(Error::io("remove", entry.path()))?;
            }
        }
        if remaining == 0 { remove_tree(&self.path) } else { Ok(()) }
    }
}

fn remove_tree(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// True when a folder holds all that these files unpack to.
pub(crate) fn is_complete(description: &Description, folder: &Path, files: &[&SourceFile]) -> bool {
    let is_there = |file: &crate::ContentFile| {
        folder.join(&file.path).metadata().is_ok_and(|found| found.is_file() && file.takes(found.len()))
    };
    if !description.contents.is_empty() {
        return description.contents.iter().all(is_there);
    }
    let Ok(Some(Record { fetched: Some(fetched), .. })) = Record::read(folder) else { return false };
    files.iter().all(|file| fetched.from.get(&file.name) == Some(&file.digest()))
        && count(folder).is_ok_and(|(files, bytes)| files >= fetched.files && bytes >= fetched.bytes)
}

/// Files and bytes below a folder, without its `corpus.toml`.
fn count(folder: &Path) -> io::Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if inner != folder || entry.file_name() != RECORD {
                files += 1;
                bytes += entry.metadata()?.len();
            }
        }
    }
    Ok((files, bytes))
}

/// A folder that no fetch made is not replaced.
pub(crate) fn refuse_other_contents(description: &Description, folder: &Path) -> Result<(), Error> {
    if !folder.exists() || matches!(Record::read(folder), Ok(Some(Record { fetched: Some(_), .. }))) {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let name = entry.map_err(Error::io("list", folder))?.file_name();
        if !description.contents.iter().any(|file| Path::new(&file.path) == Path::new(&name)) {
            return Err(Error::NotEmpty { found: name.to_string_lossy().into_owned(), path: folder.to_owned() });
        }
    }
    Ok(())
}
