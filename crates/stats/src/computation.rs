//! A computation in progress: what all of its units share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deepviz_net::Device;

use crate::control::Control;
use crate::error::Error;
use crate::job::Job;
use crate::loaded::Loaded;
use crate::observer::Event;
use crate::output_check::OutputCheck;
use crate::store::{Holder, Lease, Store, UnitId, UnitKey};
use crate::summary::Summary;

/// The reason why a unit could not be computed.
pub(crate) struct Failure<'a> {
    pub snapshot_hash: &'a str,
    pub problem: String,
}

/// A computation in progress.
pub(crate) struct Computation<'a> {
    pub job: &'a Job<'a>,
    pub store: Arc<Store>,
    pub lease: Lease,
    pub pool: rayon::ThreadPool,
    /// Units that this call has dealt with, well or badly.
    pub done: BTreeSet<UnitId>,
    /// Units that have to wait, and for whom: others were at work on them, or on what they continue, when they were
    /// last looked at.
    pub claimed_by_others: BTreeMap<UnitId, Option<Holder>>,
    pub loaded: Option<Loaded>,
    pub summary: &'a mut Summary,
}

/// Threads of the device's own; 0 lets rayon take all cores.
fn threads_of(device: &Device) -> usize {
    match device {
        Device::Cpu(cpu) => cpu.threads(),
        _ => 0,
    }
}

impl<'a> Computation<'a> {
    pub(crate) fn new(job: &'a Job<'a>, summary: &'a mut Summary, control: &mut Control<'_>) -> Result<Self, Error> {
        job.check()?;
        if let Some(check) = OutputCheck::of(job.run, job.corpus, &job.device)?.filter(|check| !check.agrees()) {
            return Err(Error::OtherOutputs { name: job.run.info().name.clone(), difference: check.difference });
        }
        let threads = threads_of(&job.device);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| Error::Threads { threads, reason: e.to_string() })?;
        let store = Arc::new(control.retry_while_busy(|| match &job.database {
            None => Store::open(job.run.path()),
            Some(path) => Store::open_file(path, job.run),
        })?);
        let lease = control.retry_while_busy(|| Lease::new(Arc::clone(&store)))?;
        let claimed_by_others = BTreeMap::new();
        Ok(Self { job, lease, store, pool, done: BTreeSet::new(), claimed_by_others, loaded: None, summary })
    }

    /// Records the reason why a unit could not be computed.
    pub(crate) fn failed(
        &mut self,
        unit: UnitId,
        failure: Failure<'_>,
        control: &mut Control<'_>,
    ) -> Result<(), Error> {
        let Failure { snapshot_hash, problem } = failure;
        let UnitId { step, split } = unit;
        let key = UnitKey { step, split, snapshot_hash, corpus_hash: self.job.corpus.identity() };
        control.retry_while_busy(|| self.store.write_failed(key, &problem))?;
        self.summary.failed += 1;
        control.event(&Event::UnitFailed { step, split, problem });
        Ok(())
    }
}
