//! Computes the units that are missing in the store, one after the other.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::computation::Computation;
use crate::control::Control;
use crate::error::Error;
use crate::job::Job;
use crate::loaded::entry_of;
use crate::observer::{Blocker, Event, Observer};
use crate::plan::Task;
use crate::store::{Claim, UnitId};
use crate::summary::Summary;

/// Interval at which the run and the work of other processes are checked again.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Computes what is missing over the snapshots that there are now, and returns.
///
/// Units that failed before are tried again. An interruption loses at most the unit at hand. Several
/// processes may do so at once: each takes what no other is at work on, and returns when all is there. Others
/// are waited for as long as they live, or for [`Job::wait`].
pub fn compute(job: &Job<'_>, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Summary, Error> {
    let mut control = Control::new(observer, stop, job.wait);
    let mut summary = Summary::default();
    stopped_is_no_error(compute_all(job, &mut control, &mut summary), &mut summary)?;
    Ok(summary)
}

/// The same, and then follows the run until it has ended and all is computed.
pub fn follow(job: &Job<'_>, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Summary, Error> {
    let mut control = Control::new(observer, stop, job.wait);
    let mut summary = Summary::default();
    stopped_is_no_error(follow_all(job, &mut control, &mut summary), &mut summary)?;
    Ok(summary)
}

fn stopped_is_no_error(result: Result<(), Error>, summary: &mut Summary) -> Result<(), Error> {
    match result {
        Err(Error::Stopped) => summary.stopped = true,
        result => result?,
    }
    Ok(())
}

fn compute_all(job: &Job<'_>, control: &mut Control<'_>, summary: &mut Summary) -> Result<(), Error> {
    let mut work = Computation::new(job, summary, control)?;
    loop {
        work.pass(control)?;
        if work.summary.stopped || work.claimed_by_others.is_empty() {
            let Computation { store, lease, summary, .. } = work;
            // Its connection would keep the database from becoming one file.
            drop(lease);
            if job.database.is_some() {
                control.retry_while_busy(|| store.pack_up())?;
            } else if !summary.stopped {
                control.retry_while_busy(|| store.write_example_stats())?;
            }
            return Ok(());
        }
        work.report_blocker(control)?;
        control.sleep(POLL_INTERVAL);
    }
}

fn follow_all(job: &Job<'_>, control: &mut Control<'_>, summary: &mut Summary) -> Result<(), Error> {
    let mut work = Computation::new(job, summary, control)?;
    let mut is_settled = false;
    loop {
        // Asked before the snapshots are listed: a run that had ended by now has written its last one.
        let is_live = job.run.is_live();
        let before = work.summary.computed + work.summary.failed;
        work.pass(control)?;
        work.summary.stopped |= control.is_stopped();
        if work.summary.stopped {
            return Ok(());
        }
        let is_done = !is_live && work.claimed_by_others.is_empty();
        let is_idle = work.summary.computed + work.summary.failed == before;
        // Only when there is nothing else to do: while it catches up, every unit would compute them again.
        if is_done || is_idle && !is_settled {
            let store = &work.store;
            control.retry_while_busy(|| store.write_example_stats())?;
        }
        is_settled = is_idle;
        if is_done {
            return Ok(());
        }
        if is_idle {
            if work.claimed_by_others.is_empty() {
                control.event(&Event::AwaitingCheckpoint);
            } else {
                work.report_blocker(control)?;
            }
            control.sleep(POLL_INTERVAL);
        }
    }
}

impl Computation<'_> {
    /// Reports the process that computes the missing units.
    fn report_blocker(&self, control: &mut Control<'_>) -> Result<(), Error> {
        let held = self.claimed_by_others.iter().find_map(|(unit, holder)| Some((unit, holder.as_ref()?)));
        // Without a holder, a unit waits for one that this process will take at its next look.
        let Some((&UnitId { step, split }, holder)) = held else { return Ok(()) };
        control.blocked(&Blocker::Units {
            units: self.claimed_by_others.len(),
            step,
            split,
            holder: holder.to_string(),
            held_for: holder.held_for(),
        })
    }

    /// Computes all that is missing now and that no other process computes.
    fn pass(&mut self, control: &mut Control<'_>) -> Result<(), Error> {
        let started = Instant::now();
        self.store.refresh(self.job.run);
        let tasks = self.plan(control)?;
        let images = tasks.iter().map(|task| self.job.corpus.range(task.unit.split).len() as u64).sum();
        let before = std::mem::take(&mut self.claimed_by_others);
        if tasks.iter().any(|task| !before.contains_key(&task.unit)) {
            control.event(&Event::Planned { units: tasks.len(), images });
        }
        for task in tasks {
            if control.is_stopped() || !self.claimed(task, control)? {
                self.summary.stopped = true;
                break;
            }
        }
        self.summary.seconds += started.elapsed().as_secs_f64();
        Ok(())
    }

    /// Claims and computes a unit, unless another process has it; `false` when stopped.
    fn claimed(&mut self, task: Task, control: &mut Control<'_>) -> Result<bool, Error> {
        let unit = task.unit;
        let mut held = match control.retry_while_busy(|| self.lease.claim(unit))? {
            Claim::Mine(held) => held,
            Claim::Taken(holder) => {
                self.claimed_by_others.insert(unit, Some(holder));
                return Ok(true);
            }
        };
        // Another process may have finished it since the work was planned.
        let task = match entry_of(self.job.run, unit.step).filter(|_| !self.job.force) {
            Some(entry) => self.task(&entry, unit.split, control)?,
            None => Some(task),
        };
        let goes_on = if let Some(task) = task {
            control.unblocked();
            self.unit(&task, control)?
        } else {
            self.done.insert(unit);
            self.summary.up_to_date += 1;
            true
        };
        control.retry_while_busy(|| held.release())?;
        Ok(goes_on)
    }
}
