//! CIFAR-10 Python batches: pickled dictionaries with `data`, `labels` and `filenames`.

mod pickle;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    ClassId, Error,
    batch::{SHAPE, numbered},
    corpus::Parts,
};
use pickle::{Pickle, Value};

/// The file with the names of the classes.
const META: &str = "batches.meta";

pub(crate) fn read(folder: &Path) -> Result<Parts, Error> {
    let training = numbered(folder, "data_batch_", "")?;
    let mut parts = Parts { shape: Some(SHAPE), classes: classes(&folder.join(META))?, ..Parts::default() };
    for path in training {
        append(&mut parts, &File { path })?;
    }
    parts.train = parts.labels.len();
    let test = folder.join("test_batch");
    if test.is_file() {
        append(&mut parts, &File { path: test })?;
    }
    Ok(parts)
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
        return Ok(crate::batch::CLASSES.map(str::to_owned).to_vec());
    }
    let file = File { path: path.to_owned() };
    let bytes = file.read()?;
    let pickle = file.parse(&bytes)?;
    let names = file.list(&pickle, "label_names", text)?;
    names.ok_or_else(|| file.wrong("label_names", "nothing", "the names of the classes"))
}

fn append(parts: &mut Parts, file: &File) -> Result<(), Error> {
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
    for (record, &found) in labels.iter().enumerate() {
        let classes = parts.classes.len();
        let class = usize::try_from(found).ok().filter(|&class| class < classes);
        let class = class.ok_or_else(|| Error::Label { record, found, classes, path: file.path.clone() })?;
        parts.labels.push(ClassId(class as u16));
    }
    match file.list(&pickle, "filenames", text)? {
        Some(names) if names.len() == images => names.iter().for_each(|name| parts.names.push(name)),
        Some(names) => {
            return Err(file.wrong("filenames", format!("{} names", names.len()), format!("{images} names")));
        }
        None => {
            let batch = file.path.file_name().unwrap_or_default().to_string_lossy();
            (0..images).for_each(|index| parts.names.push(&format!("{batch}_{index:05}")));
        }
    }
    parts.pixels.extend_from_slice(pixels);
    Ok(())
}
