//! CIFAR-10 binary batches: records of one label byte and 3,072 pixel bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{ClassId, Error, ImageShape, corpus::Parts, name::natural};

/// Every image of CIFAR-10.
pub(crate) const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

/// The classes of CIFAR-10, for folders without their list.
pub(crate) const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

pub(crate) fn read(folder: &Path) -> Result<Parts, Error> {
    let classes = classes(folder)?;
    let training = numbered(folder, "data_batch_", ".bin")?;
    let mut parts = Parts { shape: Some(SHAPE), classes, ..Parts::default() };
    for path in training {
        append_named(&mut parts, path)?;
    }
    parts.train = parts.labels.len();
    let test = folder.join("test_batch.bin");
    if test.is_file() {
        append_named(&mut parts, test)?;
    }
    Ok(parts)
}

/// A batch has no names, so an image is named by the batch and its place in it.
fn append_named(parts: &mut Parts, path: PathBuf) -> Result<(), Error> {
    let before = parts.labels.len();
    let batch = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    append(parts, &Records { path, shape: SHAPE, images: None })?;
    for index in 0..parts.labels.len() - before {
        parts.names.push(&format!("{batch}_{index:05}"));
    }
    Ok(())
}

fn classes(folder: &Path) -> Result<Vec<String>, Error> {
    let path = folder.join("batches.meta.txt");
    if !path.is_file() {
        return Ok(CLASSES.map(str::to_owned).to_vec());
    }
    let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The files `prefix1suffix`, `prefix2suffix` and so on, which must have no gap.
pub(crate) fn numbered(folder: &Path, prefix: &str, suffix: &str) -> Result<Vec<PathBuf>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let name = entry.map_err(Error::io("list", folder))?.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
        if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
            names.push(name);
        }
    }
    names.sort_by(|a, b| natural(a, b));
    for (found, number) in names.iter().zip(1..) {
        let expected = format!("{prefix}{number}{suffix}");
        if *found != expected {
            return Err(Error::MissingBatch { found: found.clone(), expected, path: folder.to_owned() });
        }
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// A file of records: a label byte, then the pixels.
pub(crate) struct Records {
    pub(crate) path: PathBuf,
    pub(crate) shape: ImageShape,
    /// How many there must be, where that is known.
    pub(crate) images: Option<usize>,
}

/// Reads the labels and pixels of a file of records.
pub(crate) fn append(parts: &mut Parts, records: &Records) -> Result<(), Error> {
    let Records { path, shape, images } = records;
    let record = shape.len() + 1;
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let truncated = |expected| Error::Truncated { found: bytes.len() as u64, expected, path: path.clone() };
    if let Some(images) = images {
        let expected = images.saturating_mul(record);
        if bytes.len() != expected {
            return Err(truncated(format!("{expected} ({images} records of {record})")));
        }
    } else if bytes.is_empty() || bytes.len() % record != 0 {
        return Err(truncated(format!(
            "a multiple of {record} (a batch of CIFAR-10 has 10,000 records, 30,730,000 bytes)"
        )));
    }
    parts.pixels.reserve_exact(bytes.len() / record * shape.len());
    for (index, bytes) in bytes.chunks_exact(record).enumerate() {
        let label = bytes[0];
        if usize::from(label) >= parts.classes.len() {
            let (found, classes) = (i64::from(label), parts.classes.len());
            return Err(Error::Label { record: index, found, classes, path: path.clone() });
        }
        parts.labels.push(ClassId(u16::from(label)));
        parts.pixels.extend_from_slice(&bytes[1..]);
    }
    Ok(())
}
