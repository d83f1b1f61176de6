//! Checkpoints that other programs wrote: `.pt`, `.pth`, `.ckpt`, `.pth.tar`, `.safetensors`, in shards or not.
//!
//! [`cuda_convnet`] reads those of cuda-convnet, which hold the network too.
//!
//! Files in, named arrays out: no run is known here. Nothing that is in a pickle is executed; objects other than
//! tensors, numbers, texts and dictionaries are passed over.

pub mod cuda_convnet;
mod file_list;
mod optimiser;
mod pytorch;
mod safetensors;
mod stamp;
mod weights;

pub use file_list::checkpoints_in;
pub use stamp::Stamp;
pub use weights::{Averaging, Choice, Weights};

use crate::error::Error;
use crate::snapshot::Dtype;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a checkpoint holds: its arrays of floating point by their dotted names, and its metadata.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    arrays: BTreeMap<String, CheckpointArray>,
    facts: Facts,
}

/// An array of a checkpoint, with its bytes read only when they are requested.
#[derive(Clone)]
struct CheckpointArray {
    dtype: FileDtype,
    shape: Vec<usize>,
    /// The bytes, in row-major order.
    read: Arc<dyn Fn() -> std::io::Result<Vec<u8>> + Send + Sync>,
}

impl fmt::Debug for CheckpointArray {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {:?}", self.dtype, self.shape)
    }
}

/// How a checkpoint's numbers are written: double precision is rounded to single.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileDtype {
    Double,
    Kept(Dtype),
}

/// What is in a checkpoint beside its arrays.
#[derive(Clone, Debug, Default, PartialEq)]
struct Facts {
    /// The names of all entries.
    entries: Vec<String>,
    /// Those that are numbers; of booleans none.
    numbers: BTreeMap<String, f64>,
    /// Whether Lightning kept it after the last minibatch of an epoch; true where it does not say.
    is_last_batch: bool,
    /// Whether the optimisers that are saved beside the weights have made updates.
    has_updates: bool,
}

impl Facts {
    fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry == name)
    }
}

impl Checkpoint {
    /// Opens a file or a folder of files; arrays are read later, but for those of safetensors.
    ///
    /// # Errors
    /// [`Error::Damaged`]: it is none of the kinds above, or is damaged. [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = file_list::weights_file(path)?;
        let (arrays, facts) =
            if file_list::is_index(&file) { (Self::shards(&file)?, Facts::default()) } else { Self::file(&file)? };
        Ok(Self { path: path.to_owned(), arrays, facts })
    }

    fn file(file: &Path) -> Result<(BTreeMap<String, CheckpointArray>, Facts), Error> {
        if file.extension().is_some_and(|extension| extension == "safetensors") {
            return Ok((safetensors::read(file)?, Facts::default()));
        }
        pytorch::read(file)
    }

    fn shards(index: &Path) -> Result<BTreeMap<String, CheckpointArray>, Error> {
        let mut arrays = BTreeMap::new();
        for part in file_list::shards(index)? {
            arrays.extend(Self::file(&part)?.0);
        }
        Ok(arrays)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Updates and epochs done, by what it holds, by the Trainer's state beside it, or by its name.
    ///
    /// `is_alone`: of a single checkpoint `resnet18.pt` is not taken for step 18.
    pub fn stamp(&self, is_alone: bool) -> Stamp {
        Stamp::of(&self.path, &self.facts, is_alone)
    }

    fn unusable(path: &Path, reason: impl Into<String>) -> Error {
        Error::Damaged { what: "the checkpoint", reason: reason.into(), path: path.to_owned() }
    }
}

#[cfg(test)]
mod tests;
