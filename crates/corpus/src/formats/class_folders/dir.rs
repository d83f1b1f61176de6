//! A folder with its path, and what its name and contents say.

use std::{ffi::OsStr, path::PathBuf};

use super::names::{Role, is_generic, role};
use crate::{
    file_name::{shown, sorted},
    tree::Folder,
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
        if self.name().is_empty() {
            return "the folder itself".to_owned();
        }
        format!("{}/", shown(self.name()))
    }

    /// The split that its name speaks of.
    pub(super) fn role(&self) -> Option<Role> {
        role(self.name()).map(|(role, _)| role)
    }

    /// True when its name speaks of this split and of nothing else.
    pub(super) fn is_exactly(&self, wanted: Role) -> bool {
        role(self.name()) == Some((wanted, true))
    }

    /// The folders in it that hold files that may be images, at any depth; in the order of their names.
    pub(super) fn folders(&self) -> Vec<Dir<'t>> {
        let folders = self.folder.folders.iter().map(|folder| Dir { folder, path: self.path.join(&folder.name) });
        sorted(folders, |dir| dir.name())
            .into_iter()
            .filter(|dir| dir.folder.is_usable() && dir.folder.holds_images())
            .collect()
    }

    pub(super) fn has_images(&self) -> bool {
        self.folder.images().next().is_some()
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

    /// True when the images of a split lie in class folders.
    pub(super) fn is_labelled(&self) -> bool {
        !self.unwrapped().folders().is_empty()
    }
}
