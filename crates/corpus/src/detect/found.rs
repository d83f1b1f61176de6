//! A recognised folder with what is to be said of it, and the detection of class folders alone, for archives.

use crate::{
    Error, OpenOptions,
    formats::{self, BY_NAMES, class_folders},
    known::{RECORD, Record},
    reader::{Found, Reader},
    tree::{Folder, Location, Tree},
};

/// Levels of folders around a corpus that are entered where nothing else is beside them.
pub(super) const WRAPPERS: usize = 4;

pub(super) type Recognised<'t> = Box<dyn Reader + 't>;

/// The reader for class folders alone.
pub(crate) fn class_folders<'t>(tree: &'t Tree, options: &OpenOptions) -> Result<Option<Found<'t>>, Error> {
    let mut location = Location { tree, folder: &tree.top, path: tree.root.clone() };
    for _ in 0..WRAPPERS {
        if let Some(reader) = class_folders::detect(&location, options)? {
            return Ok(Some(found(location, reader, options)));
        }
        let Some(inner) = only_folder(location.folder) else { return Ok(None) };
        location = location.inner(inner);
    }
    Ok(None)
}

/// A reader with the remarks on its folder.
pub(super) fn found<'t>(location: Location<'t>, reader: Recognised<'t>, options: &OpenOptions) -> Found<'t> {
    let mut remarks = others_beside(&location, &reader.layout(), options);
    let named = Record::of(&location).ok().and_then(|record| record.layout);
    if named.is_some_and(|layout| !matches!(formats::known(layout)(&location, options), Ok(Some(_)))) {
        remarks.push(format!(
            "{RECORD} names a layout that these files do not have; they are read as {}",
            reader.layout()
        ));
    }
    Found { path: location.path, reader, remarks }
}

/// Remarks on files of other layouts in the same folder: one is read, whichever the order of layouts says.
fn others_beside(location: &Location<'_>, layout: &str, options: &OpenOptions) -> Vec<String> {
    let others = BY_NAMES.iter().filter_map(|detect| detect(location, options).ok().flatten());
    let mut names: Vec<String> = others.map(|reader| reader.layout()).filter(|other| other != layout).collect();
    names.dedup();
    let remark = |other| format!("files of another layout lie beside those of {layout} and are left out: {other}");
    names.into_iter().map(remark).collect()
}

/// The one folder in a folder that may hold a corpus, besides files and folders of the system.
pub(super) fn only_folder(folder: &Folder) -> Option<&Folder> {
    let inner: Vec<_> = folder.folders.iter().filter(|inner| inner.is_usable()).collect();
    // Beside the images may lie folders of notes.
    let with_images: Vec<_> = inner.iter().copied().filter(|inner| inner.holds_images()).collect();
    match (inner.as_slice(), with_images.as_slice()) {
        ([only], _) | (_, [only]) => Some(only),
        _ => None,
    }
}
