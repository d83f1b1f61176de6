//! The private functions that the fuzz targets (`crates/fuzz`) call.

use std::path::Path;

use crate::http::selection::{Axis, Selection};
use crate::upload::archive::{ArchiveLimits, unpack as unpack_archive};

/// A selection bound to an axis of `count` things, or why not.
pub fn select(text: &str, count: usize) -> Result<Vec<usize>, String> {
    let axis = Axis { what: "thing", of: "the axis", count };
    let selection: Selection = text.parse().map_err(|error| format!("{error:?}"))?;
    selection.bind(axis).map_err(|error| format!("{error:?}"))
}

/// Unpacks an archive: files written and bytes in all.
pub fn unpack(bytes: &[u8], folder: &Path, max_bytes: u64, max_entries: usize) -> Result<(usize, u64), String> {
    let allowance = ArchiveLimits { bytes: max_bytes, entries: max_entries, claim: &|_| Ok(()) };
    let unpacked = unpack_archive(bytes, folder, allowance, |_| true).map_err(|error| format!("{error:?}"))?;
    Ok((unpacked.files, unpacked.bytes))
}
