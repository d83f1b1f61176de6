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

/// A class of a split.
#[derive(Debug)]
pub(super) struct ClassDir<'t> {
    /// Name of the class folder.
    pub(super) name: &'t OsStr,
    /// The folders whose files are its images: the class folder itself, or folders inside of it.
    pub(super) dirs: Vec<Dir<'t>>,
}

/// The classes of a split, one for each of the class folders given, in the order of their names. `split` and the
/// folders that hold the images are entered in `marks`.
///
/// # Errors
/// [`Error::Ambiguous`] where class folders hold several folders and no images, and the inner ones may be the classes.
pub(super) fn class_dirs<'t>(
    split: &Dir<'t>,
    class_folders: &[Dir<'t>],
    marks: &mut BTreeMap<PathBuf, Mark>,
) -> Result<Vec<ClassDir<'t>>, Error> {
    marks.insert(split.path.clone(), Mark::Split);
    let classes = class_folders.iter().map(|dir| ClassDir { name: dir.name(), dirs: image_dirs(dir) });
    let classes: Vec<ClassDir<'t>> = sorted(classes, |class| class.name);
    if !inner_folders_are_parts(&classes) {
        let inner = classes.iter().find(|class| class.dirs.len() > 1).map_or(&[][..], |class| class.dirs.as_slice());
        let parent_name = inner.first().and_then(|dir| dir.path.parent()).and_then(|path| path.file_name());
        let found = format!(
            "in {} folders inside of folders ({} holds {}), and it does not show which of them are the classes",
            split.label(),
            shown(parent_name.unwrap_or_default()),
            list(inner),
        );
        return Err(ambiguous(split, found));
    }
    for dir in classes.iter().flat_map(|class| &class.dirs) {
        marks.insert(dir.path.clone(), Mark::Class);
    }
    Ok(classes)
}

/// The folders that hold a class's images. A folder without images of its own is replaced by the one folder in it, as
/// often as needed; where it holds several folders, those are returned.
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

/// True when folders inside of class folders only divide a class's images and are no classes: no class has several, or
/// at least two classes have several, of the same names in each, all with images directly in them.
fn inner_folders_are_parts(classes: &[ClassDir<'_>]) -> bool {
    let divided: Vec<_> = classes.iter().filter(|class| class.dirs.len() > 1).collect();
    let inner_names = |class: &&ClassDir<'_>| -> BTreeSet<String> {
        class.dirs.iter().map(|dir| shown(dir.name()).to_lowercase()).collect()
    };
    let first = divided.first().map(inner_names);
    divided.iter().all(|class| class.dirs.iter().all(Dir::has_images) && Some(inner_names(class)) == first)
        && divided.len() != 1
}
