//! The end of a run whose numbers are no longer finite.

use crate::parameters::Parameters;
use crate::shape::Step;
use serde::{Deserialize, Serialize};

/// Where a run diverged: the last line of its metrics.jsonl.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// Updates done: the network as it is after them no longer gives finite numbers.
    pub step: Step,
    /// The same in epochs.
    pub epoch: f64,
    /// Training images seen.
    pub images_seen: u64,
    /// The key by which this line differs from a measurement's.
    pub kind: DivergenceKind,
    /// What was not finite.
    pub what: NotFinite,
    /// The same in words.
    pub found: String,
    /// Learning rate of the last update; none where another program trained the network and did not say.
    #[serde(deserialize_with = "Option::deserialize")]
    pub rate: Option<f64>,
}

/// The kind of a line of metrics.jsonl that says where the run diverged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DivergenceKind {
    /// The only one.
    Diverged,
}

/// What was found not to be finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotFinite {
    /// The loss of the next minibatch.
    Loss,
    /// Weights, running statistics or the optimiser's state.
    Weights,
    /// Class probabilities of some images.
    Outputs,
}

impl Parameters {
    /// The first array that holds a number which is not finite.
    pub fn first_not_finite(&self) -> Option<&str> {
        self.iter().find(|(_, array)| !array.iter().all(|value| value.is_finite())).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn one_number_that_is_not_finite_is_found() {
        let array = |values: [f32; 3]| arr1(&values).into_dyn();
        let parameters =
            |last| Parameters::new(vec![("a".into(), array([0.0; 3])), ("b".into(), array([1.0, last, f32::MAX]))]);
        assert_eq!(parameters(-3.0e38).first_not_finite(), None);
        for last in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(parameters(last).first_not_finite(), Some("b"));
        }
    }
}
