//! From what is missing to what stands in the store, unit by unit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deepviz_corpus::Split;
use deepviz_net::{CheckpointEntry, Device, Step};

use crate::error::Error;
use crate::job::Job;
use crate::loaded::{Loaded, entry_of};
use crate::observer::{Event, Observer};
use crate::store::{Lease, Store};
use crate::summary::Summary;

/// How often work that others do, or that is still to come, is looked for; and how often `stop` is
/// looked at meanwhile.
const RESCAN: Duration = Duration::from_millis(500);
pub(crate) const GLANCE: Duration = Duration::from_millis(50);

/// Computes what is missing over the snapshots that there are now, and returns.
///
/// Units that failed before are tried again. An interruption loses at most the unit at hand. Several
/// processes may do so at once: each takes what no other is at work on, and returns when all is there.
pub fn compute(job: &Job<'_>, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Summary, Error> {
    let mut work = Work::new(job)?;
    loop {
        work.pass(observer, stop)?;
        if work.summary.stopped || work.elsewhere.is_empty() {
            if job.database.is_some() {
                work.store.pack_up()?;
            } else if !work.summary.stopped {
                work.store.write_ledgers()?;
            }
            return Ok(work.summary);
        }
        wait(RESCAN, stop);
    }
}

/// The same, and then follows the run until it has ended and all is computed.
pub fn watch(job: &Job<'_>, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Summary, Error> {
    let mut work = Work::new(job)?;
    let mut is_settled = false;
    loop {
        // Asked before the snapshots are listed: a run that had ended by now has written its last one.
        let is_live = job.run.is_live();
        let before = work.summary.computed + work.summary.failed;
        work.pass(observer, stop)?;
        work.summary.stopped |= stop.load(Ordering::Relaxed);
        if work.summary.stopped {
            return Ok(work.summary);
        }
        let is_done = !is_live && work.elsewhere.is_empty();
        let is_idle = work.summary.computed + work.summary.failed == before;
        // Only once there is nothing else to do: while it catches up, every unit would make them anew.
        if is_done || is_idle && !is_settled {
            work.store.write_ledgers()?;
        }
        is_settled = is_idle;
        if is_done {
            return Ok(work.summary);
        }
        if is_idle {
            observer.event(&Event::Waiting);
            wait(RESCAN, stop);
        }
    }
}

fn wait(time: Duration, stop: &AtomicBool) {
    let until = Instant::now() + time;
    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(GLANCE);
    }
}

/// A unit of which something is missing.
pub(crate) struct Task {
    pub step: Step,
    pub split: Split,
    /// Whether the outputs themselves are missing.
    pub is_new: bool,
    /// Which of the job's cluster sets are missing.
    pub sets: Vec<usize>,
}

pub(crate) struct Work<'a> {
    pub job: &'a Job<'a>,
    pub store: Arc<Store>,
    pub lease: Lease,
    pub pool: rayon::ThreadPool,
    /// Units that this call has dealt with, well or badly.
    pub done: BTreeSet<(Step, Split)>,
    /// Units that others were at work on when they were last looked at.
    pub elsewhere: BTreeSet<(Step, Split)>,
    pub loaded: Option<Loaded>,
    pub summary: Summary,
}

/// 0 is rayon's word for all.
fn threads_of(device: &Device) -> usize {
    match device {
        Device::Cpu(cpu) => cpu.threads(),
        _ => 0,
    }
}

