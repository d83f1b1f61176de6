//! The computation of one unit: a snapshot over a split, from reading it to the transaction that stores it.

use std::sync::Arc;
use std::time::Instant;

use deepviz_corpus::ImageId;
use deepviz_net::{Model, Step};

use crate::ablation;
use crate::activation_stats::ActivationStats;
use crate::clustering::{self, Wanted};
use crate::computation::{Computation, Failure};
use crate::confusion::outcome_of;
use crate::control::{Control, POLL_INTERVAL};
use crate::error::Error;
use crate::forward::{self, ForwardPass};
use crate::loaded::{Loaded, entry_of};
use crate::observer::{Blocker, Event};
use crate::plan::Task;
use crate::store::{AblationRecord, UnitId, UnitKey, UnitNumbers, UnitRecord};

/// The outcome of a unit that did not fail.
enum UnitOutcome {
    Done {
        images: usize,
        forward_seconds: f64,
        cluster_seconds: f64,
    },
    /// An earlier checkpoint, whose clusters these continue, has to come first.
    WaitsForEarlier,
    Stopped,
}

impl Computation<'_> {
    /// One unit; `false` when stopped.
    pub(crate) fn unit(&mut self, task: &Task, control: &mut Control<'_>) -> Result<bool, Error> {
        let unit = task.unit;
        let UnitId { step, split } = unit;
        let started = Instant::now();
        let images = self.job.corpus.range(split).len();
        control.event(&Event::UnitStarted { step, split, images });
        let (hash, model) = match self.load(step, control) {
            Ok(loaded) => loaded,
            Err(error @ (Error::Net(_) | Error::WeightsNotFinite { .. })) => {
                let hash = entry_of(self.job.run, step).map(|entry| entry.hash).unwrap_or_default();
                self.done.insert(unit);
                let failure = Failure { snapshot_hash: &hash, problem: error.within_run().to_string() };
                self.failed(unit, failure, control)?;
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        match self.numbers(task, &hash, &model, control) {
            Ok(UnitOutcome::Stopped) => return Ok(false),
            Ok(UnitOutcome::WaitsForEarlier) => {
                self.claimed_by_others.insert(unit, None);
                return Ok(true);
            }
            Ok(UnitOutcome::Done { images, forward_seconds, cluster_seconds }) => {
                self.summary.computed += 1;
                self.summary.images += images as u64;
                self.summary.forward_seconds += forward_seconds;
                self.summary.cluster_seconds += cluster_seconds;
                let seconds = started.elapsed().as_secs_f64();
                control.event(&Event::UnitFinished { step, split, images, seconds, forward_seconds, cluster_seconds });
            }
            // A Python that cannot be started, or has ended, says nothing of the snapshot.
            Err(error @ Error::Net(deepviz_net::Error::Worker { .. })) => return Err(error),
            // An error of the snapshot concerns this unit; the error of the store, all of them.
            Err(error @ (Error::Net(_) | Error::Ablation(_) | Error::NotFinite { .. } | Error::Clustering { .. })) => {
                let failure = Failure { snapshot_hash: &hash, problem: error.within_run().to_string() };
                self.failed(unit, failure, control)?;
            }
            Err(error) => return Err(error),
        }
        self.done.insert(unit);
        Ok(true)
    }

    fn numbers(
        &mut self,
        task: &Task,
        hash: &str,
        model: &Model,
        control: &mut Control<'_>,
    ) -> Result<UnitOutcome, Error> {
        let started = Instant::now();
        let job = self.job;
        let wanted = Wanted::of(job, task.unit.split, &task.sets);
        let network = job.run.network();
        let range = job.corpus.range(task.unit.split);
        let pass = ForwardPass {
            model,
            corpus: job.corpus,
            images: range.clone(),
            wanted: &wanted.layers,
            first_name: &network.layers()[network.logits()].name,
            pool: &self.pool,
        };
        let mut activation_stats =
            (!task.layers.is_empty()).then(|| ActivationStats::new(network, &task.layers, job.top));
        let outputs = if task.needs_outputs() {
            forward::run(&pass, activation_stats.as_mut(), &mut *control.observer, control.stop)?
        } else {
            Some(Vec::new())
        };
        let Some(outputs) = outputs else { return Ok(UnitOutcome::Stopped) };
        let forward_seconds = started.elapsed().as_secs_f64();

        if !task.sets.is_empty() {
            if !self.earlier_are_done(task, control)? {
                return Ok(UnitOutcome::Stopped);
            }
            // The process that was at work on it was killed or stopped.
            if self.has_gap_before(task, control)? {
                return Ok(UnitOutcome::WaitsForEarlier);
            }
        }
        let clustering = Instant::now();
        let UnitId { step, split } = task.unit;
        let key = UnitKey { step, split, snapshot_hash: hash, corpus_hash: job.corpus.identity() };
        let context = clustering::Context { job, store: &self.store, pool: &self.pool, key };
        let Some(sets) = clustering::sets(&context, &wanted, &outputs, control)? else {
            return Ok(UnitOutcome::Stopped);
        };
        let cluster_seconds = clustering.elapsed().as_secs_f64();

        let numbers = outputs.into_iter().next().filter(|_| task.is_new).map(|logits| {
            let labels = &job.corpus.labels()[range.start as usize..range.end as usize];
            let first_image = ImageId(range.start);
            let outcome = outcome_of(logits.view(), labels, first_image);
            UnitNumbers { logits, outcome, labels, first_image }
        });
        let ablation = match job.ablation {
            Some(sample) if !task.ablations.is_empty() => {
                let (of, what) = ((model, split), (task.ablations.as_slice(), sample));
                let Some(atlas) = ablation::effects(job, of, what, (&self.pool, control))? else {
                    return Ok(UnitOutcome::Stopped);
                };
                Some(AblationRecord { atlas, sample })
            }
            _ => None,
        };
        let activity = activation_stats.map(ActivationStats::finish).unwrap_or_default();
        let weights = self.loaded.as_mut().and_then(|loaded| loaded.weights.take());
        let seconds = started.elapsed().as_secs_f64();
        let record = UnitRecord { key, numbers, activity, network, sets, ablation, weights, seconds };
        control.retry_while_busy(|| self.store.write(&record))?;
        Ok(UnitOutcome::Done { images: range.len(), forward_seconds, cluster_seconds })
    }

    /// Waits while others are at work on earlier checkpoints, whose clusters these continue; `false`
    /// when stopped.
    fn earlier_are_done(&self, task: &Task, control: &mut Control<'_>) -> Result<bool, Error> {
        while let Some((UnitId { step, split }, holder)) = control.retry_while_busy(|| self.lease.awaited(task.unit))? {
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
            last => Loaded::read(self.job, &self.store, step, last, control)?,
        };
        let result = (loaded.hash.clone(), Arc::clone(&loaded.model));
        self.loaded = Some(loaded);
        Ok(result)
    }
}
