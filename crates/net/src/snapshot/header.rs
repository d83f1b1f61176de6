//! Metadata of a snapshot, and the names and shapes of its tensors.

use super::SNAPSHOT_FORMAT;
use super::dtype::Dtype;
use crate::error::Error;
use crate::shape::Step;
use ndarray::ArrayD;
use serde_json::{Map, Value};
use std::path::Path;

/// Bytes before the header: its length, little-endian.
pub(super) const PREFIX_BYTES: usize = 8;
/// No header that deepViz writes is nearly as long: a longer one is damaged.
pub(super) const LONGEST_BYTES: u64 = 16 << 20;

/// The metadata of a snapshot, without its tensors' names and shapes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub format: u32,
    pub step: Step,
    pub epoch: f64,
    pub images_seen: u64,
    pub hash: String,
}

/// A header read without the tensors.
pub(crate) struct Scanned {
    pub header: Header,
    /// Every tensor in the order of the file.
    pub tensors: Vec<TensorEntry>,
}

/// A tensor as the header describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorEntry {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
}

impl TensorEntry {
    /// That of an array of single precision.
    pub fn of_array(name: &str, array: &ArrayD<f32>) -> Self {
        Self { name: name.to_owned(), dtype: Dtype::F32, shape: array.shape().to_vec() }
    }

    /// Bytes of its values; the header's offsets were checked against them.
    pub fn bytes(&self) -> usize {
        self.dtype.bytes() * self.shape.iter().product::<usize>()
    }
}

impl Header {
    pub fn metadata(&self) -> Map<String, Value> {
        let entries = [
            ("format", self.format.to_string()),
            ("step", self.step.to_string()),
            ("epoch", self.epoch.to_string()),
            ("images_seen", self.images_seen.to_string()),
            ("hash", self.hash.clone()),
        ];
        let entries = entries.map(|(key, text)| (key.to_owned(), Value::String(text)));
        entries.into_iter().collect()
    }

    fn from_metadata(metadata: &Map<String, Value>, path: &Path) -> Result<Self, Error> {
        let text = |key: &str| metadata.get(key).and_then(Value::as_str);
        let missing = |key: &str| {
            let reason = format!("its metadata has no readable `{key}`; not a deepViz snapshot?");
            damaged(path, reason)
        };
        let number = |key: &str| {
            let found = text(key).and_then(|text| text.parse::<u64>().ok());
            found.ok_or_else(|| missing(key))
        };
        let format = u32::try_from(number("format")?).unwrap_or(u32::MAX);
        if format > SNAPSHOT_FORMAT {
            return Err(Error::NewerFormat {
                what: "the snapshot",
                found: format,
                supported: SNAPSHOT_FORMAT,
                path: path.into(),
            });
        }
        // In format 1 it is in its shortest form: the hash is over the number, so that other digits for the same number
        // would go unnoticed. Other languages, which write format 2, format numbers in their own way.
        let is_as_written = |text: &str, epoch: &f64| match format {
            1 => epoch.to_string() == text,
            _ => epoch.is_finite() && *epoch >= 0.0,
        };
        let epoch = text("epoch").and_then(|text| text.parse().ok().filter(|epoch| is_as_written(text, epoch)));
        Ok(Self {
            format,
            step: Step(number("step")?),
            epoch: epoch.ok_or_else(|| missing("epoch"))?,
            images_seen: number("images_seen")?,
            hash: text("hash").ok_or_else(|| missing("hash"))?.to_owned(),
        })
    }

    /// Reads the header of a file and checks the file's length, without reading the tensors.
    pub fn scan(path: &Path) -> Result<Scanned, Error> {
        use std::io::Read;
        let io = |source| Error::io("read the snapshot", path)(source);
        let mut file = crate::bounded::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut prefix = [0; PREFIX_BYTES];
        file.read_exact(&mut prefix).map_err(|_| truncated(path, length, PREFIX_BYTES as u64))?;
        let header_bytes = u64::from_le_bytes(prefix);
        let start = check_length(path, header_bytes, length)?;
        let mut text = vec![0; header_bytes as usize];
        file.read_exact(&mut text).map_err(io)?;
        let (scanned, data_bytes) = parse(&text, path)?;
        compare_lengths(path, start.saturating_add(data_bytes), length)?;
        Ok(scanned)
    }
}

