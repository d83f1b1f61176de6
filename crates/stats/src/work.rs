//! One unit, from its snapshot to its transaction.

use std::sync::Arc;
use std::time::Instant;

use deepviz_corpus::ImageId;
use deepviz_net::{Model, Step};

use crate::clustering::{self, Wanted};
use crate::compute::{Failure, Task, Work};
use crate::confusion::outcome_of;
use crate::control::{Control, POLL_INTERVAL};
use crate::error::Error;
use crate::forward::{self, Pass};
use crate::loaded::{Loaded, entry_of};
use crate::observer::{Blocker, Event};
use crate::store::{UnitKey, UnitNumbers, UnitRecord};
use crate::watcher::Watcher;

/// How a unit ended, where it did not fail.
enum Ended {
    Done {
        images: usize,
        forward_seconds: f64,
        cluster_seconds: f64,
    },
    /// An earlier checkpoint, whose clusters these continue, has to come first.
    Deferred,
    Stopped,
}

impl Work<'_> {
    /// One unit; `false` when told to stop.
    pub(crate) fn unit(&mut self, task: &Task, control: &mut Control<'_>) -> Result<bool, Error> {
        let (step, split) = (task.step, task.split);
        let started = Instant::now();
        let images = self.job.corpus.range(split).len();
        control.event(&Event::Started { step, split, images });
        let (hash, model) = match self.load(step, control) {
            Ok(loaded) => loaded,
            Err(error @ (Error::Net(_) | Error::WeightsNotFinite { .. })) => {
                let hash = entry_of(self.job.run, step).map(|entry| entry.hash).unwrap_or_default();
                self.done.insert((step, split));
                let failure = Failure { snapshot_hash: &hash, problem: error.within_run().to_string() };
                self.failed((step, split), failure, control)?;
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        match self.numbers(task, (&hash, &model), control) {
            Ok(Ended::Stopped) => return Ok(false),
            Ok(Ended::Deferred) => {
                self.elsewhere.insert((step, split), None);
                return Ok(true);
            }
            Ok(Ended::Done { images, forward_seconds, cluster_seconds }) => {
                self.summary.computed += 1;
                self.summary.images += images as u64;
                self.summary.forward_seconds += forward_seconds;
                self.summary.cluster_seconds += cluster_seconds;
                let seconds = started.elapsed().as_secs_f64();
                control.event(&Event::Finished { step, split, images, seconds, forward_seconds, cluster_seconds });
            }
            // What is wrong with the snapshot concerns this unit; what is wrong with the store, all of them.
            Err(error @ (Error::Net(_) | Error::NotFinite { .. } | Error::Clustering { .. })) => {
                let failure = Failure { snapshot_hash: &hash, problem: error.within_run().to_string() };
                self.failed((step, split), failure, control)?;
            }
            Err(error) => return Err(error),
        }
        self.done.insert((step, split));
        Ok(true)
    }

    fn numbers(
        &mut self,
        task: &Task,
        (hash, model): (&str, &Model),
        control: &mut Control<'_>,
    ) -> Result<Ended, Error> {
        let started = Instant::now();
        let job = self.job;
        let wanted = Wanted::of(job, task.split, &task.sets);
        let network = job.run.network();
        let range = job.corpus.range(task.split);
        let pass = Pass {
            model,
            corpus: job.corpus,
            images: range.clone(),
            wanted: &wanted.layers,
            first_name: &network.layers()[network.logits()].name,
            pool: &self.pool,
        };
        let mut watcher = task.is_new.then(|| Watcher::new(network, job.top));
        let outputs = forward::run(&pass, watcher.as_mut(), (&mut *control.observer, control.stop))?;
        let Some(outputs) = outputs else { return Ok(Ended::Stopped) };
        let forward_seconds = started.elapsed().as_secs_f64();

        if !task.sets.is_empty() {
            if !self.earlier_are_done(task, control)? {
                return Ok(Ended::Stopped);
            }
            // The process that was at work on it was killed or stopped.
            if self.has_gap_before(task, control)? {
                return Ok(Ended::Deferred);
            }
        }
        let clustering = Instant::now();
        let (step, split) = (task.step, task.split);
        let key = UnitKey { step, split, snapshot_hash: hash, corpus_hash: job.corpus.identity() };
        let context = clustering::Context { job, store: &self.store, pool: &self.pool, key };
        let Some(sets) = clustering::sets(&context, &wanted, &outputs, control)? else {
            return Ok(Ended::Stopped);
        };
        let cluster_seconds = clustering.elapsed().as_secs_f64();

        let numbers = watcher.zip(outputs.into_iter().next()).map(|(watcher, logits)| {
            let labels = &job.corpus.labels()[range.start as usize..range.end as usize];
            let first = ImageId(range.start);
            let outcome = outcome_of(logits.view(), labels, first);
            UnitNumbers { outcome, logits, labels, first, activity: watcher.finish(), network }
        });
        let weights = self.loaded.as_mut().and_then(|loaded| loaded.weights.take());
        let record = UnitRecord { key, numbers, sets, weights, seconds: started.elapsed().as_secs_f64() };
        control.patiently(|| self.store.write(&record))?;
        Ok(Ended::Done { images: range.len(), forward_seconds, cluster_seconds })
    }

    /// Waits while others are at work on earlier checkpoints, whose clusters these continue; `false`
    /// when told to stop.
    fn earlier_are_done(&self, task: &Task, control: &mut Control<'_>) -> Result<bool, Error> {
        while let Some(((step, split), holder)) = control.patiently(|| self.lease.awaited((task.step, task.split)))? {
            if control.is_stopped() {
                return Ok(false);
            }
            let (holder, held_for) = (holder.to_string(), holder.held_for());
            control.blocked(&Blocker::Units { units: 1, step, split, holder, held_for })?;
            std::thread::sleep(POLL_INTERVAL);
        }
        control.unblocked();
        Ok(true)
    }

    /// The network with the weights of a snapshot, and the hash of the file that was read.
    fn load(&mut self, step: Step, control: &mut Control<'_>) -> Result<(String, Arc<Model>), Error> {
        let loaded = match self.loaded.take() {
            Some(loaded) if loaded.step == step => loaded,
            last => Loaded::read(self, step, last, control)?,
        };
        let result = (loaded.hash.clone(), Arc::clone(&loaded.model));
        self.loaded = Some(loaded);
        Ok(result)
    }
}
