//! What an optimiser changes.

use super::Optimiser;
use crate::error::Error;
use crate::network::Network;
use crate::parameters::Parameters;
use ndarray::{ArrayD, IxDyn};

/// Everything that training changes from step to step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingState {
    /// Weights and running statistics, in the network's order.
    pub parameters: Parameters,
    /// The optimiser's arrays, in the order of [`Parameters::optimiser_state`].
    pub optimiser: Parameters,
}

impl Network {
    /// Name and shape of every array that an optimiser keeps from step to step, in order.
    pub fn optimiser_state(&self, optimiser: Optimiser) -> impl Iterator<Item = (String, &[usize])> {
        self.parameters().filter(|spec| spec.is_learnt()).flat_map(move |spec| {
            let named = |suffix| (format!("{}{suffix}", spec.name), spec.shape.as_slice());
            optimiser.state().iter().map(named)
        })
    }
}

impl Parameters {
    /// What an optimiser keeps of the network's parameters from step to step, as it is before the first one.
    pub fn optimiser_state(network: &Network, optimiser: Optimiser) -> Self {
        Self::new(network.optimiser_state(optimiser).map(|(name, shape)| (name, ArrayD::zeros(IxDyn(shape)))).collect())
    }

    /// Checks names and shapes against those of the optimiser's.
    pub fn check_optimiser_state(&self, network: &Network, optimiser: Optimiser) -> Result<(), Error> {
        self.check_against(network.optimiser_state(optimiser).map(|(name, shape)| (name.into(), shape)))
    }

    /// The optimiser's arrays in the network's order, whatever order they came in.
    pub fn in_order_of_state(self, network: &Network, optimiser: Optimiser) -> Result<Self, Error> {
        self.check_optimiser_state(network, optimiser)?;
        Ok(self.sorted_by(|name| network.optimiser_state(optimiser).position(|(known, _)| known == name)))
    }
}
