//! The identity of a corpus.

use std::fmt::Write as _;

use sha2::Digest as _;

use crate::{ClassId, ImageShape, store::Pixels};

/// What stands before the digits of an identity that another program computed.
pub(crate) const SHA256: &str = "sha256-";

/// The identity by SHA-256, which every language has; images have one shape. docs/run-format.md describes it.
pub(crate) fn recorded_identity(pixels: &Pixels, train: usize, labels: &[ClassId]) -> Option<String> {
    let ImageShape { channels, height, width } = pixels.sizes().common()?;
    let mut hasher = sha2::Sha256::new_with_prefix(b"deepviz corpus 3");
    for number in [channels, height, width, train, labels.len()] {
        hasher.update((number as u64).to_le_bytes());
    }
    let labels: Vec<u8> = labels.iter().flat_map(|label| label.0.to_le_bytes()).collect();
    hasher.update(&labels);
    hasher.update(pixels.all());
    let mut text = SHA256.to_owned();
    for byte in hasher.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// The BLAKE3 hash of the shapes, the split sizes, the labels and the pixels of a corpus.
pub(crate) fn identity(pixels: &Pixels, train: usize, labels: &[ClassId]) -> String {
    let mut hasher = blake3::Hasher::new();
    let sizes = pixels.sizes();
    // Corpora of one size have had the first form since the first version.
    let numbers = if let Some(ImageShape { channels, height, width }) = sizes.common() {
        hasher.update(b"deepviz corpus 1");
        vec![channels, height, width, train, labels.len()]
    } else {
        hasher.update(b"deepviz corpus 2");
        vec![sizes.channels(), train, labels.len()]
    };
    for number in numbers {
        hasher.update(&(number as u64).to_le_bytes());
    }
    let labels: Vec<u8> = labels.iter().flat_map(|label| label.0.to_le_bytes()).collect();
    hasher.update(&labels);
    if sizes.common().is_none() {
        let sides: Vec<u8> = sizes.iter().flatten().flat_map(u32::to_le_bytes).collect();
        hasher.update(&sides);
    }
    hasher.update_rayon(pixels.all());
    hasher.finalize().to_hex().to_string()
}
