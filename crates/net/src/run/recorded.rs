//! Snapshots and measurements that are added to a run of another program.

use super::{METRICS_FILE, OWN_FORMAT, Run};
use crate::error::Error;
use crate::metrics::{Metric, MetricKind};
use crate::run_files::SNAPSHOT_FOLDER;
use crate::snapshot::RawSnapshot;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;

impl Run {
    /// Writes a snapshot into the run folder, in place of one of the same step. The arrays are those that
    /// [`crate::checkpoint::Checkpoint::weights`] found, so that they fit.
    ///
    /// # Errors
    /// [`Error::TrainedHere`]: the run is of format 1, whose snapshots hold more than weights. [`Error::Io`].
    pub fn add_snapshot(&self, snapshot: &RawSnapshot) -> Result<(), Error> {
        self.check_takes_snapshots()?;
        let folder = self.path().join(SNAPSHOT_FOLDER);
        std::fs::create_dir_all(&folder).map_err(Error::io("write the snapshot", &folder))?;
        snapshot.write(&Self::snapshot_path(self.path(), snapshot.step()))
    }

    /// Appends to the run's metrics those measurements of which it has none of the same kind at the same step; returns
    /// how many.
    ///
    /// # Errors
    /// [`Error::TrainedHere`]: training writes them. [`Error::Io`].
    pub fn add_metrics(&self, metrics: &[Metric]) -> Result<usize, Error> {
        self.check_takes_snapshots()?;
        let key = |metric: &Metric| (metric.step, kind_order(metric.kind));
        let mut known: BTreeSet<_> = self.metrics()?.iter().map(key).collect();
        let new: Vec<&Metric> = metrics.iter().filter(|metric| known.insert(key(metric))).collect();
        if new.is_empty() {
            return Ok(0);
        }
        let path = self.path().join(METRICS_FILE);
        let write = || {
            let mut lines = Vec::new();
            for metric in &new {
                serde_json::to_writer(&mut lines, metric)?;
                lines.push(b'\n');
            }
            // A last line that was cut off must not take the first new one along.
            if std::fs::read(&path).is_ok_and(|known| known.last().is_some_and(|last| *last != b'\n')) {
                lines.insert(0, b'\n');
            }
            let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
            // In one write, so that readers see whole lines.
            file.write_all(&lines)?;
            file.sync_all()
        };
        write().map_err(Error::io("write the metrics", &path))?;
        Ok(new.len())
    }

    /// Whether snapshots of another program belong into it.
    ///
    /// # Errors
    /// [`Error::TrainedHere`] where they do not.
    pub fn check_takes_snapshots(&self) -> Result<(), Error> {
        if self.info().format == OWN_FORMAT {
            return Err(Error::TrainedHere { path: self.path().to_owned() });
        }
        Ok(())
    }
}

const fn kind_order(kind: MetricKind) -> u8 {
    match kind {
        MetricKind::Train => 0,
        MetricKind::Test => 1,
        MetricKind::Views => 2,
    }
}
