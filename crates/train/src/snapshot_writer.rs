//! Snapshots of a running training, written while it continues.

use crate::divergence::not_finite_in;
use crate::error::Error;
use deepviz_net::{Run, Snapshot, StateCopy, Step, TrainingState};
use std::path::PathBuf;
use std::thread::JoinHandle;

/// Writes a run's snapshots, one at a time.
pub(crate) struct SnapshotWriter {
    /// The run folder.
    run: PathBuf,
    /// Step of the newest snapshot file.
    newest: Option<Step>,
    pending: Option<PendingSnapshot>,
}

/// A snapshot that is being written while training continues.
struct PendingSnapshot {
    step: Step,
    thread: JoinHandle<Result<WrittenSnapshot, Error>>,
}

/// A snapshot that is in its file.
pub(crate) struct WrittenSnapshot {
    pub step: Step,
    pub path: PathBuf,
    pub hash: String,
    /// Its first array that is not finite, in words.
    pub not_finite: Option<String>,
}

impl SnapshotWriter {
    /// For a run folder whose newest snapshot is of that step.
    pub const fn new(run: PathBuf, newest: Option<Step>) -> Self {
        Self { run, newest, pending: None }
    }

    /// True where the newest snapshot is of this step.
    pub fn holds(&self, step: Step) -> bool {
        self.newest == Some(step)
    }

    /// Writes a snapshot with the arrays of the copy: at once where the copy is made, else on a thread of its own, so
    /// that the next steps need not wait for the download. [`SnapshotWriter::wait`] first for the one before.
    pub fn write(&mut self, snapshot: Snapshot, copy: StateCopy) -> Result<Option<WrittenSnapshot>, Error> {
        let step = snapshot.step;
        let path = Run::snapshot_path(&self.run, step);
        self.newest = Some(step);
        match copy {
            StateCopy::Ready(state) => write(snapshot, state, path).map(Some),
            StateCopy::Pending(download) => {
                let thread = std::thread::spawn(move || write(snapshot, download.wait()?, path));
                self.pending = Some(PendingSnapshot { step, thread });
                Ok(None)
            }
        }
    }

    /// True when waiting for a snapshot takes no time.
    pub fn is_written(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.thread.is_finished())
    }

    /// Waits for the snapshot that is being written, if one is.
    pub fn wait(&mut self) -> Result<Option<WrittenSnapshot>, Error> {
        let Some(PendingSnapshot { step, thread }) = self.pending.take() else {
            return Ok(None);
        };
        thread.join().unwrap_or(Err(Error::Writer { step: step.0 })).map(Some)
    }
}

impl Drop for SnapshotWriter {
    /// Whatever ends training, a snapshot that is being written gets into its file.
    fn drop(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.thread.join().ok();
        }
    }
}

fn write(mut snapshot: Snapshot, state: TrainingState, path: PathBuf) -> Result<WrittenSnapshot, Error> {
    (snapshot.parameters, snapshot.optimizer) = (state.parameters, state.optimiser);
    let not_finite = not_finite_in(&snapshot);
    let sealed = snapshot.sealed();
    sealed.write(&path)?;
    Ok(WrittenSnapshot { step: sealed.step, path, hash: sealed.hash, not_finite })
}
