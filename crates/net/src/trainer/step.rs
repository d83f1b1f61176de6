//! The input of a trainer: the initial state, and each step.

use crate::input::{Preprocess, View};
use crate::network::Network;
use crate::optimiser::{OptimiserSettings, Rates, TrainingState, Update};
use ndarray::ArrayView3;
use std::sync::Arc;

/// What training starts from.
#[derive(Clone, Debug)]
pub struct InitialState {
    /// The network.
    pub network: Arc<Network>,
    /// What is between pixels and its first layer.
    pub preprocess: Arc<Preprocess>,
    /// Its weights, and the optimiser's arrays.
    pub state: TrainingState,
}

/// One step: its minibatch, and where it is in the training.
#[derive(Clone, Copy, Debug)]
pub struct TrainingStep<'a> {
    /// The images' numbers among those given to [`super::Trainer::new`].
    pub ids: &'a [u32],
    /// The images, channels x height x width.
    pub images: &'a [ArrayView3<'a, u8>],
    /// Class of each image.
    pub labels: &'a [u16],
    /// View of each image.
    pub views: &'a [View],
    /// What dropout's masks are drawn from; another one each step.
    pub noise: u64,
    /// Learning rates.
    pub rates: Rates,
    /// Epochs done before the step, in fractions.
    pub epoch: f64,
    /// Number of the step, the first being 1.
    pub number: u64,
}

impl TrainingStep<'_> {
    pub(super) fn update<'a>(&self, settings: &'a OptimiserSettings) -> Update<'a> {
        Update { settings, rates: self.rates, epoch: self.epoch, number: self.number, images: self.ids.len() }
    }
}
