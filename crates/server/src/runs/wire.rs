//! Names that answers and events have in common.

use deepviz_corpus::Split;
use deepviz_stats::{State, UnitState};
use serde::Serialize;
use utoipa::ToSchema;

/// A split of a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Split)]
pub(crate) enum SplitName {
    /// The images a network learns from.
    Train,
    /// The images it is measured on.
    Test,
}

impl From<SplitName> for Split {
    fn from(split: SplitName) -> Self {
        match split {
            SplitName::Train => Self::Train,
            SplitName::Test => Self::Test,
        }
    }
}

impl From<Split> for SplitName {
    fn from(split: Split) -> Self {
        match split {
            Split::Train => Self::Train,
            Split::Test => Self::Test,
        }
    }
}

/// The state of the statistics of a checkpoint and a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StatisticsState {
    /// Computed from the files that the run has now.
    Ready,
    /// Not computed yet.
    Missing,
    /// They could not be computed.
    Failed,
    /// Made from another snapshot or corpus than there is now.
    Stale,
}

impl StatisticsState {
    /// The state of what is stored; `None` where nothing is.
    pub(crate) fn of(unit: Option<&UnitState>) -> Self {
        match unit.map(|unit| unit.state) {
            None => Self::Missing,
            Some(State::Ready) => Self::Ready,
            Some(State::Failed) => Self::Failed,
            Some(State::Stale) => Self::Stale,
        }
    }
}
