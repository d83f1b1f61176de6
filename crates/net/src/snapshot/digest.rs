//! The hash of a snapshot: over its metadata and every tensor's name, shape and values, each with its length first so
//! that no two contents run together.

use super::header::{Header, TensorEntry};
use ndarray::ArrayD;
use sha2::Digest as _;
use std::fmt::Write as _;

/// The prefix of a hash of format 2.
const SHA256: &str = "sha256:";

/// The hash as it is computed, tensor by tensor in the order of the file. docs/run-format.md describes that of format 2.
pub(super) enum Digest {
    /// Format 1: BLAKE3.
    Blake3(Box<blake3::Hasher>),
    /// Format 2: SHA-256, which every language has.
    Sha256(sha2::Sha256),
}

impl Digest {
    pub fn of(header: &Header) -> Self {
        let [step, epoch, images_seen] =
            [header.step.0, header.epoch.to_bits(), header.images_seen].map(u64::to_le_bytes);
        let mut digest = if header.format == 1 {
            let mut hasher = blake3::Hasher::new();
            hasher.update(b"deepviz snapshot");
            hasher.update(&u64::from(header.format).to_le_bytes());
            Self::Blake3(Box::new(hasher))
        } else {
            Self::Sha256(sha2::Sha256::new_with_prefix(b"deepviz snapshot 2"))
        };
        for number in [step, epoch, images_seen] {
            digest.bytes(&number);
        }
        digest
    }

    /// A tensor, before its bytes.
    pub fn tensor(&mut self, tensor: &TensorEntry) {
        self.text(&tensor.name);
        if matches!(self, Self::Sha256(_)) {
            self.text(tensor.dtype.name());
        }
        self.number(tensor.shape.len());
        tensor.shape.iter().for_each(|side| self.number(*side));
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: usize) {
        self.bytes(&(number as u64).to_le_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    pub fn finish(self) -> String {
        match self {
            Self::Blake3(hasher) => hasher.finalize().to_hex().to_string(),
            Self::Sha256(hasher) => {
                let mut text = SHA256.to_owned();
                for byte in hasher.finalize() {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{byte:02x}");
                }
                text
            }
        }
    }
}

/// The hash of a snapshot in memory.
pub(super) fn hash(header: &Header, tensors: &[(String, ArrayD<f32>)]) -> String {
    let mut digest = Digest::of(header);
    for (name, array) in tensors {
        digest.tensor(&TensorEntry::of_array(name, array));
        for_bytes(array, |bytes| digest.bytes(bytes));
    }
    digest.finish()
}

/// The array's values in order as little-endian bytes, in pieces.
pub(super) fn for_bytes(array: &ArrayD<f32>, mut take: impl FnMut(&[u8])) {
    let standard = array.as_standard_layout();
    match standard.as_slice() {
        Some(values) if cfg!(target_endian = "little") => take(bytemuck::cast_slice(values)),
        _ => standard.iter().for_each(|value| take(&value.to_le_bytes())),
    }
}
