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
    options: RowOptions,
    queue: VecDeque<Cell<T::T>>,
}

/// How a column is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowOptions {
    /// The definition level of a value that is not null; 0 where every row has one.
    pub(super) level: i16,
    /// Rows that are read at once.
    pub(super) batch: usize,
}

impl<T: DataType> Rows<T> {
    fn new(reader: ColumnReaderImpl<T>, options: RowOptions) -> Self {
        Self { reader, options, queue: VecDeque::new() }
    }

    /// The next row; nothing after the last.
    pub(super) fn next(&mut self) -> Result<Option<Cell<T::T>>, ParquetError> {
        if self.queue.is_empty() {
            let RowOptions { level, batch } = self.options;
            let (mut levels, mut values) = (Vec::new(), Vec::new());
            let wanted = (level > 0).then_some(&mut levels);
            self.reader.read_records(batch, wanted, None, &mut values)?;
            let mut values = values.into_iter();
            if level == 0 {
                self.queue.extend(values.map(|value| Cell(Some(value))));
            } else {
                let cell = |found: &i16| Cell(if *found == level { values.next() } else { None });
                self.queue.extend(levels.iter().map(cell));
            }
        }
        Ok(self.queue.pop_front())
    }
}

/// A column of byte strings: images and names.
pub(super) fn bytes(reader: ColumnReader, options: RowOptions, path: &Path) -> Result<Rows<ByteArrayType>, Error> {
    match reader {
        ColumnReader::ByteArrayColumnReader(reader) => Ok(Rows::new(reader, options)),
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
    pub(super) fn new(reader: ColumnReader, options: RowOptions, path: &Path) -> Result<Self, Error> {
        match reader {
            ColumnReader::Int32ColumnReader(reader) => Ok(Self::Short(Rows::new(reader, options))),
            ColumnReader::Int64ColumnReader(reader) => Ok(Self::Long(Rows::new(reader, options))),
            ColumnReader::ByteArrayColumnReader(reader) => Ok(Self::Words(Rows::new(reader, options))),
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
