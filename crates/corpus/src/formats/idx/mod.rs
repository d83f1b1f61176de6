//! MNIST's format (idx) and its kin: a file of images and a file of labels for each split, compressed by gzip or not.

mod files;
mod header;

use std::path::{Path, PathBuf};

use super::{
    records::{FoundLabel, RecordReader, class_of, open_maybe_gz},
    splits::Splitting,
    text::read_lines,
};
use crate::{
    ClassId, Error, Limits, OpenOptions, Split,
    account::{Reason, Usage},
    known::Record,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::Location,
};
use files::{IdxPart, Set};
use header::{ElementKind, Header};

/// Recognises a folder with files such as `train-images-idx3-ubyte.gz`.
pub(crate) fn detect<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if location.tree.is_file {
        return Ok(None);
    }
    let Some(set) = files::find(location)? else { return Ok(None) };
    let Record { classes, .. } = Record::of(location)?;
    Ok(Some(Box::new(Idx { root: location.tree.root.clone(), set, classes, limits: options.limits })))
}

struct Idx {
    root: PathBuf,
    set: Set,
    /// The names that `corpus.toml` gives.
    classes: Vec<String>,
    limits: Limits,
}

impl Reader for Idx {
    fn layout(&self) -> String {
        "idx (MNIST's format)".to_owned()
    }

    fn usage(&self) -> Usage {
        let parts = self.set.parts.iter().flat_map(|part| [part.images.clone(), part.labels.clone()]);
        Usage::of(parts.chain(self.set.mapping.clone()).chain(self.set.left_out.iter().cloned()))
    }

    fn raw_bytes(&self) -> Option<u64> {
        let bytes = |part: &IdxPart| (!part.is_compressed).then_some(part.bytes);
        self.set.parts.iter().map(bytes).sum()
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let mut sources = Vec::new();
        for part in &self.set.parts {
            sources.push(IdxSource::open(part, self.limits)?);
        }
        let classes = self.class_names(&sources)?;
        let count = classes.names.len();
        sink.set_classes(classes.names);
        sink.set_total(sources.iter().map(|source| source.images.len()).sum());
        for name in &self.set.left_out {
            let name = name.strip_prefix(&self.root).unwrap_or(name);
            sink.account.leave_out(Reason::NotAnImage, name, "the file without .gz is read");
        }
        if self.set.name.contains("emnist") {
            sink.account.remark("EMNIST's images are shown as they are stored: turned and mirrored, as in other tools");
        }
        let has_test = self.set.parts.iter().any(|part| part.split == Split::Test);
        let mut splitting = Splitting::new(has_test, &mut sink.account);
        for (part, source) in self.set.parts.iter().zip(sources) {
            let labels = IdxLabels { first: classes.first, count, path: &part.labels };
            read_part(source, &labels, &mut splitting, sink)?;
        }
        Ok(())
    }
}

/// The names of classes, and the label of the first.
struct Classes {
    names: Vec<String>,
    first: i64,
}

impl Idx {
    fn class_names(&self, sources: &[IdxSource]) -> Result<Classes, Error> {
        if !self.classes.is_empty() {
            return Ok(Classes { names: self.classes.clone(), first: 0 });
        }
        if let Some(mapping) = &self.set.mapping {
            return read_mapping(mapping);
        }
        if self.set.name.contains("letters") {
            return Ok(Classes {
                names: (b'a'..=b'z').map(|letter| char::from(letter).to_string()).collect(),
                first: 1,
            });
        }
        // Ten digits, or as many numbers as are used without a gap.
        let mut used = vec![false; 1 << 16];
        for label in sources.iter().flat_map(|source| &source.labels) {
            if let Some(used) = usize::try_from(*label).ok().and_then(|label| used.get_mut(label)) {
                *used = true;
            }
        }
        let count = used.iter().position(|used| !used).unwrap_or(0).max(10);
        Ok(Classes { names: (0..count).map(|number| number.to_string()).collect(), first: 0 })
    }
}

/// EMNIST's `*-mapping.txt`: a label and the characters that it stands for.
fn read_mapping(path: &Path) -> Result<Classes, Error> {
    let mut names = Vec::new();
    let mut first = 0;
    for (index, line) in read_lines(path)?.iter().enumerate() {
        let numbers: Option<Vec<u32>> = line.split_whitespace().map(|word| word.parse().ok()).collect();
        let parsed = numbers.as_deref().and_then(|numbers| numbers.split_first());
        let (label, name) = match parsed {
            Some((label, codes)) if !codes.is_empty() => {
                (i64::from(*label), codes.iter().filter_map(|code| char::from_u32(*code)).collect::<String>())
            }
            _ => (-1, String::new()),
        };
        if index == 0 {
            first = label;
        }
        if label < 0 || label != first + index as i64 {
            let (found, expected) =
                (format!("the line {line:?}"), "a label and characters' numbers, in order".to_owned());
            return Err(Error::Malformed { what: "the class names", found, expected, path: path.to_owned() });
        }
        names.push(name);
    }
    Ok(Classes { names, first })
}

/// A part that has been opened, its labels read.
struct IdxSource {
    split: Split,
    labels: Vec<i64>,
    images: RecordReader,
    kind: ElementKind,
}

impl IdxSource {
    fn open(part: &IdxPart, limits: Limits) -> Result<Self, Error> {
        let labels = header::read_labels(&part.labels, limits)?;
        let mut opened = open_maybe_gz(&part.images)?;
        let header = Header::read(&mut opened, &part.images)?;
        let kind = header.images(&part.images)?;
        if header.count() != labels.len() {
            let found = format!("{} images for {} labels", header.count(), labels.len());
            let expected = format!("one label for each image ({})", part.labels.display());
            return Err(Error::Malformed { what: "the images", found, expected, path: part.images.clone() });
        }
        let images = RecordReader::new(opened.reader, &part.images, [labels.len(), kind.shape.len()]);
        Ok(Self { split: part.split, labels, images, kind })
    }
}

/// The allowed labels, and the file that holds them.
struct IdxLabels<'a> {
    first: i64,
    count: usize,
    path: &'a Path,
}

impl IdxLabels<'_> {
    fn class(&self, label: i64, record: usize) -> Result<ClassId, Error> {
        let found = FoundLabel { label: label.saturating_sub(self.first), record, path: self.path };
        class_of(found, self.count).map_err(|error| match error {
            Error::Label { record, classes, path, .. } if self.first > 0 => Error::Malformed {
                what: "the labels",
                found: format!("label {label} of image {record}"),
                expected: format!("{} to {}", self.first, self.first + classes as i64 - 1),
                path,
            },
            error => error,
        })
    }
}

fn read_part(
    source: IdxSource,
    labels: &IdxLabels<'_>,
    splitting: &mut Splitting,
    sink: &mut Sink<'_>,
) -> Result<(), Error> {
    let IdxSource { split: found, labels: numbers, mut images, kind } = source;
    let mut index = 0;
    while let Some(bytes) = images.next()? {
        let class = labels.class(numbers[index], index)?;
        let split = splitting.next(found, class);
        let name = format!("{}_{index:05}", found.as_str());
        let payload = Payload::Raw { shape: kind.shape, pixels: kind.planes(bytes) };
        sink.push(Item { split, class, source: name.clone(), name, payload })?;
        index += 1;
    }
    images.expect_end()
}
