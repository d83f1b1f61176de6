//! CIFAR's Python batches: pickled dictionaries with pixels, labels and the photographs' file names.

#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fmt::Display,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    cifar_binary::{CLASSES, SHAPE, numbered},
    records::{FoundLabel, class_of, interleaved_to_planes},
    splits::Splitting,
};
use crate::{
    Error, LabelLevel, OpenOptions, Split,
    account::Usage,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::Location,
};
use deepviz_pickle::{Objects, Pickle, Rules, Value, ValueType};

/// Recognises a folder of Python batches, of CIFAR-10 or CIFAR-100.
pub(crate) fn detect<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if location.has("data_batch_1") || location.has("test_batch") {
        let training = numbered(location, "data_batch_", "")?.into_iter().map(|path| (path, Split::Train));
        let test = location.has("test_batch").then(|| (location.path.join("test_batch"), Split::Test));
        let parts = training.chain(test).collect();
        return Ok(Some(Box::new(PickleBatches { parts, meta: location.path.join("batches.meta"), keys: CIFAR10 })));
    }
    let files = [("train", Split::Train), ("test", Split::Test)].into_iter().filter(|(name, _)| location.has(name));
    let parts: Vec<(PathBuf, Split)> = files.map(|(name, split)| (location.path.join(name), split)).collect();
    if parts.is_empty() || !(location.has("meta") || parts.iter().all(|(path, _)| begins_as_pickle(path))) {
        return Ok(None);
    }
    let keys = if options.reading.labels == LabelLevel::Coarse { COARSE } else { FINE };
    Ok(Some(Box::new(PickleBatches { parts, meta: location.path.join("meta"), keys })))
}

/// True when a file begins as pickles of protocol 2 and later do.
fn begins_as_pickle(path: &Path) -> bool {
    let mut start = [0; 2];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && matches!(start, [0x80, 2..=5])
}

/// Bytes of a batch: the largest of CIFAR has 155 MB.
const MAX_BYTES: u64 = 512 << 20;
/// Bytes of a name, of a class or of a photograph. A pickle can refer to one string many times (its memo), so that a
/// small file could become many copies of a long name.
const MAX_NAME_BYTES: usize = 1_024;

/// A batch holds no objects of classes.
const RULES: Rules = Rules { what: "a batch of CIFAR", objects: Objects::Refused };

/// The dictionary keys and the number of classes of CIFAR-10, and of CIFAR-100 at each level of labels.
#[derive(Clone, Copy)]
struct Keys {
    layout: &'static str,
    labels: &'static str,
    label_names: &'static str,
    classes: usize,
}

const CIFAR10: Keys =
    Keys { layout: "CIFAR-10 Python batches", labels: "labels", label_names: "label_names", classes: 10 };
const FINE: Keys =
    Keys { layout: "CIFAR-100 Python", labels: "fine_labels", label_names: "fine_label_names", classes: 100 };
const COARSE: Keys =
    Keys { layout: "CIFAR-100 Python", labels: "coarse_labels", label_names: "coarse_label_names", classes: 20 };

struct PickleBatches {
    /// In the order of the images' ids.
    parts: Vec<(PathBuf, Split)>,
    /// The file with the names of the classes, which may be missing.
    meta: PathBuf,
    keys: Keys,
}

impl Reader for PickleBatches {
    fn layout(&self) -> String {
        self.keys.layout.to_owned()
    }

    fn usage(&self) -> Usage {
        Usage::of(self.parts.iter().map(|(path, _)| path.clone()).chain([self.meta.clone()]))
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let classes = self.classes()?;
        let count = classes.len();
        sink.set_classes(classes);
        let has_test = self.parts.iter().any(|(_, split)| *split == Split::Test);
        let mut splitting = if self.keys.labels == CIFAR10.labels {
            Splitting::as_found(has_test, &mut sink.account)
        } else {
            Splitting::new(has_test, &mut sink.account)
        };
        for (path, split) in &self.parts {
            let file = PickleFile { path: path.clone() };
            let bytes = file.read()?;
            let pickle = file.parse(&bytes)?;
            let batch = file.batch(&pickle, self.keys)?;
            for (record, (found, name)) in batch.labels.into_iter().zip(batch.names).enumerate() {
                let class = class_of(FoundLabel { label: found, record, path }, count)?;
                let pixels = batch.pixels.image(record);
                let payload = Payload::Raw { shape: SHAPE, pixels };
                let split = splitting.next(*split, class);
                sink.push(Item { split, class, source: name.clone(), name, payload })?;
            }
        }
        Ok(())
    }
}

impl PickleBatches {
    fn classes(&self) -> Result<Vec<String>, Error> {
        if !self.meta.is_file() {
            let is_cifar10 = self.keys.classes == CLASSES.len();
            let numbers = || (0..self.keys.classes).map(|number| number.to_string()).collect();
            return Ok(if is_cifar10 { CLASSES.map(str::to_owned).to_vec() } else { numbers() });
        }
        let file = PickleFile { path: self.meta.clone() };
        let bytes = file.read()?;
        let pickle = file.parse(&bytes)?;
        let names = file.list(&pickle, self.keys.label_names, u16::MAX.into(), text)?;
        names.ok_or_else(|| file.wrong(self.keys.label_names, "nothing", "the names of the classes"))
    }
}

/// The images of a file, with their labels and names.
struct Batch<'a> {
    pixels: BatchPixels<'a>,
    labels: Vec<i64>,
    names: Vec<String>,
}

