//! Files of records of a fixed size, read one at a time: no allocation is sized by a count from a file's header.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use crate::{ClassId, Error, ImageShape};

/// Bound on the bytes that one byte of deflate data decompresses to; the format allows 1032.
const MAX_DEFLATE_RATIO: u64 = 1_100;
/// Bytes of a read buffer.
const BUFFER_BYTES: usize = 1 << 20;
/// Limits on the sides and pixels of a raw (not encoded) image; encoded ones may have as many pixels, and longer sides.
const MAX_SIDE: usize = 1 << 14;
const MAX_PIXELS: usize = 100_000_000;
/// What [`is_picture`] requires, in words for messages.
pub(crate) const PICTURE: &str = "sides of 1 to 16384 pixels, and at most 100 megapixels";

/// True when the shape is within the limits on raw images.
pub(crate) fn is_picture(shape: ImageShape) -> bool {
    let is_valid_side = |side| (1..=MAX_SIDE).contains(&side);
    is_valid_side(shape.height) && is_valid_side(shape.width) && shape.height * shape.width <= MAX_PIXELS
}

/// Reads records of a fixed size from a file, compressed or not.
pub(crate) struct RecordReader {
    reader: Box<dyn Read>,
    path: PathBuf,
    record_bytes: usize,
    record_count: usize,
    next_index: usize,
}

impl RecordReader {
    /// Reads `record_count` records from where the reader is. The caller makes sure that one record fits into memory.
    pub(crate) fn new(reader: Box<dyn Read>, path: &Path, [record_count, record_bytes]: [usize; 2]) -> Self {
        Self { reader, path: path.to_owned(), record_bytes, record_count, next_index: 0 }
    }

    /// Opens an uncompressed file that holds nothing but records. `expected_count` is how many it must hold, where that
    /// is known.
    pub(crate) fn open(path: &Path, record_bytes: usize, expected_count: Option<usize>) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let file_bytes = file.metadata().map_err(Error::io("read", path))?.len();
        let record_size = record_bytes as u64;
        let record_count = expected_count.unwrap_or((file_bytes / record_size) as usize);
        let is_empty = file_bytes == 0 && expected_count.is_none();
        if is_empty || file_bytes != record_size.saturating_mul(record_count as u64) {
            let expected = match expected_count {
                Some(count) => {
                    format!("{} ({count} records of {record_bytes})", record_size.saturating_mul(count as u64))
                }
                None => format!("a multiple of {record_bytes}, the bytes of a record"),
            };
            return Err(Error::Truncated { found: file_bytes, expected, path: path.to_owned() });
        }
        Ok(Self::new(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)), path, [record_count, record_bytes]))
    }

    pub(crate) fn len(&self) -> usize {
        self.record_count
    }

    /// The next record; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.next_index == self.record_count {
            return Ok(None);
        }
        let mut bytes = vec![0; self.record_bytes];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let found = format!("the end of the data in record {}", self.next_index);
                let expected = format!("{} records of {} bytes", self.record_count, self.record_bytes);
                return Err(Error::Malformed { what: "the records", found, expected, path: self.path.clone() });
            }
            Err(source) => return Err(Error::Io { action: "read", source, path: self.path.clone() }),
        }
        self.next_index += 1;
        Ok(Some(bytes))
    }

    /// Makes sure that nothing follows the last record. Reading to the end of gzip data also verifies its checksum.
    pub(crate) fn expect_end(&mut self) -> Result<(), Error> {
        let read = self.reader.read(&mut [0]).map_err(Error::io("read", &self.path))?;
        if read > 0 {
            let found = "more data after the last record".to_owned();
            let expected = format!("{} records of {} bytes", self.record_count, self.record_bytes);
            return Err(Error::Malformed { what: "the records", found, expected, path: self.path.clone() });
        }
        Ok(())
    }
}

/// A file and a reader of its content, which is decompressed where it is gzip: the first bytes decide, not the name.
pub(crate) struct Opened {
    pub(crate) reader: Box<dyn Read>,
    /// The file's size; where it is compressed, a bound on its size when decompressed.
    pub(crate) max_bytes: u64,
    pub(crate) is_compressed: bool,
}

/// Opens a file that may be gzip.
pub(crate) fn open_maybe_gz(path: &Path) -> Result<Opened, Error> {
    let read_error = || Error::io("read", path);
    let mut file = File::open(path).map_err(read_error())?;
    let bytes = file.metadata().map_err(read_error())?.len();
    let mut magic = [0; 2];
    let is_compressed = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    file.seek(SeekFrom::Start(0)).map_err(read_error())?;
    let buffered = BufReader::with_capacity(BUFFER_BYTES, file);
    Ok(if is_compressed {
        let max_bytes = bytes.saturating_mul(MAX_DEFLATE_RATIO);
        Opened { reader: Box::new(MultiGzDecoder::new(buffered)), max_bytes, is_compressed }
    } else {
        Opened { reader: Box::new(buffered), max_bytes: bytes, is_compressed }
    })
}

/// A label and where it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundLabel<'a> {
    pub(crate) label: i64,
    /// Index of its record in the file, from 0.
    pub(crate) record: usize,
    pub(crate) path: &'a Path,
}

/// The class of a label.
///
/// # Errors
/// [`Error::Label`] where the corpus has no such class.
pub(crate) fn class_of(found: FoundLabel<'_>, classes: usize) -> Result<ClassId, Error> {
    let FoundLabel { label, record, path } = found;
    let class = u16::try_from(label).ok().filter(|&class| usize::from(class) < classes);
    class.map(ClassId).ok_or_else(|| Error::Label { record, found: label, classes, path: path.to_owned() })
}

/// Converts interleaved pixels (height, width, channels) to planes (channels, height, width).
pub(crate) fn interleaved_to_planes(bytes: &[u8], shape: ImageShape) -> Vec<u8> {
    let plane = shape.height * shape.width;
    let mut planes = vec![0; shape.len()];
    for (index, pixel) in bytes.chunks_exact(shape.channels).enumerate() {
        for (channel, &value) in pixel.iter().enumerate() {
            planes[channel * plane + index] = value;
        }
    }
    planes
}

/// Converts planes from column-major to row-major order.
pub(crate) fn columns_to_rows(bytes: &[u8], shape: ImageShape) -> Vec<u8> {
    let plane = shape.height * shape.width;
    let mut rows = vec![0; shape.len()];
    for (from, to) in bytes.chunks_exact(plane).zip(rows.chunks_exact_mut(plane)) {
        for (x, column) in from.chunks_exact(shape.height).enumerate() {
            for (y, &value) in column.iter().enumerate() {
                to[y * shape.width + x] = value;
            }
        }
    }
    rows
}
