//! Corpora whose labels or splits are in lists beside the images.

pub(crate) mod flowers;
pub(crate) mod food;
pub(crate) mod gtsrb;
pub(crate) mod pets;
mod table;
pub(crate) mod tiny_imagenet;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::splits::Splitting;
use crate::{
    ClassId, Error, Split,
    account::{Mark, Reason, Usage},
    file_name::is_image_name,
    name::natural,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::{Folder, Location},
};

/// An image that is listed, with its split and class.
struct Listed {
    split: Split,
    class: ClassId,
    path: PathBuf,
}

/// A corpus of listed images.
struct ListedImages {
    layout: &'static str,
    root: PathBuf,
    classes: Vec<String>,
    images: Vec<Listed>,
    /// The lists, and folders with the reason why an image that is not listed is left out.
    usage: Usage,
    /// Images of a split that is not used, and the reason.
    other_split: Vec<(PathBuf, String)>,
}

impl ListedImages {
    /// A corpus without images yet; `lists` are the files that contain labels and splits.
    fn new(layout: &'static str, location: &Location<'_>, lists: &[&str]) -> Self {
        Self {
            layout,
            root: location.tree.root.clone(),
            classes: Vec::new(),
            images: Vec::new(),
            usage: Usage::of(lists.iter().map(|list| location.path.join(list))),
            other_split: Vec::new(),
        }
    }

    fn push(&mut self, split: Split, class: ClassId, path: PathBuf) {
        self.images.push(Listed { split, class, path });
    }

    /// Images of a folder that are not listed are reported as unlabelled, with this reason.
    fn mark_unlisted(&mut self, folder: PathBuf, detail: &str) {
        self.usage.mark(folder, Mark::Left(Reason::Unlabelled, detail.to_owned()));
    }
}

impl Reader for ListedImages {
    fn layout(&self) -> String {
        self.layout.to_owned()
    }

    fn usage(&self) -> Usage {
        let mut usage = self.usage.clone();
        let other_split = self.other_split.iter().map(|(path, _)| path);
        usage.files.extend(self.images.iter().map(|image| &image.path).chain(other_split).cloned());
        usage
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        sink.set_classes(self.classes.clone());
        sink.set_total(self.images.len());
        for (path, detail) in &self.other_split {
            let path = path.strip_prefix(&self.root).unwrap_or(path);
            sink.account.leave_out(Reason::OtherSplit, path, detail.as_str());
        }
        let has_test = self.images.iter().any(|image| image.split == Split::Test);
        let mut splitting = Splitting::new(has_test, &mut sink.account);
        for Listed { split, class, path } in &self.images {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let source = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned();
            let split = splitting.next(*split, *class);
            sink.push(Item { split, class: *class, name, source, payload: Payload::File(path.clone()) })?;
        }
        Ok(())
    }
}

/// The images of a folder, in natural order.
fn images_in(folder: &Folder, path: &Path) -> Vec<PathBuf> {
    let mut names: Vec<String> = folder.files.iter().map(|file| file.name.to_string_lossy().into_owned()).collect();
    names.retain(|name| is_image_name(name.as_ref()));
    names.sort_by(|a, b| natural(a, b));
    names.into_iter().map(|name| path.join(name)).collect()
}

/// The numbers of classes by name.
fn numbered(classes: &[String]) -> HashMap<&str, ClassId> {
    classes.iter().enumerate().map(|(index, name)| (name.as_str(), class_id(index))).collect()
}

/// A class by its index; more classes than ids are refused when the corpus is finished.
fn class_id(index: usize) -> ClassId {
    ClassId(u16::try_from(index).unwrap_or(u16::MAX))
}

fn malformed(what: &'static str, found: String, expected: &str, path: &Path) -> Error {
    Error::Malformed { what, found, expected: expected.to_owned(), path: path.to_owned() }
}
