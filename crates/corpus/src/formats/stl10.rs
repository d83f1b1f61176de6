//! STL-10's binary files: images column by column, labels from 1 in files of their own.

use std::path::PathBuf;

use super::{
    records::{FoundLabel, RecordReader, class_of, columns_to_rows},
    splits::Splitting,
    text::read_lines,
};
use crate::{
    Error, ImageShape, OpenOptions, Split,
    account::{Reason, Usage},
    known::Record,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::Location,
};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 96, width: 96 };
const NAMES: &str = "class_names.txt";
const UNLABELLED: &str = "unlabeled_X.bin";
/// The classes of STL-10, for folders without their list.
const CLASSES: [&str; 10] = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"];

/// Recognises a folder with `train_X.bin` or `test_X.bin`.
pub(crate) fn detect<'t>(location: &Location<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let mut parts = Vec::new();
    for split in Split::ALL {
        let [images, labels] = ["X", "y"].map(|kind| format!("{split}_{kind}.bin"));
        if !location.has(&images) {
            continue;
        }
        if !location.has(&labels) {
            return Err(Error::MissingFile { found: images, expected: labels, path: location.path.clone() });
        }
        parts.push(Stl10Part { split, images: location.path.join(images), labels: location.path.join(labels) });
    }
    if parts.is_empty() {
        return Ok(None);
    }
    let names = location.has(NAMES).then(|| location.path.join(NAMES));
    let described = Record::of(location)?.classes;
    let unlabelled = location.folder.file(UNLABELLED).map_or(0, |file| file.bytes / SHAPE.len() as u64) as usize;
    Ok(Some(Box::new(Stl10 { folder: location.path.clone(), parts, names, described, unlabelled })))
}

struct Stl10Part {
    split: Split,
    images: PathBuf,
    labels: PathBuf,
}

struct Stl10 {
    folder: PathBuf,
    parts: Vec<Stl10Part>,
    /// The file with the names of the classes.
    names: Option<PathBuf>,
    /// The names that `corpus.toml` gives.
    described: Vec<String>,
    /// Number of images without labels.
    unlabelled: usize,
}

impl Reader for Stl10 {
    fn layout(&self) -> String {
        "STL-10 binary".to_owned()
    }

    fn usage(&self) -> Usage {
        let parts = self.parts.iter().flat_map(|part| [part.images.clone(), part.labels.clone()]);
        Usage::of(parts.chain([NAMES, UNLABELLED].map(|name| self.folder.join(name))))
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let classes = match &self.names {
            Some(path) => read_lines(path)?,
            None if self.described.is_empty() => CLASSES.map(str::to_owned).to_vec(),
            None => self.described.clone(),
        };
        let count = classes.len();
        sink.set_classes(classes);
        if self.unlabelled > 0 {
            sink.account.leave_out_many(Reason::Unlabelled, self.unlabelled, UNLABELLED.as_ref(), "for other methods");
        }
        let has_test = self.parts.iter().any(|part| part.split == Split::Test);
        let mut splitting = Splitting::new(has_test, &mut sink.account);
        for part in &self.parts {
            let mut images = RecordReader::open(&part.images, SHAPE.len(), None)?;
            let mut labels = RecordReader::open(&part.labels, 1, Some(images.len()))?;
            let mut index = 0;
            while let (Some(bytes), Some(label)) = (images.next()?, labels.next()?) {
                let label = i64::from(label[0]);
                let class = class_of(FoundLabel { label: label - 1, record: index, path: &part.labels }, count)
                    .map_err(|_| Error::Malformed {
                        what: "the labels",
                        found: format!("label {label} of image {index}"),
                        expected: format!("1 to {count}"),
                        path: part.labels.clone(),
                    })?;
                let name = format!("{}_{index:05}", part.split);
                let payload = Payload::Raw { shape: SHAPE, pixels: columns_to_rows(&bytes, SHAPE) };
                let split = splitting.next(part.split, class);
                sink.push(Item { split, class, source: name.clone(), name, payload })?;
                index += 1;
            }
        }
        Ok(())
    }
}
