//! One Parquet file: its labels at once, its images a few at a time.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use parquet::{
    basic::Compression,
    errors::ParquetError,
    file::{
        metadata::RowGroupMetaData,
        reader::{FileReader, RowGroupReader, SerializedFileReader},
    },
};

use super::{
    column::{self, Cell, ColumnLabel, LabelRows, RowOptions},
    fault::malformed,
    pages,
    schema::Columns,
};
use crate::{Error, LabelLevel, Limits};

/// Images in memory at once, besides their decompressed page.
const IMAGES_AT_ONCE: usize = 16;
const LABELS_AT_ONCE: usize = 1_024;
/// Bytes of the file's metadata (row groups and columns); in memory it takes more than a hundred times as many.
const MAX_FOOTER_BYTES: u32 = 16 << 20;
/// Bytes of a word that is a label.
const MAX_WORD_BYTES: usize = 1_024;

/// A file that has been opened, its labels read.
pub(super) struct Table {
    path: PathBuf,
    pub(super) columns: Columns,
    pub(super) labels: TableLabels,
}

/// The label of every row.
pub(super) enum TableLabels {
    Numbers(Vec<Option<i64>>),
    Words {
        words: Vec<String>,
        /// The index of each row's word.
        rows: Vec<Option<u16>>,
    },
}

/// The image of a row.
pub(super) struct RowImage {
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) path: Option<String>,
}

impl Table {
    /// Opens a table; `limits` bound its rows.
    pub(super) fn open(path: &Path, level: LabelLevel, limits: Limits) -> Result<Self, Error> {
        let reader = open(path)?;
        let rows = reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).fold(0, i64::saturating_add);
        limits.check_images(usize::try_from(rows).unwrap_or(usize::MAX), path)?;
        let file = File::open(path).map_err(Error::io("read", path))?;
        let columns = Columns::find(reader.metadata().file_metadata(), level, path)?;
        for group in reader.metadata().row_groups() {
            for leaf in [Some(columns.image), columns.name, Some(columns.label)].into_iter().flatten() {
                check_codec(group.column(leaf).compression(), path)?;
                pages::check(&file, group.column(leaf), limits, path)?;
            }
        }
        let mut table = Self { path: path.to_owned(), columns, labels: TableLabels::Numbers(Vec::new()) };
        table.labels = table.read_labels(&reader, limits)?;
        Ok(table)
    }

    pub(super) fn rows(&self) -> usize {
        match &self.labels {
            TableLabels::Numbers(labels) => labels.len(),
            TableLabels::Words { rows, .. } => rows.len(),
        }
    }

    /// True when any row has a label; -1 stands for none.
    pub(super) fn has_labels(&self) -> bool {
        match &self.labels {
            TableLabels::Numbers(labels) => labels.iter().flatten().any(|label| *label >= 0),
            TableLabels::Words { rows, .. } => rows.iter().any(Option::is_some),
        }
    }

    fn damaged(&self, error: &ParquetError) -> Error {
        malformed(error.to_string(), "a whole parquet file; fetch it again", &self.path)
    }

    fn read_labels(&self, reader: &SerializedFileReader<File>, limits: Limits) -> Result<TableLabels, Error> {
        let (mut numbers, mut words) = (Vec::new(), Words::default());
        let mut are_words = false;
        for index in 0..reader.num_row_groups() {
            let group = reader.get_row_group(index).map_err(|error| self.damaged(&error))?;
            let leaf = group.get_column_reader(self.columns.label).map_err(|error| self.damaged(&error))?;
            let options = RowOptions { level: level(group.as_ref(), self.columns.label), batch: LABELS_AT_ONCE };
            let mut rows = LabelRows::new(leaf, options, &self.path)?;
            are_words |= matches!(rows, LabelRows::Words(_));
            while let Some(Cell(label)) = rows.next().map_err(|error| self.damaged(&error))? {
                match label {
                    Some(ColumnLabel::Word(word)) => words.push(word.data(), &self.path)?,
                    Some(ColumnLabel::Number(number)) => numbers.push(Some(number)),
                    None if are_words => words.rows.push(None),
                    None => numbers.push(None),
                }
                limits.check_images(numbers.len().max(words.rows.len()), &self.path)?;
            }
        }
        Ok(if are_words {
            TableLabels::Words { words: words.all, rows: words.rows }
        } else {
            TableLabels::Numbers(numbers)
        })
    }

    /// Hands over the image of every row, in order.
    pub(super) fn each_image(&self, take: &mut dyn FnMut(usize, RowImage) -> Result<(), Error>) -> Result<(), Error> {
        let reader = open(&self.path)?;
        let mut row = 0;
        for index in 0..reader.num_row_groups() {
            let group = reader.get_row_group(index).map_err(|error| self.damaged(&error))?;
            let rows = |leaf: usize| {
                let reader = group.get_column_reader(leaf).map_err(|error| self.damaged(&error))?;
                let options = RowOptions { level: level(group.as_ref(), leaf), batch: IMAGES_AT_ONCE };
                column::bytes(reader, options, &self.path)
            };
            let mut images = rows(self.columns.image)?;
            let mut names = self.columns.name.map(rows).transpose()?;
            while let Some(Cell(bytes)) = images.next().map_err(|error| self.damaged(&error))? {
                let name = match &mut names {
                    Some(names) => names.next().map_err(|error| self.damaged(&error))?.and_then(|Cell(name)| name),
                    None => None,
                };
                let path = name.map(|name| String::from_utf8_lossy(name.data()).into_owned());
                take(row, RowImage { bytes: bytes.map(|bytes| bytes.data().to_vec()), path })?;
                row += 1;
            }
        }
        if row != self.rows() {
            return Err(malformed(format!("{row} images for {} labels", self.rows()), "one for each", &self.path));
        }
        Ok(())
    }
}

