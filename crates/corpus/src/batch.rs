//! CIFAR-10 binary batches: records of one label byte and 3,072 pixel bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{ClassId, Error, ImageShape, corpus::Parts, name::natural};

/// Every image of CIFAR-10.
pub(crate) const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

/// The classes of CIFAR-10, for folders without their list.
const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

pub(crate) fn read(folder: &Path) -> Result<Parts, Error> {
    let classes = classes(folder)?;
    let training = numbered(folder, "data_batch_", ".bin")?;
    let mut parts = Parts { shape: Some(SHAPE), classes, ..Parts::default() };
    for path in &training {
        append(&mut parts, path)?;
    }
    parts.train = parts.labels.len();
    let test = folder.join("test_batch.bin");
    if test.is_file() {
        append(&mut parts, &test)?;
    }
    Ok(parts)
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

fn append(parts: &mut Parts, path: &Path) -> Result<(), Error> {
    let record = 1 + SHAPE.len();
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    if bytes.is_empty() || bytes.len() % record != 0 {
        let expected = format!("a multiple of {record} (CIFAR-10 has 10,000 records, 30,730,000 bytes, in a batch)");
        return Err(Error::Truncated { found: bytes.len() as u64, expected, path: path.to_owned() });
    }
    let batch = path.file_stem().unwrap_or_default().to_string_lossy();
    parts.pixels.reserve_exact(bytes.len() / record * SHAPE.len());
    for (index, bytes) in bytes.chunks_exact(record).enumerate() {
        let label = bytes[0];
        if usize::from(label) >= parts.classes.len() {
            let (found, classes) = (i64::from(label), parts.classes.len());
            return Err(Error::Label { record: index, found, classes, path: path.to_owned() });
        }
        parts.labels.push(ClassId(u16::from(label)));
        parts.names.push(&format!("{batch}_{index:05}"));
        parts.pixels.extend_from_slice(&bytes[1..]);
    }
    Ok(())
}
