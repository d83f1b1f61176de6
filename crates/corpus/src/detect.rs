//! Detection of a folder's layout.

pub(crate) mod found;

use std::path::{Path, PathBuf};

use crate::{
    Error, OpenOptions,
    file_name::{is_image_name, sorted},
    formats::{
        self, BY_NAMES, archive,
        class_folders::{self, are_class_folders},
    },
    known::Record,
    reader::{Detect, Found},
    tree::{Location, Tree},
};
use found::{Recognised, WRAPPERS, found, only_folder};

/// Layouts for which files are opened or whose folders may have any name, tried after the others.
const BY_CONTENT: &[Detect] = &[archive::detect, class_folders::detect];

/// The folders that CIFAR-10's archives unpack into.
const CIFAR10: [&str; 2] = ["cifar-10-batches-bin", "cifar-10-batches-py"];

/// True when a folder looks like a corpus, by the names in it; no image is read. For messages to a user who named a
/// corpus where something else was expected.
pub fn is_corpus(path: &Path) -> bool {
    // Class folders of a split inside of two wrapping folders.
    let Ok(tree) = Tree::list_to(path, 4) else { return false };
    matches!(detect(&tree, &OpenOptions::default()), Ok(Some(_)))
}

/// The reader for a listed folder, or for the one inside of it that an archive unpacked into.
///
/// # Errors
/// [`Error::Several`] where it holds several corpora, and what the layouts' detections say.
pub(crate) fn detect<'t>(tree: &'t Tree, options: &OpenOptions) -> Result<Option<Found<'t>>, Error> {
    let mut location = Location { tree, folder: &tree.top, path: tree.root.clone() };
    for level in 0..WRAPPERS {
        if let Some(found) = described(&location, options)? {
            return Ok(Some(found));
        }
        if let Some(reader) = first_of(BY_NAMES, &location, options)? {
            return Ok(Some(found(location, reader, options)));
        }
        let by_content = first_of(BY_CONTENT, &location, options);
        // Folders of one class, or of none that can be told, may be those around a corpus.
        if level == 0 && !matches!(&by_content, Ok(Some(_)) if tree.is_file || are_class_folders(&location, options)) {
            let mut inside = Vec::new();
            corpora_inside(&location, options, WRAPPERS, &mut inside);
            if let Some((inner, reader)) = one_of(&location, inside)? {
                return Ok(Some(found(inner, reader, options)));
            }
        }
        if let Some(reader) = by_content? {
            return Ok(Some(found(location, reader, options)));
        }
        let Some(inner) = only_folder(location.folder) else { return Ok(None) };
        location = location.inner(inner);
    }
    Ok(None)
}

fn first_of<'t>(
    layouts: &[Detect],
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Recognised<'t>>, Error> {
    for detect in layouts {
        if let Some(reader) = detect(location, options)? {
            return Ok(Some(reader));
        }
    }
    Ok(None)
}

/// The layout that the corpus's own description names goes before all others.
fn described<'t>(location: &Location<'t>, options: &OpenOptions) -> Result<Option<Found<'t>>, Error> {
    let Some(layout) = Record::of(location)?.layout else { return Ok(None) };
    let reader = formats::known(layout)(location, options)?;
    Ok(reader.map(|reader| found(location.clone(), reader, options)))
}

/// Folders inside of a folder that hold files of a known layout, at some depth.
fn corpora_inside<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
    depth: usize,
    all: &mut Vec<(Location<'t>, Recognised<'t>)>,
) {
    for folder in sorted(location.folder.folders.iter().filter(|folder| folder.is_usable()), |folder| &folder.name) {
        let inner = location.inner(folder);
        match first_of(BY_NAMES, &inner, options) {
            Ok(Some(reader)) => all.push((inner, reader)),
            _ if depth > 1 => corpora_inside(&inner, options, depth - 1, all),
            _ => {}
        }
    }
}

/// The one corpus inside of a folder. CIFAR-10's two forms, unpacked side by side, are one.
fn one_of<'t>(
    location: &Location<'_>,
    mut inside: Vec<(Location<'t>, Recognised<'t>)>,
) -> Result<Option<(Location<'t>, Recognised<'t>)>, Error> {
    let is_cifar10 = |(location, _): &(Location<'_>, _)| CIFAR10.iter().any(|name| location.folder.name == *name);
    if inside.len() > 1 && !inside.iter().all(is_cifar10) {
        let names = inside.iter().map(|(inner, _)| inner.path.strip_prefix(&location.path).unwrap_or(&inner.path));
        let mut names: Vec<String> = names.map(|name| format!("{}/", name.display())).collect();
        let more = names.len().saturating_sub(4);
        names.truncate(4);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let found = names.join(", ") + &more;
        return Err(Error::Several {
            found,
            expected: "one; open its own folder".to_owned(),
            path: location.path.clone(),
        });
    }
    Ok(if inside.is_empty() { None } else { Some(inside.swap_remove(0)) })
}

/// The error for a path that holds no corpus, with what lies there.
pub(crate) fn not_a_corpus(tree: &Tree) -> Error {
    let path: PathBuf = tree.root.clone();
    if tree.is_file {
        let found = "a file that is no archive and no Parquet table";
        return Error::NotACorpus { found: found.to_owned(), path };
    }
    if tree.top.is_own {
        return Error::NotACorpus { found: "a run folder".to_owned(), path };
    }
    let folders = tree.top.folders.iter().map(|folder| format!("{}/", folder.name.to_string_lossy()));
    let mut names: Vec<String> = folders.collect();
    names.extend(tree.top.files.iter().map(|file| file.name.to_string_lossy().into_owned()));
    names.sort();
    let is_archive = |name: &String| [".tar", ".tgz", ".tar.gz", ".zip"].iter().any(|end| name.ends_with(end));
    let what = match () {
        () if !names.is_empty() && names.iter().all(is_archive) => "of archives, which are opened one by one, with",
        () if names.iter().any(|name| is_image_name(name.as_ref())) => "of images that lie in no class folders, with",
        () => "with",
    };
    let found = match names.len() {
        0 => "an empty folder".to_owned(),
        1..=4 => format!("a folder {what} {}", names.join(", ")),
        more => format!("a folder {what} {} and {} more", names[..3].join(", "), more - 3),
    };
    Error::NotACorpus { found, path }
}
