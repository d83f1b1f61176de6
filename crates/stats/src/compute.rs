//! From what is missing to what stands in the store, unit by unit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deepviz_corpus::Split;
use deepviz_net::{CheckpointEntry, Device, Model, Step};

use crate::clustering::{self, Wanted};
use crate::confusion::outcome_of;
use crate::error::Error;
use crate::forward::{self, Pass};
use crate::job::Job;
use crate::observer::{Event, Observer};
use crate::store::{Store, UnitKey, UnitNumbers, UnitRecord};
use crate::summary::Summary;

/// How often `watch` looks for new snapshots, and how often it looks at `stop` meanwhile.
const RESCAN: Duration = Duration::from_millis(500);
const GLANCE: Duration = Duration::from_millis(50);

/// Computes what is missing over the snapshots that there are now, and returns.
///
/// Units that failed before are tried again. An interruption loses at most the unit at hand.
pub fn compute(job: &Job<'_>, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Summary, Error> {
    let mut work = Work::new(job)?;
    work.pass(observer, stop)?;
    Ok(work.summary)
}

/// The same, and then follows the run until it has ended and all is computed.
pub fn watch(job: &Job<'_>, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Summary, Error> {
    let mut work = Work::new(job)?;
    loop {
        // Asked before the snapshots are listed: a run that had ended by now has written its last one.
        let is_live = job.run.is_live();
        let before = work.summary.computed + work.summary.failed;
        work.pass(observer, stop)?;
        work.summary.stopped |= stop.load(Ordering::Relaxed);
        if work.summary.stopped || !is_live {
            return Ok(work.summary);
        }
        if work.summary.computed + work.summary.failed == before {
            observer.event(&Event::Waiting);
            let until = Instant::now() + RESCAN;
            while Instant::now() < until && !stop.load(Ordering::Relaxed) {
                std::thread::sleep(GLANCE);
            }
        }
    }
}

/// A unit of which something is missing.
struct Task {
    step: Step,
    split: Split,
    /// Whether the outputs themselves are missing.
    is_new: bool,
    /// Which of the job's cluster sets are missing.
    sets: Vec<usize>,
}

struct Work<'a> {
    job: &'a Job<'a>,
    store: Store,
    pool: rayon::ThreadPool,
    /// Units that this call has dealt with, well or badly.
    done: BTreeSet<(Step, Split)>,
    model: Option<LoadedModel>,
    summary: Summary,
}

/// The network with the weights of the last snapshot used: its splits follow each other.
struct LoadedModel {
    step: Step,
    hash: String,
    model: Arc<Model>,
}

/// 0 is rayon's word for all.
fn threads_of(device: &Device) -> usize {
    match device {
        Device::Cpu(cpu) => cpu.threads(),
        _ => 0,
    }
}

enum Ended {
    Done { images: usize, forward_seconds: f64, cluster_seconds: f64 },
    Stopped,
}

