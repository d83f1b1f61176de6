//! Snapshots of format 2, written from another program's arrays as they are.

use super::digest::Digest;
use super::dtype::Dtype;
use super::file::{header_text, write_whole};
use super::header::{Header, TensorEntry};
use crate::error::Error;
use crate::shape::Step;
use std::path::Path;

/// An array of another program: its name and its numbers as they are in that program's file.
#[derive(Clone, Debug, PartialEq)]
pub struct RawArray {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Row-major, little-endian.
    pub(crate) bytes: Vec<u8>,
}

impl RawArray {
    /// An array of single precision: its shape, and its numbers in row-major order.
    ///
    /// # Errors
    /// [`Error::Tensor`]: there are more or fewer numbers than the shape has.
    pub fn of_floats(name: &str, shape: &[usize], floats: &[f32]) -> Result<Self, Error> {
        let expected = shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
        if expected != Some(floats.len()) {
            return Err(Error::Tensor {
                name: name.to_owned(),
                expected: format!("the numbers of {shape:?}"),
                found: floats.len().to_string(),
            });
        }
        let bytes = floats.iter().flat_map(|number| number.to_le_bytes()).collect();
        Ok(Self { name: name.to_owned(), dtype: Dtype::F32, shape: shape.to_vec(), bytes })
    }

    fn entry(&self) -> TensorEntry {
        TensorEntry { name: self.name.clone(), dtype: self.dtype, shape: self.shape.clone() }
    }
}

/// A snapshot of format 2 in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct RawSnapshot {
    header: Header,
    arrays: Vec<RawArray>,
}

impl RawSnapshot {
    /// The snapshot after `step` updates, `epoch` epochs and `images_seen` images, with its hash.
    pub fn new(step: Step, epoch: f64, images_seen: u64, arrays: Vec<RawArray>) -> Self {
        let mut header = Header { format: 2, step, epoch, images_seen, hash: String::new() };
        let mut digest = Digest::of(&header);
        for array in &arrays {
            digest.tensor(&array.entry());
            digest.bytes(&array.bytes);
        }
        header.hash = digest.finish();
        Self { header, arrays }
    }

    /// Updates done.
    pub const fn step(&self) -> Step {
        self.header.step
    }

    /// The hash of all of it.
    pub fn hash(&self) -> &str {
        &self.header.hash
    }

    /// Whether another one has the same arrays, whatever its step and epoch.
    pub fn has_arrays_of(&self, other: &Self) -> bool {
        self.arrays == other.arrays
    }

    /// Writes it whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let entries: Vec<_> = self.arrays.iter().map(RawArray::entry).collect();
        let text = header_text(&self.header, &entries);
        write_whole(path, "write the snapshot", |file| {
            file.write_all(&(text.len() as u64).to_le_bytes())?;
            file.write_all(text.as_bytes())?;
            self.arrays.iter().try_for_each(|array| file.write_all(&array.bytes))
        })
    }
}
