//! The snapshot file: everything needed to apply the network at a step, or to train on from it.
//!
//! A safetensors file. Format 1, of networks that deepViz trains: weights under their names, optimiser state under
//! `optimizer.`, the mean that is subtracted from images as `data.mean`, what they are divided by as `data.std`; metadata
//! `format`, `step`, `epoch`, `images_seen` and `hash`, which covers all of these and every tensor's name, shape and
//! bytes. Format 2, of networks that another program trained: the arrays under the names that they have there.
//! docs/run-format.md describes it.

mod digest;
mod dtype;
pub(crate) mod file;
mod header;
mod raw;

pub(crate) use dtype::Dtype;
pub(crate) use header::{Header, Scanned, TensorEntry};
pub use raw::{RawArray, RawSnapshot};

use crate::error::Error;
use crate::input::{MeanKind, StdKind};
use crate::network::Network;
use crate::optimiser::Optimiser;
use crate::parameters::Parameters;
use crate::shape::Step;
use ndarray::{Array1, Array3, ArrayD};
use std::path::Path;

/// Newest format this version reads.
pub const SNAPSHOT_FORMAT: u32 = 2;

/// The format of the snapshots of networks that deepViz trains.
const OWN_FORMAT: u32 = 1;

pub(crate) const MEAN: &str = "data.mean";
pub(crate) const STD: &str = "data.std";
pub(crate) const OPTIMIZER: &str = "optimizer.";

/// A network's state after a number of updates.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Updates done.
    pub step: Step,
    /// Epochs done, in fractions.
    pub epoch: f64,
    /// Training images seen.
    pub images_seen: u64,
    /// Hash of everything else; [`Snapshot::sealed`] sets it.
    pub hash: String,
    /// Weights and biases.
    pub parameters: Parameters,
    /// Mean image that is subtracted, of the shape of the network's images.
    pub mean: Option<Array3<f32>>,
    /// What each channel is divided by then.
    pub std: Option<Array1<f32>>,
    /// What the optimiser keeps from step to step, under the parameters' names: velocities, or
    /// `conv1.weight.exp_avg` and the like.
    pub optimizer: Parameters,
}

impl Snapshot {
    /// The snapshot with its hash set.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.hash = digest::hash(&self.header(), &self.tensors());
        self
    }

    /// Reads a snapshot and checks that it is whole and unaltered.
    pub fn read(path: &Path) -> Result<Self, Error> {
        file::read(path, true)
    }

    /// The same without the optimiser's state, which only training needs.
    pub fn read_weights(path: &Path) -> Result<Self, Error> {
        file::read(path, false)
    }

    /// Writes the snapshot: to a temporary name, synced, then renamed, so that a file of this name
    /// is always whole.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        file::write(self, path)
    }

    /// Checks that the snapshot is one of this network: names, shapes, mean, and the state of its optimiser, if deepViz
    /// trains it.
    pub fn check(&self, network: &Network, optimiser: Option<Optimiser>) -> Result<(), Error> {
        self.parameters.check(network)?;
        match (optimiser, self.optimizer.iter().next()) {
            (_, None) => {}
            (Some(optimiser), _) => self.optimizer.check_optimiser_state(network, optimiser)?,
            (None, Some((name, array))) => {
                return Err(Error::Tensor {
                    name: format!("{OPTIMIZER}{name}"),
                    expected: "none".into(),
                    found: format!("{:?}", array.shape()),
                });
            }
        }
        let image = network.image();
        let mean = self.mean.as_ref().map(|mean| mean.shape().to_vec());
        let expected = (*network.mean() != MeanKind::None).then(|| image.dims().to_vec());
        compare(MEAN, expected, mean)?;
        let std = self.std.as_ref().map(|std| std.shape().to_vec());
        compare(STD, (*network.std() != StdKind::None).then(|| vec![image.channels]), std)
    }

    fn header(&self) -> Header {
        Header {
            format: OWN_FORMAT,
            step: self.step,
            epoch: self.epoch,
            images_seen: self.images_seen,
            hash: self.hash.clone(),
        }
    }

    /// Names and arrays in the order of the file: mean and standard deviation, the weights, the optimiser's state.
    fn tensors(&self) -> Vec<(String, ArrayD<f32>)> {
        let mean = self.mean.iter().map(|mean| (MEAN.to_owned(), mean.clone().into_dyn()));
        let std = self.std.iter().map(|std| (STD.to_owned(), std.clone().into_dyn()));
        let weights = self.parameters.iter();
        let weights = weights.map(|(name, array)| (name.to_owned(), array.clone()));
        let state = self.optimizer.iter();
        let state = state.map(|(name, array)| (format!("{OPTIMIZER}{name}"), array.clone()));
        mean.chain(std).chain(weights).chain(state).collect()
    }
}

fn compare(name: &str, expected: Option<Vec<usize>>, found: Option<Vec<usize>>) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let words = |shape: Option<Vec<usize>>| shape.map_or("none".into(), |s| format!("{s:?}"));
    Err(Error::Tensor { name: name.into(), expected: words(expected), found: words(found) })
}

#[cfg(test)]
mod tests;