/// The pixels of a batch, and how they lie.
struct BatchPixels<'a> {
    bytes: Cow<'a, [u8]>,
    images: usize,
    order: PixelOrder,
}

#[derive(Clone, Copy)]
enum PixelOrder {
    /// Channel by channel, row by row: as CIFAR has them.
    Planes,
    /// The channels of a pixel side by side.
    Interleaved,
    /// The first value of all images, then the second of all.
    Fortran,
}

impl BatchPixels<'_> {
    fn image(&self, index: usize) -> Vec<u8> {
        let row = || &self.bytes[index * SHAPE.len()..][..SHAPE.len()];
        match self.order {
            PixelOrder::Planes => row().to_vec(),
            PixelOrder::Interleaved => interleaved_to_planes(row(), SHAPE),
            PixelOrder::Fortran => self.bytes.iter().skip(index).step_by(self.images).copied().collect(),
        }
    }
}

/// A pickled file, for its errors.
struct PickleFile {
    path: PathBuf,
}

impl PickleFile {
    fn read(&self) -> Result<Vec<u8>, Error> {
        let io = || Error::io("read", &self.path);
        let mut bytes = Vec::new();
        fs::File::open(&self.path).map_err(io())?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io())?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(self.malformed(format!("more than {MAX_BYTES} bytes"), "a batch of CIFAR".to_owned()));
        }
        Ok(bytes)
    }

    fn parse<'a>(&self, bytes: &'a [u8]) -> Result<Pickle<'a>, Error> {
        deepviz_pickle::parse(bytes, RULES).map_err(|fault| {
            self.malformed(format!("{} at byte {}", fault.found, fault.offset), fault.expected.to_owned())
        })
    }

    fn wrong(&self, key: &'static str, found: impl Display, expected: impl Into<String>) -> Error {
        self.malformed(format!("{found} under {key:?}"), expected.into())
    }

    fn malformed(&self, found: String, expected: String) -> Error {
        Error::Malformed { what: "the Python batch", found, expected, path: self.path.clone() }
    }

    /// The list of a key, of at most `max` items, each converted by `item`.
    fn list<'p, 'a, T>(
        &self,
        pickle: &'p Pickle<'a>,
        key: &'static str,
        max: usize,
        item: impl Fn(&'p Value<'a>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Error> {
        match pickle.key(key) {
            None => Ok(None),
            Some(Value::List(ids) | Value::Tuple(ids)) if ids.len() > max => {
                Err(self.wrong(key, format!("{} values", ids.len()), format!("at most {max}")))
            }
            Some(Value::List(ids) | Value::Tuple(ids)) => {
                let items: Option<Vec<T>> = ids.iter().map(|&id| item(pickle.get(id))).collect();
                items.map(Some).ok_or_else(|| {
                    self.wrong(key, "a list with other things in it", "labels, or names of usual length")
                })
            }
            Some(other) => Err(self.wrong(key, other.kind(), "a list")),
        }
    }

    fn batch<'p>(&self, pickle: &'p Pickle<'_>, keys: Keys) -> Result<Batch<'p>, Error> {
        let pixels = self.pixels(pickle)?;
        let images = pixels.images;
        let labels = match pickle.key(keys.labels) {
            Some(Value::Array(array)) if array.shape == [images] => array.numbers(),
            Some(Value::Array(_)) => None,
            _ => self.list(pickle, keys.labels, images, number)?,
        };
        let labels = labels
            .filter(|labels| labels.len() == images)
            .ok_or_else(|| self.wrong(keys.labels, "nothing, or another number", format!("{images} labels")))?;
        let names = match self.list(pickle, "filenames", images, text)? {
            Some(names) if names.len() == images => names,
            Some(names) => {
                return Err(self.wrong("filenames", format!("{} names", names.len()), format!("{images} names")));
            }
            None => {
                let batch = self.path.file_name().unwrap_or_default().to_string_lossy();
                (0..images).map(|index| format!("{batch}_{index:05}")).collect()
            }
        };
        Ok(Batch { pixels, labels, names })
    }

    /// The pixels: one row for each image, or an array of images.
    fn pixels<'p>(&self, pickle: &'p Pickle<'_>) -> Result<BatchPixels<'p>, Error> {
        let array = match pickle.key("data") {
            Some(Value::Array(array)) => array,
            other => return Err(self.wrong("data", other.map_or("nothing", Value::kind), "an array of bytes")),
        };
        let order = match (array.kind == ValueType::BYTE, &array.shape[..], array.is_fortran) {
            (true, [_, 3_072] | [_, 3, 32, 32], false) => PixelOrder::Planes,
            (true, [_, 32, 32, 3], false) => PixelOrder::Interleaved,
            (true, [_, 3_072], true) => PixelOrder::Fortran,
            (is_bytes, shape, is_fortran) => {
                let kind = if is_bytes { "bytes" } else { "numbers that are no bytes" };
                let order = if is_fortran { " in Fortran's order" } else { "" };
                let found = format!("an array of {kind} of shape {shape:?}{order}");
                let expected =
                    format!("one row of {} bytes for each image (not the column-major version)", SHAPE.len());
                return Err(self.wrong("data", found, expected));
            }
        };
        Ok(BatchPixels { bytes: Cow::Borrowed(&array.bytes), images: array.shape[0], order })
    }
}

/// A string of Python 2 is bytes without an encoding; names are ASCII, and anything else stays readable.
fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Bytes(bytes) | Value::Text(bytes) if bytes.len() <= MAX_NAME_BYTES => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    }
}

fn number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}
