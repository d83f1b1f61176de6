//! Names in a run folder.

/// Folder of the snapshots inside a run's folder.
pub const SNAPSHOT_FOLDER: &str = "snapshots";
/// File of the metrics inside a run's folder.
pub const METRICS_FILE: &str = "metrics.jsonl";
