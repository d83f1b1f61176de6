//! Snapshots of a running training, written while it goes on.

use crate::divergence::not_finite_in;
use crate::error::Error;
use crate::job::{Event, Observer};
use crate::run::Trainer;
use deepviz_net::{NotFinite, Run, Step};
use std::thread::JoinHandle;

/// A snapshot that is being written.
pub(crate) struct PendingSnapshot {
    step: Step,
    /// Ends with the event to report, and the parameter that is not finite, if any.
    thread: JoinHandle<Result<(Event, Option<String>), Error>>,
}

impl PendingSnapshot {
    /// True when nothing is left to wait for.
    pub fn is_written(&self) -> bool {
        self.thread.is_finished()
    }
}

impl Trainer<'_> {
    /// Writes a snapshot of the present step, or starts to; none where there is one.
    pub(crate) fn save(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.wait_for_step(observer)?;
        let step = self.step();
        if self.saved == Some(step) {
            return Ok(());
        }
        self.wait_for_snapshot(observer)?;
        // First the metrics up to here: a run resumed from the snapshot relies on them.
        self.metrics.sync()?;
        let path = Run::snapshot_path(&self.job.out, step);
        self.saved = Some(step);
        let Some(outgoing) = self.executor.copy_out()? else {
            let sealed = self.start.snapshot.clone().sealed();
            sealed.write(&path)?;
            observer.event(&Event::Snapshot { step, path, hash: sealed.hash });
            return self.check_weights();
        };
        // The weights are being downloaded from the device; the next steps need not wait for them.
        let mut snapshot = self.start.snapshot.clone();
        let thread = std::thread::spawn(move || {
            (snapshot.parameters, snapshot.optimizer) = outgoing.wait()?;
            let bad = not_finite_in(&snapshot);
            let sealed = snapshot.sealed();
            sealed.write(&path)?;
            Ok((Event::Snapshot { step, path, hash: sealed.hash }, bad))
        });
        self.pending_snapshot = Some(PendingSnapshot { step, thread });
        Ok(())
    }

    /// Waits for the snapshot that is being written.
    pub(crate) fn wait_for_snapshot(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let Some(PendingSnapshot { step, thread }) = self.pending_snapshot.take() else {
            return Ok(());
        };
        let (event, bad) = thread.join().unwrap_or(Err(Error::Writer { step: step.0 }))?;
        observer.event(&event);
        bad.map_or(Ok(()), |found| Err(self.diverged(step, NotFinite::Weights, found)))
    }
}

impl Drop for Trainer<'_> {
    /// Whatever ends training, a snapshot that is being written gets into its file.
    fn drop(&mut self) {
        if let Some(pending) = self.pending_snapshot.take() {
            pending.thread.join().ok();
        }
    }
}
