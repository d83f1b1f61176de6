//! One parquet file: its labels at once, its images a few at a time.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use parquet::{
    basic::Compression,
    errors::ParquetError,
    file::reader::{FileReader, RowGroupReader, SerializedFileReader},
};

use super::{
    column::{self, Cell, Label, LabelRows},
    schema::Columns,
};
use crate::{Error, LabelLevel};

/// Images in memory at once, besides the page that they stand in.
const IMAGES_AT_ONCE: usize = 16;
const LABELS_AT_ONCE: usize = 1_024;

pub(super) fn malformed(found: impl Into<String>, expected: impl Into<String>, path: &Path) -> Error {
    Error::Malformed { what: "the parquet file", found: found.into(), expected: expected.into(), path: path.to_owned() }
}

/// A file that has been opened, its labels read.
pub(super) struct Table {
    path: PathBuf,
    pub(super) columns: Columns,
    pub(super) labels: Labels,
}

/// The label of every row.
pub(super) enum Labels {
    Numbers(Vec<Option<i64>>),
    Words(Vec<Option<String>>),
}

/// The image of a row.
pub(super) struct RowImage {
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) path: Option<String>,
}

impl Table {
    pub(super) fn open(path: &Path, level: LabelLevel) -> Result<Self, Error> {
        let reader = open(path)?;
        let columns = Columns::find(reader.metadata().file_metadata(), level, path)?;
        for group in reader.metadata().row_groups() {
            for leaf in [Some(columns.image), columns.name, Some(columns.label)].into_iter().flatten() {
                check_codec(group.column(leaf).compression(), path)?;
            }
        }
        let mut table = Self { path: path.to_owned(), columns, labels: Labels::Numbers(Vec::new()) };
        table.labels = table.read_labels(&reader)?;
        Ok(table)
    }

    pub(super) fn rows(&self) -> usize {
        match &self.labels {
            Labels::Numbers(labels) => labels.len(),
            Labels::Words(labels) => labels.len(),
        }
    }

    /// Whether any row has a label; -1 stands for none.
    pub(super) fn has_labels(&self) -> bool {
        match &self.labels {
            Labels::Numbers(labels) => labels.iter().flatten().any(|label| *label >= 0),
            Labels::Words(labels) => labels.iter().any(Option::is_some),
        }
    }

    fn damaged(&self, error: &ParquetError) -> Error {
        malformed(error.to_string(), "a whole parquet file; fetch it again", &self.path)
    }

    fn read_labels(&self, reader: &SerializedFileReader<File>) -> Result<Labels, Error> {
        let (mut numbers, mut words) = (Vec::new(), Vec::new());
        let mut are_words = false;
        for index in 0..reader.num_row_groups() {
            let group = reader.get_row_group(index).map_err(|error| self.damaged(&error))?;
            let leaf = group.get_column_reader(self.columns.label).map_err(|error| self.damaged(&error))?;
            let mut rows =
                LabelRows::new(leaf, (level(group.as_ref(), self.columns.label), LABELS_AT_ONCE), &self.path)?;
            are_words |= matches!(rows, LabelRows::Words(_));
            while let Some(Cell(label)) = rows.next().map_err(|error| self.damaged(&error))? {
                match label {
                    Some(Label::Word(word)) => words.push(Some(String::from_utf8_lossy(word.data()).into_owned())),
                    Some(Label::Number(number)) => numbers.push(Some(number)),
                    None if are_words => words.push(None),
                    None => numbers.push(None),
                }
            }
        }
        Ok(if are_words { Labels::Words(words) } else { Labels::Numbers(numbers) })
    }

    /// Hands over the image of every row, in order.
    pub(super) fn each_image(&self, take: &mut dyn FnMut(usize, RowImage) -> Result<(), Error>) -> Result<(), Error> {
        let reader = open(&self.path)?;
        let mut row = 0;
        for index in 0..reader.num_row_groups() {
            let group = reader.get_row_group(index).map_err(|error| self.damaged(&error))?;
            let rows = |leaf: usize| {
                let reader = group.get_column_reader(leaf).map_err(|error| self.damaged(&error))?;
                column::bytes(reader, (level(group.as_ref(), leaf), IMAGES_AT_ONCE), &self.path)
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

fn open(path: &Path) -> Result<SerializedFileReader<File>, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let damaged = |error: ParquetError| malformed(error.to_string(), "a whole parquet file; fetch it again", path);
    SerializedFileReader::new(file).map_err(damaged)
}

/// The level of a value that is there.
fn level(group: &dyn RowGroupReader, leaf: usize) -> i16 {
    group.metadata().column(leaf).column_descr().max_def_level()
}

fn check_codec(codec: Compression, path: &Path) -> Result<(), Error> {
    match codec {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) => Ok(()),
        other => Err(malformed(format!("columns compressed by {other}"), "snappy, zstd, or none; write it anew", path)),
    }
}