impl<'a> Work<'a> {
    fn new(job: &'a Job<'a>) -> Result<Self, Error> {
        job.check()?;
        let threads = threads_of(&job.device);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| Error::Threads { threads, reason: e.to_string() })?;
        let store = Store::open(job.run.path())?;
        Ok(Self { job, store, pool, done: BTreeSet::new(), model: None, summary: Summary::default() })
    }

    /// Everything that is missing now.
    fn pass(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<(), Error> {
        let started = Instant::now();
        self.store.refresh(self.job.run);
        let tasks = self.plan(observer)?;
        let images = tasks.iter().map(|task| self.job.corpus.range(task.split).len() as u64).sum();
        if !tasks.is_empty() {
            observer.event(&Event::Planned { units: tasks.len(), images });
        }
        for task in &tasks {
            if stop.load(Ordering::Relaxed) || !self.unit(task, observer, stop)? {
                self.summary.stopped = true;
                break;
            }
        }
        self.summary.seconds += started.elapsed().as_secs_f64();
        Ok(())
    }

    /// What is missing, in the order of work; unreadable snapshots are recorded as they are met.
    fn plan(&mut self, observer: &mut dyn Observer) -> Result<Vec<Task>, Error> {
        let mut tasks = Vec::new();
        let splits = self.job.ordered_splits();
        for entry in self.job.run.checkpoints() {
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

    /// One unit; `false` when told to stop.
    fn unit(&mut self, task: &Task, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool, Error> {
        let (step, split) = (task.step, task.split);
        let started = Instant::now();
        let images = self.job.corpus.range(split).len();
        observer.event(&Event::Started { step, split, images });
        let (hash, model) = match self.load(step) {
            Ok(loaded) => loaded,
            Err(error) => {
                let hash = self.hash_of(step);
                self.done.insert((step, split));
                self.failed((step, split), &hash, error.to_string(), observer)?;
                return Ok(true);
            }
        };
        match self.numbers(task, (&hash, &model), observer, stop) {
            Ok(Ended::Stopped) => return Ok(false),
            Ok(Ended::Done { images, forward_seconds, cluster_seconds }) => {
                self.summary.computed += 1;
                self.summary.images += images as u64;
                self.summary.forward_seconds += forward_seconds;
                self.summary.cluster_seconds += cluster_seconds;
                let seconds = started.elapsed().as_secs_f64();
                observer.event(&Event::Finished { step, split, images, seconds, forward_seconds, cluster_seconds });
            }
            // What is wrong with the snapshot concerns this unit; what is wrong with the store, all of them.
            Err(error @ (Error::Net(_) | Error::NotFinite { .. } | Error::Clustering { .. })) => {
                self.failed((step, split), &hash, error.to_string(), observer)?;
            }
            Err(error) => return Err(error),
        }
        self.done.insert((step, split));
        Ok(true)
    }

    fn numbers(
        &self,
        task: &Task,
        (hash, model): (&str, &Model),
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Ended, Error> {
        let started = Instant::now();
        let wanted = Wanted::of(self.job, task.split, &task.sets);
        let network = self.job.run.network();
        let range = self.job.corpus.range(task.split);
        let pass = Pass {
            model,
            corpus: self.job.corpus,
            images: range.clone(),
            wanted: &wanted.layers,
            first_name: &network.layers()[network.logits()].name,
        };
        let Some(outputs) = forward::run(&pass, observer, stop)? else { return Ok(Ended::Stopped) };
        let forward_seconds = started.elapsed().as_secs_f64();

        let clustering = Instant::now();
        let key = UnitKey {
            step: task.step,
            split: task.split,
            snapshot_hash: hash,
            corpus_hash: self.job.corpus.identity(),
        };
        let context = clustering::Context { job: self.job, store: &self.store, pool: &self.pool, key };
        let Some(sets) = clustering::sets(&context, &wanted, &outputs, (observer, stop))? else {
            return Ok(Ended::Stopped);
        };
        let cluster_seconds = clustering.elapsed().as_secs_f64();

        let numbers = outputs.into_iter().next().filter(|_| task.is_new).map(|logits| {
            let labels = &self.job.corpus.labels()[range.start as usize..range.end as usize];
            let first = deepviz_corpus::ImageId(range.start);
            UnitNumbers { outcome: outcome_of(logits.view(), labels, first), logits, first }
        });
        self.store.write(&UnitRecord { key, numbers, sets, seconds: started.elapsed().as_secs_f64() })?;
        Ok(Ended::Done { images: range.len(), forward_seconds, cluster_seconds })
    }

    /// The network with the weights of a snapshot, and the hash of the file that was read.
    fn load(&mut self, step: Step) -> Result<(String, Arc<Model>), Error> {
        if let Some(loaded) = self.model.as_ref().filter(|loaded| loaded.step == step) {
            return Ok((loaded.hash.clone(), Arc::clone(&loaded.model)));
        }
        self.model = None;
        let snapshot = self.job.run.snapshot(step)?;
        let model = Model::from_snapshot(Arc::clone(self.job.run.network()), &snapshot, &self.job.device)?;
        let loaded = LoadedModel { step, hash: snapshot.hash, model: Arc::new(model) };
        let result = (loaded.hash.clone(), Arc::clone(&loaded.model));
        self.model = Some(loaded);
        Ok(result)
    }

    /// What the file's header says, for a snapshot that cannot be read to its end.
    fn hash_of(&self, step: Step) -> String {
        self.job
            .run
            .checkpoints()
            .into_iter()
            .find(|entry| entry.step == step)
            .map(|entry| entry.hash)
            .unwrap_or_default()
    }

    fn failed(
        &mut self,
        (step, split): (Step, Split),
        snapshot_hash: &str,
        problem: String,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let key = UnitKey { step, split, snapshot_hash, corpus_hash: self.job.corpus.identity() };
        self.store.write_failed(key, &problem)?;
        self.summary.failed += 1;
        observer.event(&Event::Failed { step, split, problem });
        Ok(())
    }
}
