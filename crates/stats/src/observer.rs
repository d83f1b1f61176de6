//! Progress events of a computation.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use deepviz_corpus::Split;
use deepviz_net::Step;

use crate::metric::Metric;

/// Receives every event, in order, on the computing thread.
pub trait Observer {
    /// Handles one event.
    fn event(&mut self, event: &Event);
}

/// Ignores all events.
impl Observer for () {
    fn event(&mut self, _: &Event) {}
}

/// A progress event of a computation. A unit is one checkpoint over one split.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The missing units were determined.
    Planned {
        /// Units to compute.
        units: usize,
        /// Images in them, all together.
        images: u64,
    },
    /// The computation of a unit began.
    UnitStarted {
        /// The checkpoint.
        step: Step,
        /// The split.
        split: Split,
        /// Number of images.
        images: usize,
    },
    /// The network was applied to another chunk of a unit's images.
    Progress {
        /// Images so far in this unit.
        done: usize,
        /// Images of this unit.
        of: usize,
        /// Mean rate in this unit.
        images_per_s: f64,
    },
    /// A layer is being clustered.
    Clustering {
        /// The layer.
        layer: String,
        /// The metric.
        metric: Metric,
    },
    /// A unit was computed and stored.
    UnitFinished {
        /// The checkpoint.
        step: Step,
        /// The split.
        split: Split,
        /// Number of images.
        images: usize,
        /// Seconds for all of it.
        seconds: f64,
        /// Seconds of these for applying the network.
        forward_seconds: f64,
        /// Seconds of these for clusters.
        cluster_seconds: f64,
    },
    /// A unit could not be computed; the computation continues with the others.
    UnitFailed {
        /// The checkpoint.
        step: Step,
        /// The split.
        split: Split,
        /// Why.
        problem: String,
    },
    /// Every existing checkpoint is computed; the run is still in training and will write more.
    AwaitingCheckpoint,
    /// The computation waits for another process; sent when the wait begins, when the blocker changes, and at
    /// intervals.
    Blocked {
        /// What is waited for.
        blocker: Blocker,
        /// Duration of the wait so far.
        waited: Duration,
    },
}

/// What a computation waits for: work of another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// Units that other processes are computing.
    Units {
        /// Number of units.
        units: usize,
        /// The checkpoint of the first of them.
        step: Step,
        /// The images of the first of them.
        split: Split,
        /// The process that computes the first of them.
        holder: String,
        /// How long it has been computing it, by the clocks of both machines; `None` if these cannot be compared.
        held_for: Option<Duration>,
    },
    /// The database, which another process is writing.
    Database {
        /// The file.
        path: PathBuf,
    },
}

impl Blocker {
    /// True if both describe the same wait, possibly at different times.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Units { step, split, holder, .. },
                Self::Units { step: other_step, split: other_split, holder: other_holder, .. },
            ) => (step, split, holder) == (other_step, other_split, other_holder),
            (Self::Database { path }, Self::Database { path: other }) => path == other,
            _ => false,
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Units { units, step, split, holder, held_for } => {
                write!(f, "the statistics of step {step}, {split}, which {holder} has been computing")?;
                if let Some(time) = held_for {
                    write!(f, " for {} s", time.as_secs())?;
                }
                match units.saturating_sub(1) {
                    0 => Ok(()),
                    more => write!(f, ", and {more} more"),
                }
            }
            Self::Database { path } => write!(f, "the process that is writing {}", path.display()),
        }
    }
}
