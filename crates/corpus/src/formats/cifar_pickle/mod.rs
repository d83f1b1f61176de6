//! CIFAR-10 Python batches: pickled dictionaries with `data`, `labels` and `filenames`.

mod pickle;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::cifar_binary::{SHAPE, numbered};
use crate::{
    ClassId, Error, OpenOptions, Split,
    reader::{Place, Reader},
    sink::{Item, Payload, Sink},
};
use pickle::{Pickle, Value};

/// The file with the names of the classes.
const META: &str = "batches.meta";

/// Recognises a folder of Python batches.
pub(crate) fn detect<'t>(place: &Place<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if !place.has("data_batch_1") && !place.has(TEST) {
        return Ok(None);
    }
    let training = numbered(place, "data_batch_", "")?;
    let test = place.has(TEST).then(|| place.path.join(TEST));
    Ok(Some(Box::new(Batches { folder: place.path.clone(), training, test })))
}

const TEST: &str = "test_batch";

struct Batches {
    folder: PathBuf,
    training: Vec<PathBuf>,
    test: Option<PathBuf>,
}

impl Reader for Batches {
    fn layout(&self) -> String {
        "CIFAR-10 Python batches".to_owned()
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let classes = classes(&self.folder.join(META))?;
        let count = classes.len();
        sink.set_classes(classes);
        let training = self.training.iter().map(|path| (path, Split::Train));
        for (path, split) in training.chain(self.test.iter().map(|path| (path, Split::Test))) {
            read_batch(&File { path: path.clone() }, split, (count, &mut *sink))?;
        }
        Ok(())
    }
}

/// A pickled file, for its errors.
struct File {
    path: PathBuf,
}

impl File {
    fn read(&self) -> Result<Vec<u8>, Error> {
        fs::read(&self.path).map_err(Error::io("read", &self.path))
    }

    fn parse<'a>(&self, bytes: &'a [u8]) -> Result<Pickle<'a>, Error> {
        pickle::parse(bytes).map_err(|fault| Error::Pickle {
            offset: fault.offset,
            found: fault.found,
            expected: fault.expected,
            path: self.path.clone(),
        })
    }

    fn wrong(&self, key: &'static str, found: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::BatchKey { key, found: found.into(), expected: expected.into(), path: self.path.clone() }
    }

    /// The list of a key, each item taken by `item`.
    fn list<'p, 'a, T>(
        &self,
        pickle: &'p Pickle<'a>,
        key: &'static str,
        item: impl Fn(&'p Value<'a>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Error> {
        match pickle.key(key) {
            None => Ok(None),
            Some(Value::List(places)) => {
                let items: Option<Vec<T>> = places.iter().map(|&place| item(pickle.get(place))).collect();
                items.map(Some).ok_or_else(|| self.wrong(key, "a list with other things in it", "labels or names"))
            }
            Some(other) => Err(self.wrong(key, other.kind(), "a list")),
        }
    }
}

/// A string of Python 2 is bytes without an encoding; names are ASCII, and anything else stays readable.
fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

fn number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn classes(path: &Path) -> Result<Vec<String>, Error> {
    if !path.is_file() {
        return Ok(super::cifar_binary::CLASSES.map(str::to_owned).to_vec());
    }
    let file = File { path: path.to_owned() };
    let bytes = file.read()?;
    let pickle = file.parse(&bytes)?;
    let names = file.list(&pickle, "label_names", text)?;
    names.ok_or_else(|| file.wrong("label_names", "nothing", "the names of the classes"))
}

fn read_batch(file: &File, split: Split, (classes, sink): (usize, &mut Sink<'_>)) -> Result<(), Error> {
    let bytes = file.read()?;
    let pickle = file.parse(&bytes)?;
    let pixels = match pickle.key("data") {
        Some(Value::Array { shape, bytes }) if shape.len() == 2 && shape[1] == SHAPE.len() => *bytes,
        Some(Value::Array { shape, .. }) => {
            let found = format!("an array of shape {shape:?}");
            let expected = format!("one row of {} bytes for each image (not the column-major version)", SHAPE.len());
            return Err(file.wrong("data", found, expected));
        }
        other => return Err(file.wrong("data", other.map_or("nothing", Value::kind), "an array of bytes")),
    };
    let images = pixels.len() / SHAPE.len();
    let labels = file
        .list(&pickle, "labels", number)?
        .filter(|labels| labels.len() == images)
        .ok_or_else(|| file.wrong("labels", "nothing, or another number", format!("{images} labels")))?;
    let names = match file.list(&pickle, "filenames", text)? {
        Some(names) if names.len() == images => names,
        Some(names) => {
            return Err(file.wrong("filenames", format!("{} names", names.len()), format!("{images} names")));
        }
        None => {
            let batch = file.path.file_name().unwrap_or_default().to_string_lossy();
            (0..images).map(|index| format!("{batch}_{index:05}")).collect()
        }
    };
    let rows = pixels.chunks_exact(SHAPE.len());
    for (record, ((found, name), pixels)) in labels.into_iter().zip(names).zip(rows).enumerate() {
        let class = usize::try_from(found).ok().filter(|&class| class < classes);
        let class = class.ok_or_else(|| Error::Label { record, found, classes, path: file.path.clone() })?;
        let payload = Payload::Raw { shape: SHAPE, pixels: pixels.to_vec() };
        sink.push(Item { split, class: ClassId(class as u16), source: name.clone(), name, payload })?;
    }
    Ok(())
}
