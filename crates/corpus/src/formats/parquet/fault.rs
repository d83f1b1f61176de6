//! The error of a Parquet file that is no table of images.

use std::path::Path;

use crate::Error;

pub(super) fn malformed(found: impl Into<String>, expected: impl Into<String>, path: &Path) -> Error {
    Error::Malformed { what: "the parquet file", found: found.into(), expected: expected.into(), path: path.to_owned() }
}
