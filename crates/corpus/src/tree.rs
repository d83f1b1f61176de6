//! The files below a folder, listed once: layouts are recognised by them, and changes noticed.

mod location;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use rayon::prelude::*;

use crate::{
    Error,
    decode::{self, Glance},
    file_name::{is_system, may_be_image},
};
pub(crate) use location::Location;

/// Folders below folders below folders: deeper ones are not entered.
const DEPTH: usize = 12;

/// Files whose presence says that deepViz wrote the folder and that it is no part of a corpus.
const OWN: [&str; 2] = ["run.toml", "stats.sqlite"];

/// The folder of the cache that holds corpora, and one in it: `--cache-dir` may lie inside of a corpus.
const CACHE: [&str; 2] = ["corpora", "sources"];

/// Everything below one path.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The path that was given: a folder, or one file.
    pub(crate) root: PathBuf,
    /// Its tree. Of a single file, a folder that holds that file alone.
    pub(crate) top: Folder,
    /// True when the path is a single file (an archive).
    pub(crate) is_file: bool,
    /// Source of its files' bytes, where that is not the file system.
    pub(crate) source: Option<Arc<dyn FileSource>>,
}

/// Gives the bytes of files that lie in an archive.
pub(crate) trait FileSource: std::fmt::Debug + Send + Sync {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Bytes of a file, as the archive's list says.
    fn length(&self, path: &Path) -> io::Result<u64>;
}

/// A folder and what is in it, in no order.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub(crate) name: OsString,
    pub(crate) files: Vec<FileEntry>,
    pub(crate) folders: Vec<Folder>,
    /// Names that begin with a dot; folders among them are not entered.
    pub(crate) hidden: Vec<OsString>,
    /// Why it could not be listed, or was not entered.
    pub(crate) problem: Option<String>,
    /// True when deepViz wrote it (a run): its folders are not entered.
    pub(crate) is_own: bool,
}

/// A file: a broken link is one too, of no bytes.
#[derive(Debug)]
pub(crate) struct FileEntry {
    pub(crate) name: OsString,
    pub(crate) bytes: u64,
    /// True when it can be read like a file: pipes, sockets and devices cannot.
    pub(crate) is_regular: bool,
    /// When it was changed, in nanoseconds since 1970.
    modified_ns: u64,
}

impl Tree {
    /// Lists what is below a path, whole.
    pub(crate) fn list(path: &Path) -> Result<Self, Error> {
        Self::list_to(path, DEPTH)
    }

    /// Lists what is below a path, folders down to a depth: for a quick look.
    pub(crate) fn list_to(path: &Path, depth: usize) -> Result<Self, Error> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Missing { path: path.to_owned() });
            }
            Err(error) => return Err(Error::io("look at", path)(error)),
        };
        let root = path.to_owned();
        if metadata.is_file() {
            let file = FileEntry::new(path.file_name().unwrap_or_default().to_owned(), Some(&metadata));
            return Ok(Self {
                root,
                top: Folder { files: vec![file], ..Folder::default() },
                is_file: true,
                source: None,
            });
        }
        // The folder itself must be readable; those below it may be left out.
        fs::read_dir(path).map_err(Error::io("list", path))?;
        let top = list(path, OsString::new(), depth, &[identity(&metadata)]);
        Ok(Self { root, top, is_file: false, source: None })
    }

    /// The bytes of a file in it.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.source.as_ref().map_or_else(|| fs::read(path), |source| source.read(path))
    }

    /// Looks at the first bytes of a file in it.
    pub(crate) fn glance(&self, path: &Path) -> io::Result<Glance> {
        match &self.source {
            Some(source) => source.read(path).map(|bytes| decode::glance_at(&bytes)),
            None => decode::glance(path),
        }
    }

    /// A hash (hexadecimal) over paths, sizes and times of change of all files that are not hidden: the same as long as
    /// nothing changes, whatever the order in which the system lists them.
    pub(crate) fn fingerprint(&self) -> String {
        let mut sum = [0_u64; 4];
        add_up(&self.top, &blake3::hash(b"deepviz tree 1"), &mut sum);
        let bytes: Vec<u8> = sum.iter().flat_map(|part| part.to_le_bytes()).collect();
        blake3::hash(&bytes).to_hex().to_string()
    }
}

