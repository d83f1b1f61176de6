//! Archives that are read without being unpacked: tar, tar.gz and zip.

mod folders;
mod kind;
mod listing;
mod open;
mod tar;
mod webdataset;
mod zip;

use crate::{Error, OpenOptions, reader::Reader, tree::Place};

/// Recognises an archive with class folders, and shards of samples: one, or a folder of them.
pub(crate) fn detect<'t>(place: &Place<'t>, options: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if let Some(shards) = webdataset::detect(place, options)? {
        return Ok(Some(shards));
    }
    if !place.tree.is_file {
        return Ok(None);
    }
    folders::detect(place, options)
}
