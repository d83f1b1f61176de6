//! One column of a row group, a few rows at a time.

use std::{collections::VecDeque, path::Path};

use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type},
    errors::ParquetError,
};

use super::fault::malformed;
use crate::Error;

/// The value of a column in a row, if any.
pub(super) struct Cell<T>(pub(super) Option<T>);

/// The cells of a column, row by row.
pub(super) struct Rows<T: DataType> {
    reader: ColumnReaderImpl<T>,
    /// The level of a value that is there; 0 where every row has one.
    level: i16,
    batch: usize,
    queue: VecDeque<Cell<T::T>>,
}

impl<T: DataType> Rows<T> {
    fn new(reader: ColumnReaderImpl<T>, level: i16, batch: usize) -> Self {
        Self { reader, level, batch, queue: VecDeque::new() }
    }

    /// The next row; nothing after the last.
    pub(super) fn next(&mut self) -> Result<Option<Cell<T::T>>, ParquetError> {
        if self.queue.is_empty() {
            let (mut levels, mut values) = (Vec::new(), Vec::new());
            let wanted = (self.level > 0).then_some(&mut levels);
            self.reader.read_records(self.batch, wanted, None, &mut values)?;
            let mut values = values.into_iter();
            if self.level == 0 {
                self.queue.extend(values.map(|value| Cell(Some(value))));
            } else {
                self.queue
                    .extend(levels.iter().map(|level| Cell(if *level == self.level { values.next() } else { None })));
            }
        }
        Ok(self.queue.pop_front())
    }
}

/// A column of byte strings: images and names.
pub(super) fn bytes(
    reader: ColumnReader,
    (level, batch): (i16, usize),
    path: &Path,
) -> Result<Rows<ByteArrayType>, Error> {
    match reader {
        ColumnReader::ByteArrayColumnReader(reader) => Ok(Rows::new(reader, level, batch)),
        _ => Err(malformed("images that are no bytes", "the bytes of image files", path)),
    }
}

/// A column of labels.
pub(super) enum LabelRows {
    Short(Rows<Int32Type>),
    Long(Rows<Int64Type>),
    Words(Rows<ByteArrayType>),
}

/// One label.
pub(super) enum ColumnLabel {
    Number(i64),
    Word(ByteArray),
}

impl LabelRows {
    pub(super) fn new(reader: ColumnReader, (level, batch): (i16, usize), path: &Path) -> Result<Self, Error> {
        match reader {
            ColumnReader::Int32ColumnReader(reader) => Ok(Self::Short(Rows::new(reader, level, batch))),
            ColumnReader::Int64ColumnReader(reader) => Ok(Self::Long(Rows::new(reader, level, batch))),
            ColumnReader::ByteArrayColumnReader(reader) => Ok(Self::Words(Rows::new(reader, level, batch))),
            _ => Err(malformed("labels of another type", "whole numbers or words", path)),
        }
    }

    /// The next row; nothing after the last.
    pub(super) fn next(&mut self) -> Result<Option<Cell<ColumnLabel>>, ParquetError> {
        Ok(match self {
            Self::Short(rows) => {
                rows.next()?.map(|Cell(label)| Cell(label.map(|label| ColumnLabel::Number(i64::from(label)))))
            }
            Self::Long(rows) => rows.next()?.map(|Cell(label)| Cell(label.map(ColumnLabel::Number))),
            Self::Words(rows) => rows.next()?.map(|Cell(label)| Cell(label.map(ColumnLabel::Word))),
        })
    }
}
