//! Bytes of images into pixels, on all cores, in groups whose memory is bounded.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use rayon::prelude::*;

use super::item::{Item, Payload};
use crate::{
    account::{NOT_REGULAR, Reason},
    decode::{self, Decoded, Estimate, MAX_FILE_BYTES, Orientation, Undecodable},
    tree::FileSource,
};

/// Reads and decodes images.
#[derive(Clone, Copy)]
pub(super) struct Decoder<'a> {
    pub(super) files: Option<&'a dyn FileSource>,
    pub(super) orientation: Orientation,
}

/// An image whose bytes are in memory, and what it promises to become.
pub(super) struct Loaded {
    pub(super) item: Item,
    content: Result<Content, Undecodable>,
}

enum Content {
    Raw(Decoded),
    Encoded(Vec<u8>, Estimate),
}

impl Decoder<'_> {
    /// Bytes in the file of an image; of those in memory already none.
    pub(super) fn file_bytes(self, item: &Item) -> u64 {
        match &item.payload {
            Payload::File(path) => self.length(path).unwrap_or(0),
            Payload::Encoded(_) | Payload::Raw { .. } => 0,
        }
    }

    fn length(self, path: &Path) -> io::Result<u64> {
        self.files.map_or_else(|| fs::metadata(path).map(|data| data.len()), |files| files.length(path))
    }

    /// Reads the files of some images.
    pub(super) fn load(self, items: Vec<Item>) -> Vec<Loaded> {
        items.into_par_iter().map(|item| self.load_one(item)).collect()
    }

    fn load_one(self, mut item: Item) -> Loaded {
        let content = match std::mem::replace(&mut item.payload, Payload::Encoded(Vec::new())) {
            Payload::Raw { shape, pixels } => Ok(Content::Raw(Decoded { shape, pixels, is_turned: false })),
            Payload::Encoded(bytes) => self.promised(bytes),
            Payload::File(path) => match self.read(&path) {
                Ok(bytes) => self.promised(bytes),
                Err(error) => Err(Undecodable { reason: Reason::Unreadable, detail: error.to_string() }),
            },
        };
        Loaded { item, content }
    }

    fn read(self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some(files) = self.files {
            return files.read(path);
        }
        // Opening a pipe would block.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other(NOT_REGULAR));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(io::Error::other(format!("more than {} MiB", MAX_FILE_BYTES >> 20)));
        }
        Ok(bytes)
    }

    /// The image that a file's header declares. An unreadable header declares none, and decoding says why.
    fn promised(self, bytes: Vec<u8>) -> Result<Content, Undecodable> {
        match decode::estimate(&bytes) {
            Some(estimate) => Ok(Content::Encoded(bytes, estimate)),
            None => decode::decode(&bytes, self.orientation).map(Content::Raw),
        }
    }

    /// Decodes some images.
    pub(super) fn decode(self, loaded: Vec<Loaded>) -> Vec<(Item, Result<Decoded, Undecodable>)> {
        let decode = |Loaded { item, content }| {
            let decoded = content.and_then(|content| match content {
                Content::Raw(decoded) => Ok(decoded),
                Content::Encoded(bytes, _) => decode::decode(&bytes, self.orientation),
            });
            (item, decoded)
        };
        loaded.into_par_iter().map(decode).collect()
    }
}

impl Loaded {
    /// Bytes of its pixels.
    pub(super) fn decoded_bytes(&self) -> u64 {
        match &self.content {
            Ok(Content::Raw(decoded)) => decoded.pixels.len() as u64,
            Ok(Content::Encoded(_, estimate)) => estimate.decoded_bytes,
            Err(_) => 0,
        }
    }

    /// Bytes that decoding it takes.
    pub(super) fn work_bytes(&self) -> u64 {
        match &self.content {
            Ok(Content::Encoded(_, estimate)) => estimate.work_bytes,
            Ok(Content::Raw(_)) | Err(_) => 0,
        }
    }
}
