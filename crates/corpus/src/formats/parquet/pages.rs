//! A check of a column's page headers before the pages are decompressed: the parquet crate allocates what they declare.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use parquet::{basic::Type, file::metadata::ColumnChunkMetaData};

use super::fault::malformed;
use crate::{Error, Limits};

/// Bytes of a decompressed page; usual ones have one MiB, and more only where one image does.
const MAX_PAGE_BYTES: i64 = 256 << 20;
/// Structures within structures.
const MAX_DEPTH: usize = 8;

/// Encodings of byte strings whose decoders trust the number of values that the data begin with.
const DELTA_LENGTH: i64 = 6;
const DELTA_BYTES: i64 = 7;

/// Kinds of fields in Thrift's compact protocol.
const BINARY: u8 = 8;
const STRUCT: u8 = 12;

/// The header of a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    unpacked_bytes: i64,
    stored_bytes: i64,
    values: i64,
    encoding: i64,
}

/// Walks through the pages of a column chunk.
///
/// # Errors
/// [`Error::Malformed`] where a page would be larger than any is, or is encoded in a way that cannot be read safely.
pub(super) fn check(file: &File, column: &ColumnChunkMetaData, limits: Limits, path: &Path) -> Result<(), Error> {
    let (start, length) = column.byte_range();
    let io = || Error::io("read", path);
    let mut source = BufReader::new(file);
    source.seek(SeekFrom::Start(start)).map_err(io())?;
    let mut thrift = Thrift { source, left: length };
    while thrift.left > 0 {
        let head = thrift.head().map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                malformed("a page whose head cannot be read", "a whole parquet file; fetch it again", path)
            }
            _ => Error::io("read", path)(error),
        })?;
        let max_values = i64::try_from(limits.images).unwrap_or(i64::MAX);
        if !(0..=MAX_PAGE_BYTES).contains(&head.unpacked_bytes) || !(0..=max_values).contains(&head.values) {
            let found = format!("a page of {} bytes and {} values", head.unpacked_bytes, head.values);
            return Err(malformed(found, format!("at most {MAX_PAGE_BYTES} bytes and {max_values} values"), path));
        }
        let is_delta = matches!(head.encoding, DELTA_LENGTH | DELTA_BYTES);
        if is_delta && column.column_type() == Type::BYTE_ARRAY {
            return Err(malformed("byte strings encoded as differences", "plain or with a dictionary", path));
        }
        let stored = u64::try_from(head.stored_bytes).ok().filter(|stored| *stored <= thrift.left);
        let Some(stored) = stored else {
            let found = format!("a page of {} stored bytes where the column has {}", head.stored_bytes, thrift.left);
            return Err(malformed(found, "a whole parquet file; fetch it again", path));
        };
        thrift.pass(stored).map_err(io())?;
    }
    Ok(())
}

/// Thrift's compact protocol, as far as page headers need it.
struct Thrift<R> {
    source: R,
    left: u64,
}

impl<R: Read + Seek> Thrift<R> {
    fn head(&mut self) -> io::Result<Head> {
        let mut head = Head::default();
        self.fields(&mut |this, field, kind| match field {
            2 => this.number().map(|number| head.unpacked_bytes = number),
            3 => this.number().map(|number| head.stored_bytes = number),
            // The headers of data pages, dictionary pages and data pages V2.
            5 | 7 | 8 if kind == STRUCT => {
                let encoding = if field == 8 { 4 } else { 2 };
                this.fields(&mut |this, inner, kind| match inner {
                    1 => this.number().map(|number| head.values = number),
                    _ if inner == encoding => this.number().map(|number| head.encoding = number),
                    _ => this.skip(kind, MAX_DEPTH),
                })
            }
            _ => this.skip(kind, MAX_DEPTH),
        })?;
        Ok(head)
    }

    /// Hands over the number and kind of every field of a structure.
    fn fields(&mut self, take: &mut dyn FnMut(&mut Self, i64, u8) -> io::Result<()>) -> io::Result<()> {
        let mut field = 0;
        loop {
            let byte = self.byte()?;
            let kind = byte & 0x0f;
            if kind == 0 {
                return Ok(());
            }
            field = match byte >> 4 {
                0 => self.number()?,
                step => field + i64::from(step),
            };
            take(self, field, kind)?;
        }
    }

    fn skip(&mut self, kind: u8, depth: usize) -> io::Result<()> {
        if depth == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match kind {
            // Booleans, whose value is the kind itself.
            1 | 2 => Ok(()),
            3 => self.byte().map(drop),
            4..=6 => self.number().map(drop),
            7 => self.pass(8),
            BINARY => {
                let length = self.length()?;
                self.pass(length)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let count = if byte >> 4 == 15 { self.length()? } else { u64::from(byte >> 4) };
                (0..count).try_for_each(|_| self.skip_element(byte & 0x0f, depth))
            }
            STRUCT => self.fields(&mut |this, _, kind| this.skip(kind, depth - 1)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// In lists a boolean is a byte.
    fn skip_element(&mut self, kind: u8, depth: usize) -> io::Result<()> {
        if matches!(kind, 1 | 2) { self.byte().map(drop) } else { self.skip(kind, depth - 1) }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.source.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn length(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    /// A zigzag-encoded integer.
    fn number(&mut self) -> io::Result<i64> {
        let number = self.length()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.source.seek_relative(bytes.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn head(bytes: &[u8]) -> io::Result<Head> {
        Thrift { source: Cursor::new(bytes), left: bytes.len() as u64 }.head()
    }

    #[test]
    fn heads_are_read_and_what_is_not_needed_is_passed_over() {
        // Kind, sizes, a checksum, and a data page's head with a statistic in bytes, a boolean and a list.
        let bytes = [
            0x15, 0x00, 0x15, 0xd0, 0x0f, 0x15, 0x90, 0x03, 0x15, 0x02, 0x1c, 0x15, 0x14, 0x15, 0x10, 0x15, 0x06, 0x15,
            0x06, 0x1c, 0x18, 0x02, b'a', b'b', 0x11, 0x19, 0x25, 0x02, 0x04, 0x00, 0x00, 0x00,
        ];
        let expected = Head { unpacked_bytes: 1_000, stored_bytes: 200, values: 10, encoding: 8 };
        assert_eq!(head(&bytes).unwrap(), expected);
        for cut in 0..bytes.len() {
            assert_eq!(head(&bytes[..cut]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
        // Structures without end, and a kind that does not exist.
        assert_eq!(head(&[0x9c; 40]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(head(&[0x9e]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
