//! MATLAB's files of version 5: arrays of numbers, compressed or not, read as a stream.

mod element;

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use flate2::read::ZlibDecoder;

use crate::Error;
use element::{ByteOrder, Tag, malformed, read_exact, read_small};

/// The file's header, before the first variable.
const HEAD: u64 = 128;
/// Kinds of elements.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Classes of arrays that hold numbers: double, single, and whole numbers of 8 to 64 bits.
const NUMBERS: std::ops::RangeInclusive<u8> = 6..=15;
/// The most numbers that are taken into memory at once; labels, not pixels.
const MAX_NUMBERS: usize = 1 << 24;
/// Variables of a file: each is kept with its name.
const MAX_VARIABLES: usize = 1 << 10;

/// A file whose variables have been listed.
pub(super) struct MatFile {
    path: PathBuf,
    order: ByteOrder,
    variables: Vec<(u64, Tag, Matrix)>,
}

/// The header before the numbers of an array.
struct Matrix {
    name: String,
    /// The sizes of its dimensions, the fastest-varying first (column-major).
    sides: Vec<usize>,
    is_numeric: bool,
}

/// Bytes of a variable.
#[derive(Debug, Clone, Copy)]
struct ByteCount {
    found: u64,
    expected: u64,
}

/// The numbers of an array, in the order of the file.
struct Data {
    kind: u32,
    bytes: u64,
    reader: Box<dyn Read>,
}

