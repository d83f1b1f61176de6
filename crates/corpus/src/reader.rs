//! The interface of a layout: recognise itself in a listed folder, and hand over its images.

use std::path::{Path, PathBuf};

use crate::{
    Error, OpenOptions,
    account::{Usage, leave_out_unused},
    sink::Sink,
    tree::{Folder, Tree},
};

/// A folder that is being looked at, with its path. Of a single file: the file's path, and a folder with it alone.
#[derive(Debug, Clone)]
pub(crate) struct Place<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) folder: &'t Folder,
    pub(crate) path: PathBuf,
}

impl<'t> Place<'t> {
    /// A folder in this one.
    pub(crate) fn inner(&self, folder: &'t Folder) -> Self {
        Self { tree: self.tree, folder, path: self.path.join(&folder.name) }
    }

    /// True when a file of that name is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.tree.is_file && self.folder.file(name).is_some()
    }

    /// A path below the corpus's root as the account names it.
    pub(crate) fn relative<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.tree.root).unwrap_or(path)
    }
}

/// A recognised corpus, not read yet.
pub(crate) trait Reader {
    /// Its name in tables and messages: "class folders", "CIFAR-10 binary".
    fn layout(&self) -> String;

    /// The files of the listed tree that it uses; all others are left out and counted.
    fn usage(&self) -> Usage;

    /// Hands every image to the sink: within each split in the order of ids.
    ///
    /// # Errors
    /// A fault that makes the whole corpus unreadable. A single broken image is counted in the sink's account.
    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error>;

    /// Bytes of pixels, where they lie as such in the files and nothing needs decoding.
    fn raw_bytes(&self) -> Option<u64> {
        None
    }
}

/// A reader and the folder (or file) that it reads.
pub(crate) struct Found<'t> {
    pub(crate) path: PathBuf,
    pub(crate) reader: Box<dyn Reader + 't>,
    /// Remarks for its owner on how it was recognised.
    pub(crate) remarks: Vec<String>,
}

impl Found<'_> {
    /// Hands every image to the sink; all else that the tree holds stands in the account.
    pub(crate) fn read(&self, tree: &Tree, sink: &mut Sink<'_>) -> Result<(), Error> {
        for remark in &self.remarks {
            sink.account.remark(remark.as_str());
        }
        leave_out_unused(tree, &self.reader.usage(), &self.path, &mut sink.account);
        self.reader.read(sink)
    }
}

/// The entry point of a layout: looks at a folder and gives a reader if it recognises the layout.
pub(crate) type Detect = for<'t> fn(&Place<'t>, &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error>;
