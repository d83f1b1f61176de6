//! The database with its connection, and what the run has now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use deepviz_net::{Run, Step};
use rusqlite::Connection;

use super::deadline::{Deadline, PATIENCE};
use super::fault::{Fault, error_from_fault};
use crate::error::Error;

/// The file's name in the run folder.
pub const FILE_NAME: &str = "stats.sqlite";
/// The file beside it that holds what was written last: a copy of the statistics is not whole without it.
pub const LOG_FILE_NAME: &str = "stats.sqlite-wal";

/// The statistics of one run.
///
/// May be read from several threads, and while another process or thread writes. What was computed
/// from another snapshot file or corpus than the run has now is stale and is never shown; what the
/// run has is looked up on opening and by [`Store::refresh`].
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Mutex<Connection>,
    pub(super) expected: Mutex<Option<Expected>>,
    pub(super) path: PathBuf,
    /// True when it is read as the files were when it was opened: later writes are not seen.
    pub(super) is_frozen: bool,
    /// Of one that is only read.
    pub(super) deadline: Option<Deadline>,
}

/// The run folder's snapshots and corpus, to tell stale numbers by.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    pub(super) snapshots: BTreeMap<Step, String>,
    pub(super) corpus: String,
    pub(super) classes: usize,
    pub(super) images: u64,
}

impl Expected {
    /// A step that is not listed is newer than the list, hence not stale.
    fn is_stale(&self, step: Step, snapshot_hash: &str, corpus_hash: &str) -> bool {
        self.corpus != corpus_hash || self.snapshots.get(&step).is_some_and(|hash| hash != snapshot_hash)
    }
}

impl Store {
    /// Looks up again which snapshots and corpus the run has, to tell stale numbers by.
    pub fn refresh(&self, run: &Run) {
        let snapshots = run
            .checkpoints()
            .into_iter()
            .filter(|entry| entry.problem.is_none())
            .map(|entry| (entry.step, entry.hash))
            .collect();
        let info = run.info();
        let expected = Expected {
            snapshots,
            corpus: info.corpus.identity.clone(),
            classes: info.classes.len(),
            images: info.corpus.train.saturating_add(info.corpus.test),
        };
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = Some(expected);
    }

    /// True when it shows the files as they were when it was opened, whatever is written since: its folder cannot be
    /// written.
    pub fn is_frozen(&self) -> bool {
        self.is_frozen
    }

    /// The database's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stale(&self, step: Step, snapshot_hash: &str, corpus_hash: &str) -> bool {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.as_ref().is_some_and(|e| e.is_stale(step, snapshot_hash, corpus_hash))
    }

    /// Refuses numbers that no unit of this run can have, before anything is allocated by them.
    pub(super) fn check_counts(&self, classes: usize, first: u32, images: usize) -> Result<(), String> {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(expected) = expected.as_ref() else { return Ok(()) };
        let end = u64::from(first).saturating_add(images as u64);
        if classes == expected.classes && end <= expected.images {
            return Ok(());
        }
        Err(format!(
            "numbers of images up to {end} and {classes} classes; the run has {} images and {} classes",
            expected.images, expected.classes
        ))
    }

    pub(super) fn is_weight_stale(&self, step: Step, snapshot_hash: &str, previous_hash: &str) -> bool {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.as_ref().is_some_and(|e| {
            let previous = e.snapshots.range(..step).next_back().map_or("", |(_, hash)| hash);
            e.snapshots.get(&step).is_some_and(|hash| hash != snapshot_hash) || previous != previous_hash
        })
    }

    /// Runs queries, and gives what goes wrong the path and its meaning.
    pub(super) fn with<T>(
        &self,
        tried: &'static str,
        queries: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let mut connection = self.lock();
        if let Some(deadline) = &self.deadline {
            deadline.begin(PATIENCE);
        }
        queries(&mut connection).map_err(|fault| error_from_fault(fault, tried, &self.path))
    }
}
