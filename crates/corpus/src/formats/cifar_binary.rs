//! CIFAR-10 binary batches: records of one label byte and 3,072 pixel bytes.

use std::path::{Path, PathBuf};

use super::{
    records::{FoundLabel, RecordReader, class_of},
    splits::Splitting,
    text::read_lines,
};
use crate::{
    ClassId, Error, ImageShape, OpenOptions, Split,
    account::Usage,
    name::natural,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::Location,
};

/// Every image of CIFAR-10.
pub(crate) const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

/// The classes of CIFAR-10, for folders without their list.
pub(crate) const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Recognises a folder of binary batches.
pub(crate) fn detect<'t>(location: &Location<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if !location.has("data_batch_1.bin") && !location.has(TEST) {
        return Ok(None);
    }
    let training = numbered(location, "data_batch_", ".bin")?;
    let test = location.has(TEST).then(|| location.path.join(TEST));
    let bytes = location.folder.files.iter().filter(|file| file.name.as_encoded_bytes().ends_with(b".bin"));
    let bytes = bytes.map(|file| file.bytes).sum();
    Ok(Some(Box::new(BinaryBatches { folder: location.path.clone(), training, test, bytes })))
}

const TEST: &str = "test_batch.bin";
const CLASS_LIST: &str = "batches.meta.txt";

struct BinaryBatches {
    folder: PathBuf,
    training: Vec<PathBuf>,
    test: Option<PathBuf>,
    bytes: u64,
}

impl Reader for BinaryBatches {
    fn layout(&self) -> String {
        "CIFAR-10 binary batches".to_owned()
    }

    fn usage(&self) -> Usage {
        Usage::of(self.training.iter().chain(&self.test).cloned().chain([self.folder.join(CLASS_LIST)]))
    }

    fn raw_bytes(&self) -> Option<u64> {
        Some(self.bytes)
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let classes = classes(&self.folder)?;
        let count = classes.len();
        sink.set_classes(classes);
        let mut splitting = Splitting::as_found(self.test.is_some(), &mut sink.account);
        let training = self.training.iter().map(|path| (path, Split::Train));
        for (path, split) in training.chain(self.test.iter().map(|path| (path, Split::Test))) {
            // A batch has no names, so an image is named by the batch and its place in it.
            let batch = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let records = Records { path: path.clone(), shape: SHAPE, images: None, classes: count, labels: (1, 0) };
            records.read(&mut |record| {
                let name = format!("{batch}_{:05}", record.index);
                let split = splitting.next(split, record.class);
                sink.push(record.into_item(split, name))
            })?;
        }
        Ok(())
    }
}

fn classes(folder: &Path) -> Result<Vec<String>, Error> {
    let path = folder.join(CLASS_LIST);
    if path.is_file() { read_lines(&path) } else { Ok(CLASSES.map(str::to_owned).to_vec()) }
}

/// The files `prefix1suffix`, `prefix2suffix` and so on, which must have no gap.
pub(super) fn numbered(location: &Location<'_>, prefix: &str, suffix: &str) -> Result<Vec<PathBuf>, Error> {
    let mut names: Vec<&str> = location.folder.readable().filter_map(|file| file.name.to_str()).collect();
    names.retain(|name| {
        let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    });
    names.sort_by(|a, b| natural(a, b));
    for (found, number) in names.iter().zip(1..) {
        let expected = format!("{prefix}{number}{suffix}");
        if *found != expected {
            return Err(Error::MissingFile { found: (*found).to_owned(), expected, path: location.path.clone() });
        }
    }
    Ok(names.into_iter().map(|name| location.path.join(name)).collect())
}

/// A file of records: one label byte or more, then the pixels.
pub(super) struct Records {
    pub(super) path: PathBuf,
    pub(super) shape: ImageShape,
    /// The required number, where it is known.
    pub(super) images: Option<usize>,
    pub(super) classes: usize,
    /// Bytes of labels before the pixels, and which of them is the label.
    pub(super) labels: (usize, usize),
}

/// One record of a file.
pub(super) struct ImageRecord {
    /// Its place in the file, from 0.
    pub(super) index: usize,
    pub(super) class: ClassId,
    shape: ImageShape,
    pixels: Vec<u8>,
}

impl ImageRecord {
    pub(super) fn into_item(self, split: Split, name: String) -> Item {
        let payload = Payload::Raw { shape: self.shape, pixels: self.pixels };
        Item { split, class: self.class, source: name.clone(), name, payload }
    }
}

impl Records {
    /// Reads the file and hands over its records in order.
    pub(super) fn read(&self, take: &mut dyn FnMut(ImageRecord) -> Result<(), Error>) -> Result<(), Error> {
        let Self { path, shape, images, classes, labels: (labels, label) } = self;
        let mut records = RecordReader::open(path, shape.len() + labels, *images)?;
        let mut index = 0;
        while let Some(mut bytes) = records.next()? {
            let class = class_of(FoundLabel { label: bytes[*label].into(), record: index, path }, *classes)?;
            bytes.drain(..labels);
            take(ImageRecord { index, class, shape: *shape, pixels: bytes })?;
            index += 1;
        }
        Ok(())
    }
}
