//! The class folders of a split.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    path::PathBuf,
};

use super::{
    dir::Dir,
    faults::{ambiguous, list},
};
use crate::{
    Error,
    account::Mark,
    file_name::{shown, sorted},
};

/// A class folder of a split and the folders whose files are its images: itself, or some inside of it.
#[derive(Debug)]
pub(super) struct ClassDir<'t> {
    pub(super) name: &'t OsStr,
    pub(super) dirs: Vec<Dir<'t>>,
}

/// The class folders of a split: those of its folders that are given.
///
/// # Errors
/// [`Error::Ambiguous`] where class folders hold several folders instead of images, which could be the classes too.
pub(super) fn class_dirs<'t>(
    split: &Dir<'t>,
    chosen: &[Dir<'t>],
    marks: &mut BTreeMap<PathBuf, Mark>,
) -> Result<Vec<ClassDir<'t>>, Error> {
    marks.insert(split.path.clone(), Mark::Split);
    let classes = chosen.iter().map(|dir| ClassDir { name: dir.name(), dirs: image_dirs(dir) });
    let classes: Vec<ClassDir<'t>> = sorted(classes, |class| class.name);
    if !are_parts(&classes) {
        let class = classes.iter().find(|class| class.dirs.len() > 1).map_or(&[][..], |class| class.dirs.as_slice());
        let class_name = class.first().and_then(|dir| dir.path.parent()).and_then(|path| path.file_name());
        let found = format!(
            "in {} folders inside of folders ({} holds {}), and it does not show which of them are the classes",
            split.label(),
            shown(class_name.unwrap_or_default()),
            list(class),
        );
        return Err(ambiguous(split, found));
    }
    for dir in classes.iter().flat_map(|class| &class.dirs) {
        marks.insert(dir.path.clone(), Mark::Class);
    }
    Ok(classes)
}

/// The folders of a class that hold its images: itself; or, where it has none, the first ones below that do.
fn image_dirs<'t>(class: &Dir<'t>) -> Vec<Dir<'t>> {
    let mut dir = class.clone();
    while !dir.has_images() {
        let inner = dir.folders();
        match inner.as_slice() {
            [only] => dir = only.clone(),
            _ => return inner,
        }
    }
    vec![dir]
}

/// True when folders inside of class folders are parts of the classes: there are none but single ones, or those of
/// every class have the same names and hold images themselves.
fn are_parts(classes: &[ClassDir<'_>]) -> bool {
    let several: Vec<_> = classes.iter().filter(|class| class.dirs.len() > 1).collect();
    let names = |class: &&ClassDir<'_>| -> BTreeSet<String> {
        class.dirs.iter().map(|dir| shown(dir.name()).to_lowercase()).collect()
    };
    let first = several.first().map(names);
    several.iter().all(|class| class.dirs.iter().all(Dir::has_images) && Some(names(class)) == first)
        && several.len() != 1
}
