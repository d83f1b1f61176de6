//! The summary of a computation.

/// The work of a computation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Units computed, or completed by the cluster sets that they lacked.
    pub computed: usize,
    /// Units that failed; the store says why.
    pub failed: usize,
    /// Units of which nothing was missing.
    pub up_to_date: usize,
    /// True when it was stopped before all was done.
    pub stopped: bool,
    /// Images that the network was applied to.
    pub images: u64,
    /// Seconds for applying the network.
    pub forward_seconds: f64,
    /// Seconds for clusters.
    pub cluster_seconds: f64,
    /// Seconds for all of it.
    pub seconds: f64,
}