/// Labels that are words, each word once.
#[derive(Default)]
struct Words {
    indices: HashMap<String, u16>,
    all: Vec<String>,
    rows: Vec<Option<u16>>,
}

impl Words {
    fn push(&mut self, word: &[u8], path: &Path) -> Result<(), Error> {
        if word.len() > MAX_WORD_BYTES {
            let found = format!("a label of {} bytes", word.len());
            return Err(malformed(found, format!("words of at most {MAX_WORD_BYTES}"), path));
        }
        let word = String::from_utf8_lossy(word);
        let known = self.indices.get(word.as_ref()).copied();
        let index = known.map_or_else(|| self.add(word.into_owned(), path), Ok)?;
        self.rows.push(Some(index));
        Ok(())
    }

    /// A word that is new.
    fn add(&mut self, word: String, path: &Path) -> Result<u16, Error> {
        let (found, max) = (self.all.len() + 1, usize::from(u16::MAX));
        let index = u16::try_from(self.all.len()).ok().filter(|_| found <= max);
        let index = index.ok_or_else(|| Error::TooMany { what: "classes", found, max, path: path.to_owned() })?;
        self.all.push(word.clone());
        self.indices.insert(word, index);
        Ok(index)
    }
}

fn open(path: &Path) -> Result<SerializedFileReader<File>, Error> {
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    check_footer(&mut file, path)?;
    let damaged = |error: ParquetError| malformed(error.to_string(), "a whole parquet file; fetch it again", path);
    SerializedFileReader::new(file).map_err(damaged)
}

/// The definition level of a value that is not null.
fn level(group: &dyn RowGroupReader, leaf: usize) -> i16 {
    group.metadata().column(leaf).column_descr().max_def_level()
}

/// Checks the length of the file's metadata, which its last eight bytes give.
fn check_footer(file: &mut File, path: &Path) -> Result<(), Error> {
    let io = || Error::io("read", path);
    let length = file.metadata().map_err(io())?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(8))).map_err(io())?;
    let mut end = Vec::new();
    { &mut *file }.take(8).read_to_end(&mut end).map_err(io())?;
    file.rewind().map_err(io())?;
    let bytes = end.first_chunk().copied().map_or(0, u32::from_le_bytes);
    if bytes > MAX_FOOTER_BYTES {
        return Err(malformed(format!("metadata of {bytes} bytes"), format!("at most {MAX_FOOTER_BYTES}"), path));
    }
    Ok(())
}

fn check_codec(codec: Compression, path: &Path) -> Result<(), Error> {
    match codec {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) => Ok(()),
        other => Err(malformed(format!("columns compressed by {other}"), "snappy, zstd, or none; write it anew", path)),
    }
}
