//! The interface of a layout: recognise itself in a listed folder, and hand over its images.

use std::path::PathBuf;

use crate::{
    Error, OpenOptions,
    account::{Usage, leave_out_unused},
    sink::Sink,
    tree::{Location, Tree},
};

/// A recognised corpus, not read yet.
pub(crate) trait Reader {
    /// Its name in tables and messages: "class folders", "CIFAR-10 binary".
    fn layout(&self) -> String;

    /// The files of the listed tree that it uses; all others are left out and counted.
    fn usage(&self) -> Usage;

    /// Hands every image to the sink: within each split in the order of ids.
    ///
    /// # Errors
    /// A fault that makes the whole corpus unreadable. A single broken image is counted in the sink's
    /// [`Account`](crate::Account).
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
    /// Hands every image to the sink; all else that the tree holds is reported in the sink's account.
    pub(crate) fn read(&self, tree: &Tree, sink: &mut Sink<'_>) -> Result<(), Error> {
        for remark in &self.remarks {
            sink.account.remark(remark.as_str());
        }
        leave_out_unused(tree, &self.reader.usage(), &self.path, &mut sink.account);
        self.reader.read(sink)
    }
}

/// The entry point of a layout: looks at a folder and gives a reader if it recognises the layout.
pub(crate) type Detect = for<'t> fn(&Location<'t>, &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error>;
