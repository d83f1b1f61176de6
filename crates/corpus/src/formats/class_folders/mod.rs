//! Class folders: `train/<class>/*` and `test/<class>/*` by any of their usual names, `<class>/*` alone, or
//! `<class>/train/*`.
//!
//! The layout is decided from the names in the listed tree. What is in a file is examined only when images are read:
//! in a class folder every file is an image unless its bytes say otherwise.

mod classes;
mod dir;
mod faults;
mod inverted;
mod names;
mod plan;
mod planning;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet, btree_map::Entry},
    ffi::OsStr,
    path::PathBuf,
};

use rayon::prelude::*;
use unicode_normalization::UnicodeNormalization;

use crate::{
    ClassId, Error, OpenOptions, Split,
    account::{Mark, NOT_REGULAR, Reason, Usage},
    decode::{Glance, MAX_FILE_BYTES},
    file_name::{is_compressed_image, is_image_name, is_system, may_be_image, shown},
    formats::splits::TEST_EVERY,
    known::Record,
    name::natural,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::{Location, Tree},
};
use classes::ClassDir;
use dir::Dir;
pub use names::folder_split;
pub(crate) use names::{Role, role};
use plan::Plan;
use planning::plan;

/// Files without an image's extension that are examined before a folder is taken for class folders.
const LOOKED_AT: usize = 8;

/// One file of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LabelledFile {
    path: PathBuf,
    /// The name as it is on disk, which is the order of images.
    name: String,
    bytes: u64,
    is_image_name: bool,
    /// True for a pipe, a socket or a device.
    is_special: bool,
}

/// A class and its files in each split.
#[derive(Debug, Default)]
struct ClassFiles {
    name: String,
    train: Vec<LabelledFile>,
    test: Vec<LabelledFile>,
    /// The folders that it was read from, for the report of what was left out ([`Account`](crate::Account)).
    folders: Vec<PathBuf>,
}

/// The class folders of a corpus.
struct ClassFolders<'t> {
    location: Location<'t>,
    classes: Vec<ClassFiles>,
    has_test: bool,
    /// Names that `corpus.toml` gives to folders.
    names: BTreeMap<String, String>,
    marks: BTreeMap<PathBuf, Mark>,
    remarks: Vec<String>,
}

/// Recognises class folders.
pub(crate) fn detect<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let top = Dir { folder: location.folder, path: location.path.clone() };
    if location.tree.is_file || top.folder.is_own || !shows_images(&top, location.tree, &mut LOOKED_AT.clone()) {
        return Ok(None);
    }
    let Some(plan) = plan(&top, options)? else { return Ok(None) };
    let classes = collect(&plan);
    let names = Record::of(location)?.class_names;
    let remarks = [plan.remarks.clone(), case_remarks(&plan)].concat();
    let (has_test, marks) = (plan.test.is_some(), plan.marks);
    Ok(Some(Box::new(ClassFolders { location: location.clone(), classes, has_test, names, marks, remarks })))
}

/// True when a folder holds several class folders, or what may be some: files beside them are no corpus of their own.
pub(crate) fn are_class_folders(location: &Location<'_>, options: &OpenOptions) -> bool {
    let top = Dir { folder: location.folder, path: location.path.clone() };
    if location.tree.is_file || !shows_images(&top, location.tree, &mut LOOKED_AT.clone()) {
        return false;
    }
    match plan(&top, options) {
        Ok(plan) => plan.is_some_and(|plan| plan.train.len() + plan.test.map_or(0, |test| test.len()) > 1),
        Err(_) => true,
    }
}

/// Classes whose names differ in capital letters alone are most often one.
fn case_remarks(plan: &Plan<'_>) -> Vec<String> {
    let mut by_lower: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for class in plan.train.iter().chain(plan.test.iter().flatten()) {
        let name = shown(class.name);
        let same = by_lower.entry(name.to_lowercase().nfc().collect()).or_default();
        if !same.contains(&name) {
            same.push(name);
        }
    }
    let several = by_lower.into_values().filter(|names| names.len() > 1);
    several.map(|names| format!("the classes {} differ in capital letters alone", names.join(" and "))).collect()
}

/// True when a folder below holds images: by a name, or by what is in the first files without a known extension.
fn shows_images(top: &Dir<'_>, tree: &Tree, left: &mut usize) -> bool {
    let folders = top.folders();
    let files: Vec<_> = folders.iter().flat_map(|dir| dir.folder.images().map(move |file| (dir, file))).collect();
    if files.iter().any(|(_, file)| is_image_name(&file.name)) {
        return true;
    }
    let unknown = files.iter().any(|(dir, file)| {
        *left > 0 && file.is_regular && {
            *left -= 1;
            matches!(tree.glance(&dir.path.join(&file.name)), Ok(Glance::Image))
        }
    });
    unknown || folders.iter().any(|dir| shows_images(dir, tree, left))
}

