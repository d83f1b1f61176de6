//! Class folders: `train/<class>/*` and `test/<class>/*`, or `<class>/*` alone.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use crate::{
    Account, ClassId, Error, OpenOptions, Split,
    account::Reason,
    name::natural,
    reader::{Place, Reader},
    sink::{Item, Payload, Sink},
    tree::Folder,
};

/// What is read.
const READ: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// What is an image, but is not read: reported instead of passed over in silence.
const NOT_READ: [&str; 6] = ["bmp", "gif", "tif", "tiff", "avif", "heic"];
/// Without a test folder, every so many images of a class are for testing.
const TEST_EVERY: usize = 10;

/// Whether a name is one that a system or a tool keeps for itself.
pub(crate) fn is_system(name: &OsStr) -> bool {
    const NAMES: [&str; 4] = ["__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information"];
    NAMES.iter().any(|system| name == *system)
}

/// One file of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    path: PathBuf,
    name: String,
    class: ClassId,
}

/// The class folders of a corpus.
struct ClassFolders {
    root: PathBuf,
    classes: Vec<String>,
    train: Vec<File>,
    test: Vec<File>,
    account: Account,
}

/// Recognises class folders.
#[expect(clippy::unnecessary_wraps, reason = "the form that every layout's detection has")]
pub(crate) fn detect<'t>(place: &Place<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if place.tree.is_file {
        return Ok(None);
    }
    let train = place.folder.folder("train");
    let test = ["test", "val", "valid"].into_iter().find_map(|name| place.folder.folder(name));
    let holds_classes = |folder: Option<&Folder>| folder.is_some_and(|folder| !folder.folders.is_empty());
    let roots = if holds_classes(train) || holds_classes(test) {
        [train, test]
    } else if place.folder.folders.iter().any(|class| class.files.iter().any(|file| is_one_of(&file.name, &READ))) {
        [Some(place.folder), None]
    } else {
        return Ok(None);
    };
    Ok(Some(Box::new(list(place, roots))))
}

impl Reader for ClassFolders {
    fn layout(&self) -> String {
        "class folders".to_owned()
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        sink.set_classes(self.classes.clone());
        sink.set_total(self.train.len() + self.test.len());
        sink.account = self.account.clone();
        for (split, files) in [(Split::Train, &self.train), (Split::Test, &self.test)] {
            for file in files {
                let source = file.path.strip_prefix(&self.root).unwrap_or(&file.path);
                let source = source.to_string_lossy().into_owned();
                let payload = Payload::File(file.path.clone());
                sink.push(Item { split, class: file.class, name: file.name.clone(), source, payload })?;
            }
        }
        Ok(())
    }
}

/// The files for training and for testing, each by class and natural name.
fn list(place: &Place<'_>, roots: [Option<&Folder>; 2]) -> ClassFolders {
    let mut account = Account::default();
    let of_root = |root: &Folder| root.folders.iter().map(|class| class.name.to_string_lossy().into_owned()).collect();
    let classes: BTreeSet<String> =
        roots.into_iter().flatten().flat_map(|root| -> Vec<String> { of_root(root) }).collect();
    let mut classes: Vec<String> = classes.into_iter().collect();
    classes.sort_by(|a, b| natural(a, b));
    let [train, test] = roots.map(|root| {
        let mut all = Vec::new();
        for (index, class) in classes.iter().enumerate() {
            let Some(folder) = root.and_then(|root| root.folder(class)) else { continue };
            let path = place.path.join(root.map(|root| root.name.as_os_str()).unwrap_or_default()).join(class);
            let class = ClassId(index.min(usize::from(u16::MAX)) as u16);
            all.push(list_class(place, folder, (&path, class), &mut account));
        }
        all
    });
    let root = place.tree.root.clone();
    if roots.iter().all(Option::is_some) || roots[0].is_none() {
        return ClassFolders { root, classes, train: train.concat(), test: test.concat(), account };
    }
    let mut split = (Vec::new(), Vec::new());
    for (index, file) in train.into_iter().flat_map(|class| class.into_iter().enumerate()) {
        let side = if index % TEST_EVERY == TEST_EVERY - 1 { &mut split.1 } else { &mut split.0 };
        side.push(file);
    }
    ClassFolders { root, classes, train: split.0, test: split.1, account }
}

fn list_class(place: &Place<'_>, folder: &Folder, (path, class): (&Path, ClassId), account: &mut Account) -> Vec<File> {
    let mut images = Vec::new();
    for file in &folder.files {
        let name = file.name.to_string_lossy().into_owned();
        let path = path.join(&file.name);
        if is_one_of(&file.name, &READ) {
            images.push(File { path, name, class });
        } else if is_one_of(&file.name, &NOT_READ) {
            account.leave_out(Reason::UnknownFormat, place.relative(&path), format!("expected {}", READ.join(", ")));
        }
    }
    images.sort_by(|a, b| natural(&a.name, &b.name));
    for inner in &folder.folders {
        let path = path.join(&inner.name);
        account.leave_out(Reason::OtherFolder, place.relative(&path), "a folder inside a class folder is not read");
    }
    images
}

fn is_one_of(name: &OsStr, extensions: &[&str]) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default().to_string_lossy();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}
