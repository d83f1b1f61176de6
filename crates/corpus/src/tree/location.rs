//! The location of a folder in a listed tree.

use std::path::{Path, PathBuf};

use super::{Folder, Tree};

/// A folder of a listed tree, with its path. For a single file: the path of the file, and a folder that holds only it.
#[derive(Debug, Clone)]
pub(crate) struct Location<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) folder: &'t Folder,
    pub(crate) path: PathBuf,
}

impl<'t> Location<'t> {
    /// A folder in this one.
    pub(crate) fn inner(&self, folder: &'t Folder) -> Self {
        Self { tree: self.tree, folder, path: self.path.join(&folder.name) }
    }

    /// True when a file of that name is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.tree.is_file && self.folder.file(name).is_some()
    }

    /// A path relative to the root of the tree, as an [`Account`](crate::Account) names it.
    pub(crate) fn relative<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.tree.root).unwrap_or(path)
    }
}
