//! The header of an idx file: the type of its values and the sizes of its dimensions.

use std::{
    io::{self, Read},
    path::Path,
};

use super::super::records::{Opened, PICTURE, interleaved_to_planes, is_picture, open_maybe_gz};
use crate::{Error, ImageShape, Limits};

/// The header of an idx file.
#[derive(Debug)]
pub(super) struct Header {
    /// Bytes of a value: 1, or 4 for whole numbers.
    value_bytes: usize,
    /// The sizes of its dimensions.
    sides: Vec<usize>,
}

/// The form of the images.
#[derive(Debug, Clone, Copy)]
pub(super) struct ElementKind {
    pub(super) shape: ImageShape,
    /// True when the channels of a pixel lie side by side.
    is_interleaved: bool,
}

impl ElementKind {
    pub(super) fn planes(self, bytes: Vec<u8>) -> Vec<u8> {
        if self.is_interleaved { interleaved_to_planes(&bytes, self.shape) } else { bytes }
    }
}

fn malformed(what: &'static str, found: String, expected: &str, path: &Path) -> Error {
    Error::Malformed { what, found, expected: expected.to_owned(), path: path.to_owned() }
}

impl Header {
    /// Reads the head, and holds what it promises against the bytes that exist.
    pub(super) fn read(opened: &mut Opened, path: &Path) -> Result<Self, Error> {
        let mut magic = [0; 4];
        read_head(opened, &mut magic, path)?;
        let (value_bytes, count) = match magic {
            [0, 0, 0x08, count @ 1..=4] => (1, count),
            [0, 0, 0x0c, count @ 1..=4] => (4, count),
            other => {
                let expected = "an idx file of bytes (00 00 08 and the number of dimensions) or of whole numbers (0c)";
                return Err(malformed("the idx file", format!("a file that begins with {other:02x?}"), expected, path));
            }
        };
        let mut sides = Vec::new();
        for _ in 0..count {
            let mut side = [0; 4];
            read_head(opened, &mut side, path)?;
            sides.push(u32::from_be_bytes(side) as usize);
        }
        let head = 4 + 4 * u64::from(count);
        let bytes = sides.iter().try_fold(value_bytes as u64, |all, &side| all.checked_mul(side as u64));
        let bytes = bytes.and_then(|bytes| bytes.checked_add(head)).unwrap_or(u64::MAX);
        let fits = if opened.is_compressed { bytes <= opened.max_bytes } else { bytes == opened.max_bytes };
        if !fits {
            let found = if opened.is_compressed {
                format!("{bytes} bytes promised by the head for {sides:?}, more than the file can unpack to")
            } else {
                format!("{} bytes", opened.max_bytes)
            };
            let expected = format!("{bytes} for {sides:?}; fetch the file again");
            return Err(malformed("the idx file", found, &expected, path));
        }
        Ok(Self { value_bytes, sides })
    }

    /// The number of images or labels.
    pub(super) fn count(&self) -> usize {
        self.sides.first().copied().unwrap_or(0)
    }

    /// The form of the images of the file.
    pub(super) fn images(&self, path: &Path) -> Result<ElementKind, Error> {
        let shape = |channels, height, width| ImageShape { channels, height, width };
        let kind = match (self.value_bytes, &self.sides[1..]) {
            (1, &[height, width]) => ElementKind { shape: shape(1, height, width), is_interleaved: false },
            (1, &[height, width, channels @ (1 | 3)]) => {
                ElementKind { shape: shape(channels, height, width), is_interleaved: true }
            }
            (1, &[channels @ (1 | 3), height, width]) => {
                ElementKind { shape: shape(channels, height, width), is_interleaved: false }
            }
            _ => {
                let found = format!("values of {} bytes with the sides {:?}", self.value_bytes, self.sides);
                let expected = "bytes: images x height x width, with or without 1 or 3 channels";
                return Err(malformed("the images", found, expected, path));
            }
        };
        if !is_picture(kind.shape) {
            let found = format!("images of {} x {} pixels", kind.shape.width, kind.shape.height);
            return Err(malformed("the images", found, PICTURE, path));
        }
        Ok(kind)
    }
}

/// Reads a whole file of labels. Where several numbers belong to an image (QMNIST), the first is its label.
pub(super) fn read_labels(path: &Path, limits: Limits) -> Result<Vec<i64>, Error> {
    let mut opened = open_maybe_gz(path)?;
    let header = Header::read(&mut opened, path)?;
    // The file may unpack to a thousand times its size.
    limits.check_images(header.count(), path)?;
    let columns = match header.sides[1..] {
        [] => 1,
        [columns @ 1..=64] => columns,
        _ => {
            let found = format!("the sides {:?}", header.sides);
            return Err(malformed("the labels", found, "one label for each image", path));
        }
    };
    let row = columns * header.value_bytes;
    let expected = row * header.count();
    let mut bytes = Vec::new();
    let limited = opened.reader.by_ref().take(expected as u64 + 1);
    { limited }.read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() != expected {
        let found = if bytes.len() < expected { format!("{} bytes", bytes.len()) } else { "more".to_owned() };
        return Err(malformed("the labels", found, &format!("{expected} bytes; fetch the file again"), path));
    }
    let label = |row: &[u8]| match row {
        [a, b, c, d, ..] if header.value_bytes == 4 => i64::from(i32::from_be_bytes([*a, *b, *c, *d])),
        [label, ..] => i64::from(*label),
        [] => -1,
    };
    Ok(bytes.chunks_exact(row).map(label).collect())
}

fn read_head(opened: &mut Opened, bytes: &mut [u8], path: &Path) -> Result<(), Error> {
    opened.reader.read_exact(bytes).map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => {
            malformed("the idx file", "its end within the head".to_owned(), "a whole file; fetch it again", path)
        }
        _ => Error::Io { action: "read", source, path: path.to_owned() },
    })
}
