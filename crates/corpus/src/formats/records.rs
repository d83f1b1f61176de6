//! Files of equal records, read one after the other: nothing is allocated by what a header promises.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use crate::{ClassId, Error, ImageShape};

/// No byte of deflate stands for more.
const DEFLATE_RATIO: u64 = 1_100;
const BUFFER: usize = 1 << 20;
/// Sides and pixels of an image that is stored as it is: as many as of one that is decoded.
const MOST_SIDE: usize = 1 << 14;
const MOST_PIXELS: usize = 100_000_000;
/// The requirement of [`is_picture`], for messages.
pub(crate) const PICTURE: &str = "sides of 1 to 16384 pixels, and at most 100 megapixels";

/// True when there are images of that shape, one of which may be held in memory.
pub(crate) fn is_picture(shape: ImageShape) -> bool {
    let is_side = |side| (1..=MOST_SIDE).contains(&side);
    is_side(shape.height) && is_side(shape.width) && shape.height * shape.width <= MOST_PIXELS
}

/// Equal records in a file, compressed or not.
pub(crate) struct RecordReader {
    reader: Box<dyn Read>,
    path: PathBuf,
    record: usize,
    records: usize,
    index: usize,
}

impl RecordReader {
    /// Records that follow in a reader; the record's length is bounded by the caller.
    pub(crate) fn new(reader: Box<dyn Read>, path: &Path, [records, record]: [usize; 2]) -> Self {
        Self { reader, path: path.to_owned(), record, records, index: 0 }
    }

    /// The records of a whole file, whose length must be a multiple of theirs; `promised` is how many there must be,
    /// where that is known.
    pub(crate) fn open(path: &Path, record: usize, promised: Option<usize>) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let found = file.metadata().map_err(Error::io("read", path))?.len();
        let size = record as u64;
        let records = promised.unwrap_or((found / size) as usize);
        let is_empty = found == 0 && promised.is_none();
        if is_empty || found != size.saturating_mul(records as u64) {
            let expected = match promised {
                Some(records) => format!("{} ({records} records of {record})", size.saturating_mul(records as u64)),
                None => format!("a multiple of {record}, the bytes of a record"),
            };
            return Err(Error::Truncated { found, expected, path: path.to_owned() });
        }
        Ok(Self::new(Box::new(BufReader::with_capacity(BUFFER, file)), path, [records, record]))
    }

    pub(crate) fn len(&self) -> usize {
        self.records
    }

    /// The next record; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.index == self.records {
            return Ok(None);
        }
        let mut bytes = vec![0; self.record];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let found = format!("the end of the data in record {}", self.index);
                let expected = format!("{} records of {} bytes", self.records, self.record);
                return Err(Error::Malformed { what: "the records", found, expected, path: self.path.clone() });
            }
            Err(source) => return Err(Error::Io { action: "read", source, path: self.path.clone() }),
        }
        self.index += 1;
        Ok(Some(bytes))
    }

    /// Makes sure that nothing follows the last record; of compressed data this also checks their sum.
    pub(crate) fn expect_end(&mut self) -> Result<(), Error> {
        let more = self.reader.read(&mut [0]).map_err(Error::io("read", &self.path))?;
        if more > 0 {
            let found = "more data after the last record".to_owned();
            let expected = format!("{} records of {} bytes", self.records, self.record);
            return Err(Error::Malformed { what: "the records", found, expected, path: self.path.clone() });
        }
        Ok(())
    }
}

/// A file, unpacked where it is compressed by gzip: the content decides, not the name.
pub(crate) struct Opened {
    pub(crate) reader: Box<dyn Read>,
    /// The bytes that it has, or, compressed, the most that it can have.
    pub(crate) most_bytes: u64,
    pub(crate) is_compressed: bool,
}

/// Opens a file that may be compressed by gzip.
pub(crate) fn open_maybe_gz(path: &Path) -> Result<Opened, Error> {
    let failed = || Error::io("read", path);
    let mut file = File::open(path).map_err(failed())?;
    let bytes = file.metadata().map_err(failed())?.len();
    let mut magic = [0; 2];
    let is_compressed = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    file.seek(SeekFrom::Start(0)).map_err(failed())?;
    let buffered = BufReader::with_capacity(BUFFER, file);
    Ok(if is_compressed {
        let most_bytes = bytes.saturating_mul(DEFLATE_RATIO);
        Opened { reader: Box::new(MultiGzDecoder::new(buffered)), most_bytes, is_compressed }
    } else {
        Opened { reader: Box::new(buffered), most_bytes: bytes, is_compressed }
    })
}

/// A label, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundLabel<'a> {
    pub(crate) label: i64,
    /// The image's place in the file, from 0.
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

/// Brings pixels that are stored channel by channel within each pixel into planes.
pub(crate) fn interleaved_to_planes(bytes: &[u8], shape: ImageShape) -> Vec<u8> {
    let plane = shape.height * shape.width;
    let mut planes = vec![0; shape.len()];
    for (at, pixel) in bytes.chunks_exact(shape.channels).enumerate() {
        for (channel, &value) in pixel.iter().enumerate() {
            planes[channel * plane + at] = value;
        }
    }
    planes
}

/// Brings planes that are stored column by column into rows.
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
