//! Image datasets as Hugging Face keeps them: parquet files with a column of images and one of labels.

mod column;
mod fault;
mod files;
mod pages;
mod schema;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    records::{FoundLabel, class_of},
    splits::{Part, Splitting, test_part},
};
use crate::{
    ClassId, Error, LabelLevel, Limits, OpenOptions, Split,
    account::{Reason, Usage},
    name::natural,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::Location,
};
use files::TableFile;
use table::{Table, TableLabels};

/// Recognises a folder with parquet files, `data/train-00000-of-00001.parquet` and so on, or one such file.
pub(crate) fn detect<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let files = files::find(location, options)?;
    if files.is_empty() {
        return Ok(None);
    }
    let (reading, limits) = (&options.reading, options.limits);
    let (level, test_from) = (reading.labels, reading.test_from.clone());
    Ok(Some(Box::new(TableFiles { files, level, test_from, root: location.tree.root.clone(), limits })))
}

/// The Parquet files of a corpus.
struct TableFiles {
    files: Vec<TableFile>,
    level: LabelLevel,
    /// The part that is requested as the test split.
    test_from: Option<String>,
    root: PathBuf,
    limits: Limits,
}

impl Reader for TableFiles {
    fn layout(&self) -> String {
        "parquet tables (Hugging Face)".to_owned()
    }

    fn usage(&self) -> Usage {
        Usage::of(self.files.iter().map(|file| file.path.clone()))
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let mut tables = Vec::new();
        let mut limits = self.limits;
        for file in &self.files {
            let table = Table::open(&file.path, self.level, limits)?;
            limits.images -= table.rows();
            tables.push((file, table));
        }
        let classes = class_names(&tables)?;
        let numbers: BTreeMap<&str, i64> = classes.iter().map(String::as_str).zip(0..).collect();
        let labelled: BTreeSet<Part> =
            tables.iter().filter(|(_, table)| table.has_labels()).map(|(file, _)| file.part).collect();
        let test = test_part(&labelled, self.test_from.as_deref(), &self.root)?;
        sink.set_classes(classes.clone());
        let is_read = |part| part == Part::Train || Some(part) == test;
        let read = || tables.iter().filter(|(file, _)| is_read(file.part));
        sink.set_total(read().map(|(_, table)| table.rows()).sum());
        for (file, table) in tables.iter().filter(|(file, _)| !is_read(file.part)) {
            leave_out(sink, file, table, labelled.contains(&file.part));
        }
        let mut splitting = Splitting::new(test.is_some(), &mut sink.account);
        let mut rows: BTreeMap<Part, usize> = BTreeMap::new();
        for (file, table) in read() {
            let first = rows.entry(file.part).or_default();
            let split = if file.part == Part::Train { Split::Train } else { Split::Test };
            let reading = OpenTable { file, split, first: *first, numbers: &numbers };
            reading.push(table, &mut splitting, sink)?;
            *first += table.rows();
        }
        Ok(())
    }
}

fn leave_out(sink: &mut Sink<'_>, file: &TableFile, table: &Table, is_labelled: bool) {
    let (reason, detail) = if is_labelled {
        (Reason::OtherSplit, "another part is the test split")
    } else {
        (Reason::Unlabelled, "no row has a label")
    };
    sink.account.leave_out_many(reason, table.rows(), file.relative.as_ref(), detail);
}

/// The names of classes: as the first file's schema has them, else the labels that occur.
fn class_names(tables: &[(&TableFile, Table)]) -> Result<Vec<String>, Error> {
    let mut named = tables.iter().filter(|(_, table)| !table.columns.names.is_empty());
    if let Some((_, first)) = named.next() {
        for (file, other) in named {
            if other.columns.names != first.columns.names {
                let found = "other class names than in the first file".to_owned();
                let expected = format!("{} names, the same in all files", first.columns.names.len());
                return Err(Error::Malformed { what: "the parquet file", found, expected, path: file.path.clone() });
            }
        }
        return Ok(first.columns.names.clone());
    }
    let mut words = BTreeSet::new();
    let mut highest = None;
    for (_, table) in tables {
        match &table.labels {
            TableLabels::Numbers(labels) => highest = highest.max(labels.iter().flatten().copied().max()),
            TableLabels::Words { words: found, .. } => words.extend(found.iter().cloned()),
        }
    }
    // Negative ones stand for no label, and too many are refused when the corpus is assembled.
    let numbers = highest.map_or(0, |highest| highest.clamp(-1, i64::from(u16::MAX)) + 1);
    let mut words: Vec<String> = words.into_iter().collect();
    words.sort_by(|a, b| natural(a, b));
    Ok(if words.is_empty() { (0..numbers).map(|number| number.to_string()).collect() } else { words })
}

/// One file whose rows are being handed to the sink.
struct OpenTable<'a> {
    file: &'a TableFile,
    split: Split,
    /// Rows of the part before it.
    first: usize,
    numbers: &'a BTreeMap<&'a str, i64>,
}

impl OpenTable<'_> {
    fn push(&self, table: &Table, splitting: &mut Splitting, sink: &mut Sink<'_>) -> Result<(), Error> {
        let part = self.file.part.as_str();
        table.each_image(&mut |row, image| {
            let number = format!("{part}_{:05}", self.first + row);
            let name = image.path.filter(|path| !path.is_empty()).unwrap_or_else(|| number.clone());
            let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            let source = format!("{}, row {row}", self.file.relative);
            let Some(class) = self.class(table, row)? else {
                sink.account.leave_out(Reason::Unlabelled, source.as_ref(), "the row has no label");
                return Ok(());
            };
            let Some(bytes) = image.bytes else {
                let detail = "the row holds no image, only the name of one";
                sink.account.leave_out(Reason::Unreadable, source.as_ref(), detail);
                return Ok(());
            };
            let split = splitting.next(self.split, class);
            sink.push(Item { split, class, name, source, payload: Payload::Encoded(bytes) })
        })
    }

    fn class(&self, table: &Table, row: usize) -> Result<Option<ClassId>, Error> {
        let label = match &table.labels {
            TableLabels::Numbers(labels) => labels.get(row).copied().flatten().filter(|label| *label >= 0),
            TableLabels::Words { words, rows } => {
                let word = rows.get(row).copied().flatten().and_then(|word| words.get(usize::from(word)));
                word.map(|word| self.numbers.get(word.as_str()).copied().unwrap_or(-1))
            }
        };
        let path = &self.file.path;
        label.map(|label| class_of(FoundLabel { label, record: row, path }, self.numbers.len())).transpose()
    }
}
