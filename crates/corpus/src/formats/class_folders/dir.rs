//! A folder with its path, and what in it counts.

use std::{ffi::OsStr, path::PathBuf};

use super::names::{Role, is_generic, is_system, may_be_image, role, shown};
use crate::{
    name::natural,
    tree::{FileEntry, Folder},
};

/// Folders that are entered one after the other because nothing else is beside them.
const WRAPPERS: usize = 4;

/// A folder of the tree and where it lies.
#[derive(Debug, Clone)]
pub(super) struct Dir<'t> {
    pub(super) folder: &'t Folder,
    pub(super) path: PathBuf,
}

impl<'t> Dir<'t> {
    pub(super) fn name(&self) -> &'t OsStr {
        self.folder.name.as_os_str()
    }

    /// The name for messages, as a folder: `train/`.
    pub(super) fn label(&self) -> String {
        format!("{}/", shown(self.name()))
    }

    pub(super) fn role(&self) -> Option<Role> {
        role(self.name()).map(|(role, _)| role)
    }

    pub(super) fn is_exactly(&self, wanted: Role) -> bool {
        role(self.name()) == Some((wanted, true))
    }

    /// Whether the folder may be part of a corpus.
    pub(super) fn is_usable(&self) -> bool {
        !self.folder.is_own && !is_system(self.name())
    }

    /// The folders in it, in the order of their names.
    pub(super) fn all_folders(&self) -> Vec<Dir<'t>> {
        let folders = self.folder.folders.iter().map(|folder| Dir { folder, path: self.path.join(&folder.name) });
        sorted(folders, |dir| dir.name())
    }

    /// The folders in it that hold files that may be images, at any depth.
    pub(super) fn folders(&self) -> Vec<Dir<'t>> {
        self.all_folders().into_iter().filter(|dir| dir.is_usable() && dir.holds_images()).collect()
    }

    /// The files that may be images, by their names.
    pub(super) fn images(&self) -> impl Iterator<Item = &'t FileEntry> {
        self.folder.files.iter().filter(|file| !is_system(&file.name) && may_be_image(&file.name))
    }

    pub(super) fn has_images(&self) -> bool {
        self.images().next().is_some()
    }

    /// Whether there are files that may be images in it or anywhere below.
    pub(super) fn holds_images(&self) -> bool {
        let inner = |folder| Dir { folder, path: PathBuf::new() };
        self.has_images() || self.folder.folders.iter().map(inner).any(|dir| dir.is_usable() && dir.holds_images())
    }

    /// The folder that holds the classes of a split: itself, or one inside that repeats its name (`train/train`) or
    /// says nothing (`train/images`).
    pub(super) fn unwrapped(&self) -> Dir<'t> {
        let mut dir = self.clone();
        for _ in 0..WRAPPERS {
            let inner = dir.folders();
            let [only] = inner.as_slice() else { break };
            let repeats = only.role().is_some() && only.role() == dir.role();
            if dir.has_images() || !(repeats || is_generic(only.name())) {
                break;
            }
            dir = only.clone();
        }
        dir
    }

    /// Whether the images of a split lie in class folders.
    pub(super) fn is_labelled(&self) -> bool {
        !self.unwrapped().folders().is_empty()
    }
}

/// In the order of names: as people count, and of equals by their bytes.
pub(super) fn sorted<T>(items: impl IntoIterator<Item = T>, name: impl Fn(&T) -> &OsStr) -> Vec<T> {
    let mut items: Vec<(String, T)> = items.into_iter().map(|item| (shown(name(&item)), item)).collect();
    items.sort_by(|(a, first), (b, second)| natural(a, b).then_with(|| name(first).cmp(name(second))));
    items.into_iter().map(|(_, item)| item).collect()
}
