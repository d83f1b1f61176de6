//! The events of a run.

use serde::Serialize;
use utoipa::ToSchema;

use crate::runs::wire::SplitName;

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Event {
    /// A snapshot appeared or was replaced.
    Checkpoint { index: usize, step: u64 },
    /// The statistics of a snapshot became ready.
    Statistics { checkpoint: usize, split: SplitName },
    /// There are measurements up to this step.
    Metrics { step: u64 },
    /// The run grows, or no longer.
    State { live: bool },
    /// Another run appeared in the folders that are served, or was replaced.
    Run { id: String },
    /// Events were lost, or the run was replaced: ask for everything again.
    Reload {},
}

impl Event {
    /// The event's name in the stream.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Checkpoint { .. } => "checkpoint",
            Self::Statistics { .. } => "statistics",
            Self::Metrics { .. } => "metrics",
            Self::State { .. } => "state",
            Self::Run { .. } => "run",
            Self::Reload {} => "reload",
        }
    }
}