impl<'a> Work<'a> {
    fn new(job: &'a Job<'a>) -> Result<Self, Error> {
        job.check()?;
        let threads = threads_of(&job.device);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| Error::Threads { threads, reason: e.to_string() })?;
        let store = Arc::new(match &job.database {
            None => Store::open(job.run.path())?,
            Some(path) => Store::open_file(path, job.run)?,
        });
        Ok(Self {
            job,
            lease: Lease::new(Arc::clone(&store)),
            store,
            pool,
            done: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            loaded: None,
            summary: Summary::default(),
        })
    }

    /// Everything that is missing now and that nobody else is at work on.
    fn pass(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<(), Error> {
        let started = Instant::now();
        self.store.refresh(self.job.run);
        let tasks = self.plan(observer)?;
        let images = tasks.iter().map(|task| self.job.corpus.range(task.split).len() as u64).sum();
        let before = std::mem::take(&mut self.elsewhere);
        if tasks.iter().any(|task| !before.contains(&(task.step, task.split))) {
            observer.event(&Event::Planned { units: tasks.len(), images });
        }
        for task in tasks {
            if stop.load(Ordering::Relaxed) || !self.claimed(task, observer, stop)? {
                self.summary.stopped = true;
                break;
            }
        }
        self.summary.seconds += started.elapsed().as_secs_f64();
        Ok(())
    }

    /// One unit, where nobody else is at work on it; `false` when told to stop.
    fn claimed(&mut self, task: Task, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool, Error> {
        let unit = (task.step, task.split);
        let Some(held) = self.lease.claim(unit)? else {
            self.elsewhere.insert(unit);
            return Ok(true);
        };
        // Somebody else may have finished it since the work was planned.
        let task = match entry_of(self.job.run, task.step).filter(|_| !self.job.force) {
            Some(entry) => self.task(&entry, task.split)?,
            None => Some(task),
        };
        let goes_on = if let Some(task) = task {
            self.unit(&task, observer, stop)?
        } else {
            self.done.insert(unit);
            self.summary.up_to_date += 1;
            true
        };
        held.release()?;
        Ok(goes_on)
    }

    /// What is missing, in the order of work; unreadable snapshots are recorded as they are met.
    fn plan(&mut self, observer: &mut dyn Observer) -> Result<Vec<Task>, Error> {
        let mut tasks = Vec::new();
        let splits = self.job.ordered_splits();
        for entry in self.job.run.checkpoints() {
            if !self.is_wanted(&entry) {
                continue;
            }
            for &split in &splits {
                if self.done.contains(&(entry.step, split)) {
                    continue;
                }
                if let Some(problem) = &entry.problem {
                    self.done.insert((entry.step, split));
                    self.failed((entry.step, split), &entry.hash, problem.clone(), observer)?;
                } else if let Some(task) = self.task(&entry, split)? {
                    tasks.push(task);
                } else {
                    self.done.insert((entry.step, split));
                    self.summary.up_to_date += 1;
                }
            }
        }
        Ok(tasks)
    }

    fn task(&self, entry: &CheckpointEntry, split: Split) -> Result<Option<Task>, Error> {
        let recorded = self.store.recorded(entry.step, split)?;
        let usable = recorded.filter(|unit| {
            unit.is_ready && unit.snapshot_hash == entry.hash && unit.corpus_hash == self.job.corpus.identity()
        });
        let all = 0..self.job.cluster_layers.len();
        let task = match usable {
            Some(unit) if !self.job.force => {
                let has = |index: &usize| {
                    let (layer, metric) = &self.job.cluster_layers[*index];
                    unit.sets.iter().any(|(l, m, clusters, nearest)| {
                        (l, m, *clusters, *nearest) == (layer, metric, self.job.clusters, self.job.nearest)
                    })
                };
                let sets = all.filter(|index| !has(index)).collect();
                Task { step: entry.step, split, is_new: false, sets }
            }
            _ => Task { step: entry.step, split, is_new: true, sets: all.collect() },
        };
        Ok((task.is_new || !task.sets.is_empty()).then_some(task))
    }

    /// Whether an earlier checkpoint of the split is still to be computed.
    pub(crate) fn has_gap_before(&self, task: &Task) -> Result<bool, Error> {
        let corpus_hash = self.job.corpus.identity();
        for entry in self.job.run.checkpoints().into_iter().filter(|entry| entry.step < task.step) {
            if entry.problem.is_some() || !self.is_wanted(&entry) {
                continue;
            }
            let recorded = self.store.recorded(entry.step, task.split)?;
            if !recorded.is_some_and(|unit| unit.snapshot_hash == entry.hash && unit.corpus_hash == corpus_hash) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_wanted(&self, entry: &CheckpointEntry) -> bool {
        self.job.steps.as_ref().is_none_or(|steps| steps.contains(&entry.step))
    }

    /// Records why a unit could not be computed.
    pub(crate) fn failed(
        &mut self,
        (step, split): (Step, Split),
        snapshot_hash: &str,
        problem: String,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let key = crate::store::UnitKey { step, split, snapshot_hash, corpus_hash: self.job.corpus.identity() };
        self.store.write_failed(key, &problem)?;
        self.summary.failed += 1;
        observer.event(&Event::Failed { step, split, problem });
        Ok(())
    }
}
