//! What an optimiser changes.

use crate::parameters::Parameters;

/// Everything that training changes from step to step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingState {
    /// Weights and running statistics, in the network's order.
    pub parameters: Parameters,
    /// The optimiser's arrays, in the order of [`Parameters::optimiser_state`].
    pub optimiser: Parameters,
}
