//! One piece of work: a snapshot over a split.

use deepviz_corpus::Split;
use deepviz_net::Step;

/// The state of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Its numbers can be read.
    Ready,
    /// It could not be computed; [`UnitState::error`] says why.
    Failed,
    /// It was made from another snapshot file or corpus than there is now; its numbers are not shown.
    Stale,
}

/// A unit in the store. A unit that was never computed is not in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitState {
    /// The snapshot's step.
    pub step: Step,
    /// The split.
    pub split: Split,
    /// Its state.
    pub state: State,
    /// Hash of the snapshot that it was computed from.
    pub snapshot_hash: String,
    /// Identity of the corpus that it was computed over.
    pub corpus_hash: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Number of images counted.
    pub images: usize,
    /// Mean of `-ln p(true class)` over them.
    pub loss: Option<f64>,
    /// The share of wrong predictions.
    pub error_rate: Option<f64>,
    /// Seconds it took.
    pub seconds: f64,
}
