//! CIFAR-100's binary files: records of a coarse label, a fine label and 3,072 pixel bytes.

use std::path::PathBuf;

use super::{
    cifar_binary::{Records, SHAPE},
    native::MANIFEST,
    splits::Splitting,
    text::read_lines,
};
use crate::{
    Error, LabelLevel, OpenOptions, Split, account::Usage, known::Record, reader::Reader, sink::Sink, tree::Location,
};

const RECORD: u64 = 3_074;
/// The size of a record of CIFAR-10, and of a corpus that deepViz makes.
const OTHER_RECORD: u64 = 3_073;
const FILES: [(&str, Split); 2] = [("train.bin", Split::Train), ("test.bin", Split::Test)];
/// The files with the names of classes; the place of the label in a record, and how many classes there are.
const FINE: (&str, usize, usize) = ("fine_label_names.txt", 1, 100);
const COARSE: (&str, usize, usize) = ("coarse_label_names.txt", 0, 20);

/// Recognises a folder with `train.bin` or `test.bin` of such records.
pub(crate) fn detect<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let sizes: Vec<u64> =
        FILES.iter().filter_map(|(name, _)| location.folder.file(name)).map(|file| file.bytes).collect();
    let has_names = location.has(FINE.0) || location.has(COARSE.0);
    let fits = |record: u64| sizes.iter().all(|bytes| bytes.is_multiple_of(record));
    // Images of 32 x 32 that were recorded with a run have files of the same names and sizes.
    let is_described = location.has(MANIFEST);
    if location.tree.is_file || is_described || sizes.is_empty() || !(has_names || fits(RECORD) && !fits(OTHER_RECORD))
    {
        return Ok(None);
    }
    let (names, label, count) = if options.reading.labels == LabelLevel::Coarse { COARSE } else { FINE };
    let names = location.has(names).then(|| location.path.join(names));
    let described = match options.reading.labels {
        LabelLevel::Fine => Record::of(location)?.classes,
        LabelLevel::Coarse => Vec::new(),
    };
    let parts = FILES.into_iter().filter(|(name, _)| location.has(name));
    let parts = parts.map(|(name, split)| (location.path.join(name), split)).collect();
    let bytes = sizes.iter().sum();
    Ok(Some(Box::new(Cifar100 { folder: location.path.clone(), parts, names, described, label, count, bytes })))
}

struct Cifar100 {
    folder: PathBuf,
    parts: Vec<(PathBuf, Split)>,
    /// The file with the names of the classes.
    names: Option<PathBuf>,
    /// The names that `corpus.toml` gives.
    described: Vec<String>,
    label: usize,
    count: usize,
    bytes: u64,
}

impl Reader for Cifar100 {
    fn layout(&self) -> String {
        "CIFAR-100 binary".to_owned()
    }

    fn usage(&self) -> Usage {
        let lists = [FINE.0, COARSE.0].map(|list| self.folder.join(list));
        Usage::of(self.parts.iter().map(|(path, _)| path.clone()).chain(lists))
    }

    fn raw_bytes(&self) -> Option<u64> {
        Some(self.bytes)
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let classes = match &self.names {
            Some(path) => read_lines(path)?,
            None if self.described.is_empty() => (0..self.count).map(|number| number.to_string()).collect(),
            None => self.described.clone(),
        };
        let count = classes.len();
        sink.set_classes(classes);
        let has_test = self.parts.iter().any(|(_, split)| *split == Split::Test);
        let mut splitting = Splitting::new(has_test, &mut sink.account);
        for (path, split) in &self.parts {
            let records =
                Records { path: path.clone(), shape: SHAPE, images: None, classes: count, labels: (2, self.label) };
            records.read(&mut |record| {
                let name = format!("{}_{:05}", split.as_str(), record.index);
                let split = splitting.next(*split, record.class);
                sink.push(record.into_item(split, name))
            })?;
        }
        Ok(())
    }
}
