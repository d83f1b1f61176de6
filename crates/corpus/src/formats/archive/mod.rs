//! Archives that are read without being unpacked: tar, tar.gz and zip.

mod folders;
mod kind;
mod listing;
mod open;
mod tar;
mod webdataset;
mod zip;

use crate::{Error, OpenOptions, reader::Reader, tree::Location};

/// Recognises an archive with class folders, and shards of samples: one, or a folder of them.
pub(crate) fn detect<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if let Some(shards) = webdataset::detect(location, options)? {
        return Ok(Some(shards));
    }
    if !location.tree.is_file {
        return Ok(None);
    }
    folders::detect(location, options)
}
