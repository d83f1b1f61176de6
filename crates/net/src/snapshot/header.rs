//! Metadata of a snapshot, and the hash over it and the tensors.

use super::SNAPSHOT_FORMAT;
use crate::error::Error;
use crate::shape::Step;
use ndarray::ArrayD;
use serde_json::{Map, Value};
use std::path::Path;

/// Bytes before the header: its length, little-endian.
pub(super) const PREFIX_BYTES: usize = 8;
/// No header of ours is nearly as long; longer ones are damage.
pub(super) const LONGEST_BYTES: u64 = 16 << 20;

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
    /// Name and shape of every tensor, in the order of the file.
    pub tensors: Vec<(String, Vec<usize>)>,
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
        // In its shortest form, as it is written: the hash is over the number, and other digits may stand for the same.
        let epoch = text("epoch").and_then(|text| text.parse().ok().filter(|epoch: &f64| epoch.to_string() == text));
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
        let tensor = tensor_of(entry);
        let (shape, begin, end) = tensor.ok_or_else(|| unreadable(format!("the entry of tensor `{name}`")))?;
        tensors.push((begin, end, name.clone(), shape));
    }
    tensors.sort();
    let mut offset = 0;
    for (begin, end, name, _) in &tensors {
        if *begin != offset {
            return Err(unreadable(format!("tensor `{name}` starts at {begin}, not {offset}")));
        }
        offset = *end;
    }
    let tensors = tensors.into_iter().map(|(_, _, name, shape)| (name, shape));
    let tensors = tensors.collect();
    Ok((Scanned { header, tensors }, offset))
}

fn tensor_of(entry: &Value) -> Option<(Vec<usize>, u64, u64)> {
    let numbers = |key: &str| -> Option<Vec<u64>> {
        let list = entry.get(key)?.as_array()?;
        list.iter().map(Value::as_u64).collect()
    };
    let shape: Vec<usize> = numbers("shape")?.iter().map(|side| *side as usize).collect();
    let [begin, end] = numbers("data_offsets")?[..] else {
        return None;
    };
    let values = shape.iter().try_fold(4_u64, |bytes, side| bytes.checked_mul(*side as u64))?;
    let is_f32 = entry.get("dtype")?.as_str()? == "F32";
    (is_f32 && end.checked_sub(begin)? == values).then_some((shape, begin, end))
}

/// Hash over the metadata and every tensor's name, shape and values, each with its length first so
/// that no two contents run together.
pub(super) fn hash(header: &Header, tensors: &[(String, ArrayD<f32>)]) -> String {
    let mut digest = Digest::of(header);
    for (name, array) in tensors {
        digest.name(name, array.shape());
        for_bytes(array, |bytes| digest.bytes(bytes));
    }
    digest.finish()
}

/// The hash as it is computed: tensor by tensor, name and shape, then the bytes as the file has them.
pub(super) struct Digest(blake3::Hasher);

impl Digest {
    pub fn of(header: &Header) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"deepviz snapshot");
        hasher.update(&u64::from(header.format).to_le_bytes());
        hasher.update(&header.step.0.to_le_bytes());
        hasher.update(&header.epoch.to_bits().to_le_bytes());
        hasher.update(&header.images_seen.to_le_bytes());
        Self(hasher)
    }

    pub fn name(&mut self, name: &str, shape: &[usize]) {
        self.0.update(&(name.len() as u64).to_le_bytes());
        self.0.update(name.as_bytes());
        self.0.update(&(shape.len() as u64).to_le_bytes());
        for side in shape {
            self.0.update(&(*side as u64).to_le_bytes());
        }
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// The array's values in order as little-endian bytes, in pieces.
pub(super) fn for_bytes(array: &ArrayD<f32>, mut take: impl FnMut(&[u8])) {
    let standard = array.as_standard_layout();
    match standard.as_slice() {
        Some(values) if cfg!(target_endian = "little") => take(bytemuck::cast_slice(values)),
        _ => standard.iter().for_each(|value| take(&value.to_le_bytes())),
    }
}

pub(super) fn damaged(path: &Path, reason: String) -> Error {
    Error::Damaged { what: "the snapshot", reason, path: path.into() }
}

fn truncated(path: &Path, found: u64, expected: u64) -> Error {
    damaged(path, format!("it is cut short: {found} bytes of at least {expected}"))
}