impl Folder {
    /// The folder of that name in it.
    pub(crate) fn folder(&self, name: &str) -> Option<&Folder> {
        self.folders.iter().find(|folder| folder.name == name)
    }

    /// The file of that name in it, where it can be read like one.
    pub(crate) fn file(&self, name: &str) -> Option<&FileEntry> {
        self.readable().find(|file| file.name == name)
    }

    /// The files that can be read like files: opening a pipe blocks until there is a writer.
    pub(crate) fn readable(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.iter().filter(|file| file.is_regular)
    }

    /// True when it may be part of a corpus.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_own && !is_system(&self.name)
    }

    /// The files in it that may be images, by their names.
    pub(crate) fn images(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.iter().filter(|file| !is_system(&file.name) && may_be_image(&file.name))
    }

    /// True when files that may be images lie in it or anywhere below.
    pub(crate) fn holds_images(&self) -> bool {
        self.images().next().is_some() || self.folders.iter().any(|inner| inner.is_usable() && inner.holds_images())
    }
}

impl FileEntry {
    /// A file that an archive lists.
    pub(crate) fn listed(name: OsString, bytes: u64) -> Self {
        Self { name, bytes, modified_ns: 0, is_regular: true }
    }

    fn new(name: OsString, metadata: Option<&Metadata>) -> Self {
        let modified = metadata.and_then(|metadata| metadata.modified().ok());
        let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            name,
            bytes: metadata.map_or(0, Metadata::len),
            is_regular: metadata.is_none_or(Metadata::is_file),
            modified_ns: since.map_or(0, |since| since.as_nanos() as u64),
        }
    }
}

/// Lists a folder; `above` are the folders that lead here through links, by device and number.
fn list(path: &Path, name: OsString, depth: usize, above: &[(u64, u64)]) -> Folder {
    let mut folder = Folder { name, ..Folder::default() };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            folder.problem = Some(error.to_string());
            return folder;
        }
    };
    let mut inner = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                folder.problem = Some(error.to_string());
                continue;
            }
        };
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            folder.hidden.push(name);
            continue;
        }
        // `DirEntry::metadata` does not follow links; a broken link stays a file, which reading then reports.
        let metadata = match entry.metadata() {
            Ok(metadata) if metadata.is_symlink() => fs::metadata(entry.path()).ok(),
            other => other.ok(),
        };
        match metadata {
            Some(metadata) if metadata.is_dir() => inner.push((name, identity(&metadata))),
            metadata => folder.files.push(FileEntry::new(name, metadata.as_ref())),
        }
    }
    folder.is_own = OWN.iter().any(|own| folder.file(own).is_some())
        || (folder.name == CACHE[0] && inner.iter().any(|(name, _)| name == CACHE[1]));
    if folder.is_own {
        return folder;
    }
    folder.folders = inner
        .into_par_iter()
        .map(|(name, id)| {
            let refused =
                |problem: &str| Folder { name: name.clone(), problem: Some(problem.to_owned()), ..Folder::default() };
            if depth == 0 {
                return refused("too many folders inside of each other");
            }
            if id != (0, 0) && above.contains(&id) {
                return refused("a link to a folder that it lies in");
            }
            let above: Vec<_> = above.iter().copied().chain([id]).collect();
            list(&path.join(&name), name, depth - 1, &above)
        })
        .collect();
    folder
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

fn add_up(folder: &Folder, path_hash: &blake3::Hash, sum: &mut [u64; 4]) {
    if folder.is_own {
        return;
    }
    for file in &folder.files {
        let mut hasher = blake3::Hasher::new();
        hasher.update(path_hash.as_bytes()).update(file.name.as_encoded_bytes());
        hasher.update(&file.bytes.to_le_bytes()).update(&file.modified_ns.to_le_bytes());
        let hash = hasher.finalize();
        for (part, bytes) in sum.iter_mut().zip(hash.as_bytes().as_chunks().0) {
            *part = part.wrapping_add(u64::from_le_bytes(*bytes));
        }
    }
    for inner in &folder.folders {
        let mut hasher = blake3::Hasher::new();
        hasher.update(path_hash.as_bytes()).update(b"/").update(inner.name.as_encoded_bytes());
        add_up(inner, &hasher.finalize(), sum);
    }
}