impl Reader for ClassFolders<'_> {
    fn layout(&self) -> String {
        "class folders".to_owned()
    }

    fn usage(&self) -> Usage {
        Usage { files: HashSet::new(), folders: self.marks.clone(), beside: "outside of class folders" }
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        for remark in &self.remarks {
            sink.account.remark(remark.as_str());
        }
        let mut splits = [Vec::new(), Vec::new()];
        let mut names = Vec::new();
        for class in &self.classes {
            let train = self.looked_at(&class.train, sink);
            let test = self.looked_at(&class.test, sink);
            if train.is_empty() && test.is_empty() {
                for folder in &class.folders {
                    sink.account.leave_out(Reason::EmptyFolder, self.location.relative(folder), "");
                }
                continue;
            }
            let id = ClassId(names.len().min(usize::from(u16::MAX)) as u16);
            names.push(self.names.get(&class.name).unwrap_or(&class.name).clone());
            for (index, file) in train.into_iter().enumerate() {
                let is_test = !self.has_test && index % TEST_EVERY == TEST_EVERY - 1;
                splits[usize::from(is_test)].push((id, file));
            }
            splits[1].extend(test.into_iter().map(|file| (id, file)));
        }
        if let [only] = names.as_slice() {
            sink.account.remark(format!("there is one class alone, {only}: the folders may be no classes"));
        }
        sink.set_classes(names);
        sink.set_total(splits.iter().map(Vec::len).sum());
        for (split, files) in Split::ALL.into_iter().zip(splits) {
            for (class, file) in files {
                let source = self.location.relative(&file.path).to_string_lossy().into_owned();
                let payload = Payload::File(file.path.clone());
                sink.push(Item { split, class, name: shown(OsStr::new(&file.name)), source, payload })?;
            }
        }
        Ok(())
    }
}

impl ClassFolders<'_> {
    /// The files that are to be decoded: those with an image's extension, and those whose first bytes are an image's.
    fn looked_at<'f>(&self, files: &'f [LabelledFile], sink: &mut Sink<'_>) -> Vec<&'f LabelledFile> {
        let fault = |file: &LabelledFile| {
            if file.is_special {
                return Some((Reason::Unreadable, NOT_REGULAR.to_owned()));
            }
            if file.bytes > MAX_FILE_BYTES {
                let detail = format!("{} MiB, at most {} are read", file.bytes >> 20, MAX_FILE_BYTES >> 20);
                let reason = if file.is_image_name { Reason::TooLarge } else { Reason::NotAnImage };
                return Some((reason, detail));
            }
            if file.is_image_name {
                return None;
            }
            if is_compressed_image(OsStr::new(&file.name)) {
                return Some((Reason::UnknownFormat, "compressed as a single file; unpack it".to_owned()));
            }
            match self.location.tree.glance(&file.path) {
                Ok(Glance::Image) => None,
                Ok(Glance::Empty) if may_be_image(OsStr::new(&file.name)) => Some((Reason::Empty, String::new())),
                Ok(_) => Some((Reason::NotAnImage, String::new())),
                Err(error) => Some((Reason::Unreadable, error.to_string())),
            }
        };
        let faults: Vec<_> = files.par_iter().map(fault).collect();
        let mut images = Vec::with_capacity(files.len());
        for (file, fault) in files.iter().zip(faults) {
            match fault {
                None => images.push(file),
                Some((reason, detail)) => sink.account.leave_out(reason, self.location.relative(&file.path), detail),
            }
        }
        images
    }
}

/// The key by which two folders are one class: the name as it is composed (NFC). Names that are not UTF-8 are compared
/// unchanged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    Bytes(Vec<u8>),
}

impl Key {
    fn new(name: &OsStr) -> Self {
        match name.to_str() {
            Some(_) => Self::Text(shown(name)),
            None => Self::Bytes(name.as_encoded_bytes().to_vec()),
        }
    }
}

/// The classes in natural order, train and test together, each with its files.
fn collect(plan: &Plan<'_>) -> Vec<ClassFiles> {
    let mut classes: BTreeMap<Key, ClassFiles> = BTreeMap::new();
    let test = plan.test.as_deref().unwrap_or_default();
    for (dirs, is_test) in [(plan.train.as_slice(), false), (test, true)] {
        for dir in dirs {
            let class = match classes.entry(Key::new(dir.name)) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(ClassFiles { name: shown(dir.name), ..ClassFiles::default() }),
            };
            class.folders.extend(dir.dirs.iter().map(|dir| dir.path.clone()));
            let files = if is_test { &mut class.test } else { &mut class.train };
            files.extend(files_of(dir));
            files.sort_by(|a, b| natural(&a.name, &b.name).then_with(|| a.path.cmp(&b.path)));
        }
    }
    let mut classes: Vec<ClassFiles> = classes.into_values().collect();
    classes.sort_by(|a, b| natural(&a.name, &b.name).then_with(|| a.folders.cmp(&b.folders)));
    // Names that differ in bytes that cannot be shown look the same.
    for index in 1..classes.len() {
        let same = classes[..index].iter().filter(|class| class.name == classes[index].name).count();
        if same > 0 {
            let name = format!("{} ({})", classes[index].name, same + 1);
            classes[index].name = name;
        }
    }
    classes
}

fn files_of(class: &ClassDir<'_>) -> Vec<LabelledFile> {
    let of_dir = |dir: &Dir<'_>| {
        let files = dir.folder.files.iter().filter(|file| !is_system(&file.name));
        let path = dir.path.clone();
        files
            .map(move |file| LabelledFile {
                path: path.join(&file.name),
                name: file.name.to_string_lossy().into_owned(),
                bytes: file.bytes,
                is_image_name: is_image_name(&file.name),
                is_special: !file.is_regular,
            })
            .collect::<Vec<_>>()
    };
    class.dirs.iter().flat_map(of_dir).collect()
}
