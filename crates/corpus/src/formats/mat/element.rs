//! The elements that a MATLAB file is made of: a tag with kind (data type) and length, then the data, padded
//! to eight bytes.

use std::{
    io::{self, Cursor, Read},
    path::Path,
};

use crate::Error;

/// Heads of variables have no longer elements.
const MAX_SMALL_BYTES: u32 = 1 << 16;

pub(super) fn malformed(found: impl Into<String>, expected: impl Into<String>, path: &Path) -> Error {
    Error::Malformed { what: "the MATLAB file", found: found.into(), expected: expected.into(), path: path.to_owned() }
}

/// Byte order of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// Kind and length of an element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag {
    pub(super) kind: u32,
    pub(super) bytes: u32,
    /// Up to four bytes of data in the tag itself.
    small: Option<[u8; 4]>,
}

impl Tag {
    pub(super) fn read(reader: &mut dyn Read, order: ByteOrder, path: &Path) -> Result<Self, Error> {
        let mut words = [[0; 4]; 2];
        read_exact(reader, words.as_flattened_mut(), path)?;
        let first = order.u32(words[0]);
        let small = first >> 16;
        if small == 0 {
            return Ok(Self { kind: first, bytes: order.u32(words[1]), small: None });
        }
        if small > 4 {
            let found = format!("an element with {small} bytes in its tag");
            return Err(malformed(found, "at most 4; fetch the file again", path));
        }
        Ok(Self { kind: first & 0xffff, bytes: small, small: Some(words[1]) })
    }
}

/// Reads until the buffer is full.
pub(super) fn read_exact(reader: &mut dyn Read, buffer: &mut [u8], path: &Path) -> Result<(), Error> {
    reader.read_exact(buffer).map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => malformed("its end within a variable", "a whole file; fetch it again", path),
        _ => Error::Io { action: "unpack", source, path: path.to_owned() },
    })
}

/// An element of a head: kind and data.
pub(super) fn read_small(reader: &mut dyn Read, order: ByteOrder, path: &Path) -> Result<(u32, Vec<u8>), Error> {
    let tag = Tag::read(reader, order, path)?;
    if let Some(data) = tag.small {
        return Ok((tag.kind, data[..tag.bytes as usize].to_vec()));
    }
    if tag.bytes > MAX_SMALL_BYTES {
        let found = format!("a head of {} bytes", tag.bytes);
        return Err(malformed(found, format!("at most {MAX_SMALL_BYTES}; fetch the file again"), path));
    }
    let mut data = vec![0; tag.bytes.next_multiple_of(8) as usize];
    read_exact(reader, &mut data, path)?;
    data.truncate(tag.bytes as usize);
    Ok((tag.kind, data))
}

/// Kind and length of the numbers that come next, and a reader that stands before them.
pub(super) fn data(
    mut reader: Box<dyn Read>,
    order: ByteOrder,
    path: &Path,
) -> Result<(u32, u64, Box<dyn Read>), Error> {
    let tag = Tag::read(&mut reader, order, path)?;
    let reader = match tag.small {
        Some(data) => Box::new(Cursor::new(data)),
        None => reader,
    };
    Ok((tag.kind, u64::from(tag.bytes), reader))
}

/// The bytes of a number of a kind.
pub(super) fn size(kind: u32) -> Option<usize> {
    match kind {
        1 | 2 => Some(1),
        3 | 4 => Some(2),
        5..=7 => Some(4),
        9 | 12 | 13 => Some(8),
        _ => None,
    }
}

/// A number of a kind, if it is whole.
pub(super) fn number(kind: u32, order: ByteOrder, bytes: &[u8]) -> Option<i64> {
    let mut wide = [0; 8];
    let low = wide.get_mut(..bytes.len())?;
    low.copy_from_slice(bytes);
    if order == ByteOrder::Big {
        low.reverse();
    }
    let unsigned = u64::from_le_bytes(wide);
    let shift = 64 - 8 * bytes.len() as u32;
    let signed = (unsigned << (shift % 64)).cast_signed() >> (shift % 64);
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64);
    match kind {
        1 | 3 | 5 | 12 => Some(signed),
        2 | 4 | 6 | 13 => i64::try_from(unsigned).ok(),
        7 => whole(f64::from(f32::from_bits(unsigned as u32))),
        9 => whole(f64::from_bits(unsigned)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_kind_are_understood() {
        assert_eq!(number(1, ByteOrder::Little, &[0xff]), Some(-1));
        assert_eq!(number(2, ByteOrder::Little, &[0xff]), Some(255));
        assert_eq!(number(3, ByteOrder::Big, &[0xff, 0xfe]), Some(-2));
        assert_eq!(number(5, ByteOrder::Little, &(-70_000_i32).to_le_bytes()), Some(-70_000));
        assert_eq!(number(7, ByteOrder::Big, &3.0_f32.to_be_bytes()), Some(3));
        assert_eq!(number(9, ByteOrder::Little, &10.0_f64.to_le_bytes()), Some(10));
        assert_eq!(number(9, ByteOrder::Little, &f64::NAN.to_le_bytes()), None);
        assert_eq!(number(9, ByteOrder::Little, &1.5_f64.to_le_bytes()), None);
        assert_eq!(number(13, ByteOrder::Little, &[0xff; 8]), None);
        assert_eq!(number(12, ByteOrder::Little, &[0xff; 8]), Some(-1));
        assert_eq!(number(8, ByteOrder::Little, &[1]), None);
    }
}
