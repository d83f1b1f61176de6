//! One image that a reader hands over.

use std::path::PathBuf;

use crate::{ClassId, ImageShape, Split};

/// The source of an image's pixels.
#[derive(Debug)]
pub(crate) enum Payload {
    /// An image file.
    File(PathBuf),
    /// An image file's bytes, taken from an archive or a Parquet file.
    Encoded(Vec<u8>),
    /// Pixels as they are: channels x height x width, 1 channel or 3.
    Raw { shape: ImageShape, pixels: Vec<u8> },
}

/// One labelled image to be added to the corpus.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) split: Split,
    pub(crate) class: ClassId,
    /// The name that the corpus gives it: a file name, or the split and its index.
    pub(crate) name: String,
    /// Its relative path in the corpus, for the report of what was left out ([`Account`](crate::Account)).
    pub(crate) source: String,
    pub(crate) payload: Payload,
}

impl Payload {
    /// Bytes that it holds in memory.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::File(_) => 0,
            Self::Encoded(bytes) | Self::Raw { pixels: bytes, .. } => bytes.len() as u64,
        }
    }
}