impl MatFile {
    /// Lists the variables of a file.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(Error::io("read", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let mut head = [0; HEAD as usize];
        read_exact(&mut file, &mut head, path)?;
        if head.starts_with(b"MATLAB 7.3") || head.starts_with(b"\x89HDF") {
            return Err(malformed(
                "version 7.3 (HDF5)",
                "version 5; save it with `save -v7` or scipy.io.savemat",
                path,
            ));
        }
        let order = match &head[124..] {
            [0, 1, b'I', b'M'] => ByteOrder::Little,
            [1, 0, b'M', b'I'] => ByteOrder::Big,
            other => {
                let expected = "version 5 (00 01 49 4d at byte 124); version 4 is not read";
                return Err(malformed(format!("{other:02x?} at byte 124"), expected, path));
            }
        };
        let mut this = Self { path: path.to_owned(), order, variables: Vec::new() };
        let mut at = HEAD;
        while at < length {
            file.seek(SeekFrom::Start(at)).map_err(Error::io("read", path))?;
            let tag = Tag::read(&mut file, order, path)?;
            let end = (at + 8).saturating_add(u64::from(tag.bytes));
            if end > length {
                let found = format!("the end at byte {length}");
                return Err(malformed(found, format!("{end} bytes; fetch the file again"), path));
            }
            if matches!(tag.kind, MATRIX | COMPRESSED) {
                let (matrix, _) = this.matrix(at, tag)?;
                if this.variables.len() == MAX_VARIABLES {
                    let found = format!("more than {MAX_VARIABLES} variables");
                    return Err(malformed(found, "the labels or images of a known corpus", path));
                }
                this.variables.push((at, tag, matrix));
            }
            at = end;
        }
        Ok(this)
    }

    /// The sizes of a variable's dimensions, the fastest-varying first (column-major).
    pub(super) fn sides(&self, name: &str) -> Result<&[usize], Error> {
        Ok(&self.find(name)?.2.sides)
    }

    fn find(&self, name: &str) -> Result<&(u64, Tag, Matrix), Error> {
        let found = self.variables.iter().find(|(_, _, matrix)| matrix.name == name && matrix.is_numeric);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.variables.iter().map(|(_, _, matrix)| matrix.name.as_str()).collect();
            malformed(format!("the variables {}", names.join(", ")), format!("numbers named {name}"), &self.path)
        })
    }

    /// The whole numbers of a variable.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<i64>, Error> {
        let (at, tag, matrix) = self.find(name)?;
        let (_, data) = self.matrix(*at, *tag)?;
        let count = product(&matrix.sides).filter(|count| *count <= MAX_NUMBERS);
        let size = element::size(data.kind);
        let (Some(count), Some(size)) = (count, size) else {
            let found = format!("{name} with the sides {:?}", matrix.sides);
            return Err(malformed(found, format!("at most {MAX_NUMBERS} real numbers"), &self.path));
        };
        self.check_bytes(name, ByteCount { found: data.bytes, expected: (count * size) as u64 })?;
        let mut bytes = Vec::new();
        data.reader.take(data.bytes).read_to_end(&mut bytes).map_err(Error::io("unpack", &self.path))?;
        self.check_bytes(name, ByteCount { found: bytes.len() as u64, expected: data.bytes })?;
        let number = |bytes: &[u8]| {
            element::number(data.kind, self.order, bytes)
                .ok_or_else(|| malformed(format!("a number in {name} that is not whole"), "whole numbers", &self.path))
        };
        bytes.chunks_exact(size).map(number).collect()
    }

    /// The bytes of a variable, as a stream.
    pub(super) fn bytes(&self, name: &str) -> Result<Box<dyn Read>, Error> {
        const BYTES: u32 = 2;
        let (at, tag, matrix) = self.find(name)?;
        let (_, data) = self.matrix(*at, *tag)?;
        if data.kind != BYTES {
            let found = format!("{name} with values of kind {}", data.kind);
            return Err(malformed(found, "bytes (uint8)", &self.path));
        }
        let expected = product(&matrix.sides).map_or(u64::MAX, |count| count as u64);
        self.check_bytes(name, ByteCount { found: data.bytes, expected })?;
        Ok(Box::new(data.reader.take(data.bytes)))
    }

    fn check_bytes(&self, name: &str, bytes: ByteCount) -> Result<(), Error> {
        let ByteCount { found, expected } = bytes;
        if found == expected {
            return Ok(());
        }
        Err(malformed(format!("{found} bytes in {name}"), format!("{expected}; fetch the file again"), &self.path))
    }

    /// Reads the head of a variable, up to its numbers.
    fn matrix(&self, at: u64, tag: Tag) -> Result<(Matrix, Data), Error> {
        let path = &self.path;
        let mut file = File::open(path).map_err(Error::io("read", path))?;
        file.seek(SeekFrom::Start(at + 8)).map_err(Error::io("read", path))?;
        let stored = BufReader::with_capacity(1 << 16, file).take(u64::from(tag.bytes));
        let mut reader: Box<dyn Read> = Box::new(stored);
        if tag.kind == COMPRESSED {
            reader = Box::new(ZlibDecoder::new(reader));
            let inner = Tag::read(&mut reader, self.order, path)?;
            if inner.kind != MATRIX {
                let nothing = Data { kind: 0, bytes: 0, reader };
                return Ok((Matrix { name: String::new(), sides: Vec::new(), is_numeric: false }, nothing));
            }
        }
        let (_, flags) = read_small(&mut reader, self.order, path)?;
        let flags = flags.first_chunk().map_or(0, |flags| self.order.u32(*flags));
        // A complex number has a second part.
        let is_numeric = NUMBERS.contains(&(flags as u8)) && flags & 0x0800 == 0;
        let (_, sides) = read_small(&mut reader, self.order, path)?;
        let sides = sides.as_chunks().0.iter().map(|side| self.order.u32(*side) as usize).collect();
        let (_, name) = read_small(&mut reader, self.order, path)?;
        let matrix = Matrix { name: String::from_utf8_lossy(&name).into_owned(), sides, is_numeric };
        if !is_numeric {
            return Ok((matrix, Data { kind: 0, bytes: 0, reader }));
        }
        let (kind, bytes, rest) = element::data(reader, self.order, path)?;
        Ok((matrix, Data { kind, bytes, reader: rest }))
    }
}

fn product(sides: &[usize]) -> Option<usize> {
    sides.iter().try_fold(1_usize, |all, &side| all.checked_mul(side))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_and_other_versions_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.mat");
        for (bytes, word) in [
            (vec![0; 40], "end"),
            ([&b"MATLAB 7.3 MAT-file"[..], &[b' '; 200]].concat(), "7.3"),
            (vec![0; 300], "version 5"),
            ([&[b' '; 124][..], &[0, 1, b'I', b'M', 14, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat(), "4294967431"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = MatFile::open(&path).err().unwrap().to_string();
            assert!(error.contains(word) && error.contains("x.mat"), "{error}");
        }
    }
}
