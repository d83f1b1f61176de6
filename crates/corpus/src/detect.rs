//! Which layout a folder has.

use std::path::{Path, PathBuf};

use crate::{
    Error, OpenOptions,
    formats::{
        LAYOUTS,
        class_folders::{self, holds_images, is_system},
    },
    reader::{Detect, Found, Place},
    tree::{Folder, Tree},
};

/// Folders around a corpus that are entered where nothing else is beside them.
const WRAPPERS: usize = 4;

/// Whether a folder looks like a corpus, by the names in it; no image is read. For telling a reader who named a corpus
/// where something else was wanted.
pub fn is_corpus(path: &Path) -> bool {
    // Class folders of a split inside of two wrapping folders.
    let Ok(tree) = Tree::list_to(path, 4) else { return false };
    matches!(detect(&tree, &OpenOptions::default()), Ok(Some(_)))
}

/// The reader for a listed folder, or for the one inside of it that an archive unpacked into.
pub(crate) fn detect<'t>(tree: &'t Tree, options: &OpenOptions) -> Result<Option<Found<'t>>, Error> {
    detect_among(LAYOUTS, tree, options)
}

/// The reader for class folders alone.
pub(crate) fn class_folders<'t>(tree: &'t Tree, options: &OpenOptions) -> Result<Option<Found<'t>>, Error> {
    detect_among(&[class_folders::detect], tree, options)
}

fn detect_among<'t>(layouts: &[Detect], tree: &'t Tree, options: &OpenOptions) -> Result<Option<Found<'t>>, Error> {
    let mut folder = &tree.top;
    let mut path = tree.root.clone();
    for _ in 0..WRAPPERS {
        let place = Place { tree, folder, path: path.clone() };
        for detect in layouts {
            if let Some(reader) = detect(&place, options)? {
                return Ok(Some(Found { path, reader }));
            }
        }
        let Some(inner) = only_folder(folder) else { return Ok(None) };
        path.push(&inner.name);
        folder = inner;
    }
    Ok(None)
}

/// The one folder in a folder that may hold a corpus, besides files and folders of the system.
fn only_folder(folder: &Folder) -> Option<&Folder> {
    let official = ["cifar-10-batches-bin", "cifar-10-batches-py"];
    if let Some(inner) = official.iter().find_map(|name| folder.folder(name)) {
        return Some(inner);
    }
    let inner: Vec<_> = folder.folders.iter().filter(|inner| !inner.is_own && !is_system(&inner.name)).collect();
    // Beside the images may lie folders of notes.
    let with_images: Vec<_> = inner.iter().copied().filter(|inner| holds_images(inner)).collect();
    match (inner.as_slice(), with_images.as_slice()) {
        ([only], _) | (_, [only]) => Some(only),
        _ => None,
    }
}

/// The error for a path that holds no corpus, with what lies there.
pub(crate) fn not_a_corpus(tree: &Tree) -> Error {
    let path: PathBuf = tree.root.clone();
    if tree.is_file {
        let found = "a file that is no archive and no table";
        return Error::NotACorpus { found: found.to_owned(), path };
    }
    if tree.top.is_own {
        return Error::NotACorpus { found: "a run folder".to_owned(), path };
    }
    let folders = tree.top.folders.iter().map(|folder| format!("{}/", folder.name.to_string_lossy()));
    let mut names: Vec<String> = folders.collect();
    names.extend(tree.top.files.iter().map(|file| file.name.to_string_lossy().into_owned()));
    names.sort();
    let found = match names.len() {
        0 => "an empty folder".to_owned(),
        1..=4 => format!("a folder with {}", names.join(", ")),
        more => format!("a folder with {} and {} more", names[..3].join(", "), more - 3),
    };
    Error::NotACorpus { found, path }
}
