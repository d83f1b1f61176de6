//! Corpora whose labels or splits stand in lists beside the images.

pub(crate) mod flowers;
pub(crate) mod food;
pub(crate) mod gtsrb;
pub(crate) mod pets;
mod table;
pub(crate) mod tiny_imagenet;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use super::splits::Splitting;
use crate::{
    Account, ClassId, Error, Split,
    account::Reason,
    name::natural,
    reader::{Place, Reader},
    sink::{Item, Payload, Sink},
    tree::Folder,
};

/// How the names of images end, to tell them from notes that lie beside them.
const IMAGES: [&str; 12] = ["jpg", "jpeg", "png", "webp", "ppm", "pgm", "pnm", "bmp", "gif", "tif", "tiff", "jfif"];

/// An image that a list names.
struct Listed {
    split: Split,
    class: ClassId,
    path: PathBuf,
}

/// A corpus of images that lists name.
struct ListedImages {
    layout: &'static str,
    root: PathBuf,
    classes: Vec<String>,
    images: Vec<Listed>,
    account: Account,
}

impl ListedImages {
    fn new(layout: &'static str, place: &Place<'_>) -> Self {
        Self {
            layout,
            root: place.tree.root.clone(),
            classes: Vec::new(),
            images: Vec::new(),
            account: Account::default(),
        }
    }

    fn push(&mut self, split: Split, class: ClassId, path: PathBuf) {
        self.images.push(Listed { split, class, path });
    }

    /// Accounts for the images of folders that no list names.
    fn account_for_others(&mut self, place: &Place<'_>, folders: &[(&Folder, PathBuf)], detail: &str) {
        let listed: HashSet<&Path> = self.images.iter().map(|image| image.path.as_path()).collect();
        for (folder, path) in folders {
            let mut others: Vec<PathBuf> = folder.files.iter().map(|file| path.join(&file.name)).collect();
            others.retain(|other| !listed.contains(other.as_path()));
            others.sort();
            for other in others {
                let (reason, detail) =
                    if is_image(&other) { (Reason::Unlabelled, detail) } else { (Reason::NotAnImage, "") };
                self.account.leave_out(reason, place.relative(&other), detail);
            }
        }
    }
}

impl Reader for ListedImages {
    fn layout(&self) -> String {
        self.layout.to_owned()
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        sink.set_classes(self.classes.clone());
        sink.set_total(self.images.len());
        sink.account = self.account.clone();
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

fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    IMAGES.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The images of a folder, in natural order.
fn images_in(folder: &Folder, path: &Path) -> Vec<PathBuf> {
    let mut names: Vec<String> = folder.files.iter().map(|file| file.name.to_string_lossy().into_owned()).collect();
    names.retain(|name| is_image(Path::new(name)));
    names.sort_by(|a, b| natural(a, b));
    names.into_iter().map(|name| path.join(name)).collect()
}

/// How many images a folder and those in it hold, by their names.
fn count_images(folder: &Folder) -> usize {
    let here = folder.files.iter().filter(|file| is_image(Path::new(&file.name))).count();
    here + folder.folders.iter().map(count_images).sum::<usize>()
}

/// The numbers of classes by name.
fn numbered(classes: &[String]) -> HashMap<&str, ClassId> {
    classes.iter().enumerate().map(|(index, name)| (name.as_str(), class_id(index))).collect()
}

/// A class by its place; more than can be numbered are refused when the corpus is put together.
fn class_id(index: usize) -> ClassId {
    ClassId(u16::try_from(index).unwrap_or(u16::MAX))
}

fn malformed(what: &'static str, found: String, expected: &str, path: &Path) -> Error {
    Error::Malformed { what, found, expected: expected.to_owned(), path: path.to_owned() }
}