/// Checks the header's length against the file's; gives the offset of the tensors.
pub(super) fn check_length(path: &Path, header_bytes: u64, length: u64) -> Result<u64, Error> {
    if header_bytes > LONGEST_BYTES {
        // Not the number: in a file of another kind it is the first eight bytes of its text.
        let reason = format!("its header would be longer than {LONGEST_BYTES} bytes; not a safetensors file?");
        return Err(damaged(path, reason));
    }
    let start = PREFIX_BYTES as u64 + header_bytes;
    if start > length {
        return Err(truncated(path, length, start));
    }
    Ok(start)
}

pub(super) fn compare_lengths(path: &Path, expected: u64, length: u64) -> Result<(), Error> {
    match length {
        _ if length < expected => Err(truncated(path, length, expected)),
        _ if length > expected => {
            let reason = format!("{length} bytes where its header says {expected}");
            Err(damaged(path, reason))
        }
        _ => Ok(()),
    }
}

/// Parses the header's JSON; gives also the number of bytes of all tensors.
pub(super) fn parse(text: &[u8], path: &Path) -> Result<(Scanned, u64), Error> {
    let unreadable = |reason: String| damaged(path, format!("its header is unreadable: {reason}"));
    let value: Value = serde_json::from_slice(text).map_err(|reason| unreadable(reason.to_string()))?;
    let Value::Object(entries) = value else {
        return Err(unreadable("it is no JSON object".into()));
    };
    let metadata = entries.get("__metadata__").and_then(Value::as_object);
    let metadata = metadata.ok_or_else(|| damaged(path, "it has no metadata; not a deepViz snapshot?".to_owned()))?;
    let header = Header::from_metadata(metadata, path)?;
    let mut tensors = Vec::new();
    for (name, entry) in entries.iter().filter(|(name, _)| *name != "__metadata__") {
        let tensor = tensor_of(name, entry, header.format).map_err(unreadable)?;
        tensors.push(tensor);
    }
    tensors.sort_by(|(a, at), (b, bt)| (a, &at.name).cmp(&(b, &bt.name)));
    let mut offset = 0;
    for ([begin, end], TensorEntry { name, .. }) in &tensors {
        if *begin != offset {
            return Err(unreadable(format!("tensor `{name}` starts at {begin}, not {offset}")));
        }
        offset = *end;
    }
    let tensors = tensors.into_iter().map(|(_, tensor)| tensor).collect();
    Ok((Scanned { header, tensors }, offset))
}

/// Where a tensor's bytes lie, and what they are; or the error of its entry.
fn tensor_of(name: &str, entry: &Value, format: u32) -> Result<([u64; 2], TensorEntry), String> {
    let numbers = |key: &str| -> Option<Vec<u64>> {
        let list = entry.get(key)?.as_array()?;
        list.iter().map(Value::as_u64).collect()
    };
    let word = entry.get("dtype").and_then(Value::as_str).unwrap_or_default();
    let dtype = Dtype::of_name(word).filter(|dtype| format > 1 || *dtype == Dtype::F32);
    let dtype = dtype.ok_or_else(|| {
        let expected = if format > 1 { "F32, F16 or BF16" } else { "F32" };
        format!("tensor `{name}` has the dtype `{word}`, expected {expected}")
    })?;
    let invalid = || format!("the entry of tensor `{name}`");
    let (Some(shape), Some(offsets)) = (numbers("shape"), numbers("data_offsets")) else {
        return Err(invalid());
    };
    let [begin, end] = offsets[..] else {
        return Err(invalid());
    };
    let bytes = shape.iter().try_fold(dtype.bytes() as u64, |bytes, side| bytes.checked_mul(*side));
    if bytes.is_none() || end.checked_sub(begin) != bytes {
        return Err(invalid());
    }
    let shape = shape.iter().map(|side| *side as usize).collect();
    Ok(([begin, end], TensorEntry { name: name.to_owned(), dtype, shape }))
}

pub(super) fn damaged(path: &Path, reason: String) -> Error {
    Error::Damaged { what: "the snapshot", reason, path: path.into() }
}

fn truncated(path: &Path, found: u64, expected: u64) -> Error {
    damaged(path, format!("it is cut short: {found} bytes of at least {expected}"))
}
