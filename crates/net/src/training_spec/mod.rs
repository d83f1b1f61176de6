//! How a network is trained.

mod schedule;

pub use schedule::{Curve, Schedule, Stage};

pub use crate::device::Precision;
use crate::optimiser::OptimiserSettings;

/// How a network is trained: everything about a training but the network and its images.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSpec {
    /// Images a minibatch.
    pub batch: usize,
    /// Learning rates, and for how long.
    pub schedule: Schedule,
    /// The optimiser and its settings.
    pub optimiser: OptimiserSettings,
    /// Share of the loss that smooths the targets towards uniform.
    pub label_smoothing: f64,
    /// Precision to which the factors of matrix products are rounded where the device saves time by it.
    pub precision: Precision,
    /// Order of the images.
    pub shuffle: Shuffle,
    /// Seed of everything random, unless the command line gives one.
    pub seed: u64,
}

/// Order in which images are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shuffle {
    /// A new order every epoch.
    Epoch,
    /// One random order for all epochs.
    Once,
    /// The corpus' order.
    None,
}
