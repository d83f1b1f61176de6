//! Which layout a folder has.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, batch, corpus::Parts, folder, made, python};

/// How to open a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Bring every image to this height and width: scaled until it covers them, then cut to its middle.
    /// Without it, images of different sizes are an error. In a recipe: `data.resize`.
    pub resize: Option<[usize; 2]>,
}

/// What kind of corpus a folder holds.
enum Kind {
    Made,
    Binary,
    Python,
    Folders(folder::Folders),
}

/// Whether a folder looks like a corpus, by the names in it; nothing is read. For telling a reader who named a
/// corpus where something else was wanted.
pub fn is_corpus(path: &Path) -> bool {
    matches!(find(path), Ok(Some(_)))
}

/// The folder itself, or the one inside of it that the official archives unpack into; and its kind.
fn find(path: &Path) -> Result<Option<(PathBuf, Kind)>, Error> {
    for inner in ["cifar-10-batches-bin", "cifar-10-batches-py"] {
        let inner = path.join(inner);
        if inner.is_dir() {
            return find(&inner);
        }
    }
    let has = |name: &str| path.join(name).is_file();
    let kind = if has(made::MARK) {
        Kind::Made
    } else if has("data_batch_1.bin") || has("test_batch.bin") {
        Kind::Binary
    } else if has("data_batch_1") || has("test_batch") {
        Kind::Python
    } else if let Some(folders) = folder::find(path)? {
        Kind::Folders(folders)
    } else {
        return Ok(None);
    };
    Ok(Some((path.to_owned(), kind)))
}

/// Reads the corpus at a path; says in which folder it was found.
pub(crate) fn read(path: &Path, options: &OpenOptions) -> Result<(PathBuf, Parts), Error> {
    if !path.try_exists().map_err(Error::io("look at", path))? {
        return Err(Error::Missing { path: path.to_owned() });
    }
    if !path.is_dir() {
        let found = "a file (an archive must be unpacked first; `deepviz corpus fetch cifar10 --from FILE` does it)";
        return Err(Error::NotACorpus { found: found.to_owned(), path: path.to_owned() });
    }
    let Some((folder, kind)) = find(path)? else {
        return Err(Error::NotACorpus { found: describe(path)?, path: path.to_owned() });
    };
    let parts = match kind {
        Kind::Made => made::read(&folder)?,
        Kind::Binary => batch::read(&folder)?,
        Kind::Python => python::read(&folder)?,
        Kind::Folders(folders) => folder::read(&folder, &folders, options)?,
    };
    Ok((folder, parts))
}

/// What lies in a folder, in a few words.
fn describe(path: &Path) -> Result<String, Error> {
    let mut names: Vec<String> = fs::read_dir(path)
        .map_err(Error::io("list", path))?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(match names.len() {
        0 => "an empty folder".to_owned(),
        1..=4 => format!("a folder with {}", names.join(", ")),
        more => format!("a folder with {} and {} more", names[..3].join(", "), more - 3),
    })
}
