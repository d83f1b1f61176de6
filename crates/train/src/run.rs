//! The loop.

use crate::error::Error;
use crate::evaluate::{Evaluation, Measured};
use crate::images::Images;
use crate::job::{Event, Job, Observer, Outcome};
use crate::journal::Journal;
use crate::learner::{Beginning, Learner, Minibatch, Subject};
use crate::optimiser::Update;
use crate::order::Augment;
use crate::sound::not_finite_in;
use crate::speed::Speed;
use crate::start::Start;
use deepviz_corpus::Split;
use deepviz_net::recipe::TestViews;
use deepviz_net::{BatchResult, Metric, MetricKind, NotFinite, Preprocess, Run, RunInfo, Step};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

/// Trains a job's recipe on its corpus into its run folder, until the schedule is done or `stop` is
/// raised: then the step at hand is finished and a snapshot written.
pub fn train(job: &Job, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
    let start = Start::new(job)?;
    let resumed = start.resumed;
    let journal = Journal::open(&job.out, resumed)?;
    let images = Images::new(&job.corpus, start.network.transform())?;
    let mut trainer = Trainer::new(job, &images, start, journal)?;
    observer.event(&Event::Started { info: Box::new(trainer.start.info.clone()), resumed });
    let outcome = trainer.run(observer, stop);
    if let Err(Error::Diverged(divergence)) = &outcome {
        trainer.journal.append_divergence(divergence)?;
        observer.event(&Event::Diverged(divergence.clone()));
    }
    let outcome = outcome?;
    observer.event(&Event::Finished(outcome));
    Ok(outcome)
}

pub(crate) struct Trainer<'a> {
    pub job: &'a Job,
    pub images: &'a Images<'a>,
    pub start: Start,
    journal: Journal,
    pub preprocess: Arc<Preprocess>,
    pub learner: Learner<'a>,
    augment: Augment,
    /// Step of the newest snapshot file.
    saved: Option<Step>,
    speed: Speed,
    /// The step whose result is not known yet.
    under_way: Option<UnderWay>,
    /// A snapshot being written while training goes on.
    writing: Option<Writing>,
}

impl<'a> Trainer<'a> {
    fn new(job: &'a Job, images: &'a Images<'a>, start: Start, journal: Journal) -> Result<Self, Error> {
        let network = &start.network;
        let preprocess = Arc::new(network.preprocess(start.snapshot.mean.clone(), start.snapshot.std.clone()));
        let subject = Subject { network, preprocess: &preprocess };
        let begin = Beginning { snapshot: &start.snapshot, update: &job.recipe.train };
        Ok(Self {
            job,
            images,
            journal,
            learner: Learner::new(subject, images, &job.device, begin)?,
            preprocess,
            under_way: None,
            writing: None,
            augment: Augment {
                seed: start.info.seed,
                image: network.image(),
                input: network.input(),
                data: job.recipe.data.clone(),
            },
            saved: start.resumed,
            speed: Speed::default(),
            start,
        })
    }

    fn info(&self) -> &RunInfo {
        &self.start.info
    }

    fn step(&self) -> Step {
        self.start.snapshot.step
    }

    fn run(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
        let (total, steps) = (self.info().total_steps, self.info().steps_per_epoch);
        let mut epoch = (u64::MAX, Vec::new());
        // A snapshot of an older version may hold anything.
        self.check_weights()?;
        loop {
            let step = self.step();
            if self.info().snapshot_steps.binary_search(&step.0).is_ok() {
                self.settle(observer)?;
                let tested = self.test((MetricKind::Test, TestViews::Centre), observer, stop);
                // What can no longer be trained can be looked at all the same.
                if matches!(tested, Ok(()) | Err(Error::Diverged(_))) {
                    self.save(observer)?;
                }
                if tested.is_err() {
                    self.written(observer)?;
                }
                tested?;
            }
            if step.0 >= total {
                let views = self.job.recipe.data.views;
                if views != TestViews::Centre {
                    self.test((MetricKind::Views, views), observer, stop)?;
                    self.journal.sync()?;
                }
                self.written(observer)?;
                self.check_outputs()?;
                return Ok(Outcome::Finished { step });
            }
            if stop.load(Ordering::Relaxed) {
                self.save(observer)?;
                self.written(observer)?;
                self.check_outputs()?;
                return Ok(Outcome::Stopped { step });
            }
            if epoch.0 != step.0 / steps {
                let number = step.0 / steps;
                epoch = (number, self.start.order.epoch(number));
            }
            let ids = &epoch.1[self.minibatch(step.0, epoch.1.len())];
            self.update(ids, observer)?;
            if self.writing.as_ref().is_some_and(|writing| writing.thread.is_finished()) {
                self.written(observer)?;
            }
        }
    }

    /// One minibatch: gradients, then the update.
    fn update(&mut self, ids: &[u32], observer: &mut dyn Observer) -> Result<(), Error> {
        let began = Instant::now();
        let step = self.step();
        let steps = self.info().steps_per_epoch;
        let corpus = &self.job.corpus;
        let labels: Vec<u16> = ids.iter().map(|id| corpus.labels()[*id as usize].0).collect();
        let views: Vec<_> = ids.iter().map(|id| self.augment.view((step.0, step.0 / steps), *id)).collect();
        let batch = Minibatch { ids, labels: &labels, views: &views, noise: self.augment.noise(step.0) };
        let rates = self.job.recipe.train.rates(step.0, steps);
        let snapshot = &mut self.start.snapshot;
        let update = Update {
            network: &self.start.network,
            train: &self.job.recipe.train,
            rates,
            epoch: step.0 as f64 / steps as f64,
            number: step.0 + 1,
            images: ids.len(),
        };
        let known = self.learner.step(snapshot, self.images, &batch, &update)?;
        snapshot.step = Step(step.0 + 1);
        snapshot.images_seen += ids.len() as u64;
        snapshot.epoch = self.start.info.epoch_of(snapshot.step);
        let mut metric = self.metric(MetricKind::Train, Measured::default());
        let before = self.under_way.take();
        self.speed.note(ids.len(), began);
        metric.images_per_s = self.speed.images_per_s();
        let own = UnderWay { metric, images: ids.len() };
        match (known, before) {
            (Some(result), Some(before)) => {
                self.under_way = Some(own);
                self.report(before, result, observer)
            }
            (Some(result), None) if matches!(self.learner, Learner::Cpu(_)) => self.report(own, result, observer),
            _ => {
                self.under_way = Some(own);
                Ok(())
            }
        }
    }

    /// Writes down what a step came to.
    fn report(&mut self, step: UnderWay, result: BatchResult, observer: &mut dyn Observer) -> Result<(), Error> {
        let UnderWay { mut metric, images } = step;
        if !result.loss_sum.is_finite() {
            let step = Step(metric.step.0.saturating_sub(1));
            let found = format!("the loss of the next minibatch is not finite ({})", result.loss_sum);
            return Err(self.diverged(step, NotFinite::Loss, found));
        }
        metric.loss = Some(result.loss_sum / images as f64);
        metric.error = result.errors / images as f64;
        self.journal.append(&metric)?;
        observer.event(&Event::Step(metric));
        Ok(())
    }

    /// Waits for the step that is under way.
    fn settle(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let result = self.learner.finish()?;
        match (result, self.under_way.take()) {
            (Some(result), Some(step)) => self.report(step, result, observer),
            _ => Ok(()),
        }
    }

    /// Measures the test split, unless that was done before the run was interrupted.
    fn test(
        &mut self,
        (kind, views): (MetricKind, TestViews),
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(), Error> {
        self.settle(observer)?;
        if self.journal.is_tested(kind, self.step()) {
            return Ok(());
        }
        let (network, corpus) = (&self.start.network, &*self.job.corpus);
        let subject = Subject { network, preprocess: &self.preprocess };
        let judge = self.learner.judge(subject, &self.job.device, &self.start.snapshot.parameters)?;
        let measured = Evaluation { network, corpus, images: self.images, judge, views }.measure(stop)?;
        let Some(measured) = measured else { return Ok(()) };
        let metric = self.metric(kind, measured);
        self.journal.append(&metric)?;
        observer.event(&Event::Test(metric));
        let images = self.job.corpus.range(Split::Test).len();
        self.refuse_not_finite(measured.not_finite, (images, "test images"))
    }

    fn save(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.settle(observer)?;
        let step = self.step();
        if self.saved == Some(step) {
            return Ok(());
        }
        self.written(observer)?;
        // First the metrics up to here: a run resumed from the snapshot relies on them.
        self.journal.sync()?;
        let path = Run::snapshot_path(&self.job.out, step);
        self.saved = Some(step);
        let Some(outgoing) = self.learner.copy_out()? else {
            let sealed = self.start.snapshot.clone().sealed();
            sealed.write(&path)?;
            observer.event(&Event::Snapshot { step, path, hash: sealed.hash });
            return self.check_weights();
        };
        // The weights are on their way out of the device; the next steps need not wait for them.
        let mut snapshot = self.start.snapshot.clone();
        let thread = std::thread::spawn(move || {
            (snapshot.parameters, snapshot.optimizer) = outgoing.wait()?;
            let bad = not_finite_in(&snapshot);
            let sealed = snapshot.sealed();
            sealed.write(&path)?;
            Ok((Event::Snapshot { step, path, hash: sealed.hash }, bad))
        });
        self.writing = Some(Writing { step, thread });
        Ok(())
    }

    /// Waits for the snapshot that is being written.
    fn written(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let Some(Writing { step, thread }) = self.writing.take() else {
            return Ok(());
        };
        let (event, bad) = thread.join().unwrap_or(Err(Error::Writer { step: step.0 }))?;
        observer.event(&event);
        bad.map_or(Ok(()), |found| Err(self.diverged(step, NotFinite::Weights, found)))
    }

    fn metric(&self, kind: MetricKind, measured: Measured) -> Metric {
        let Measured { loss, error, not_finite } = measured;
        let snapshot = &self.start.snapshot;
        let last = snapshot.step.0.saturating_sub(1);
        let rates = self.job.recipe.train.rates(last, self.info().steps_per_epoch);
        Metric {
            step: snapshot.step,
            epoch: snapshot.epoch,
            images_seen: snapshot.images_seen,
            kind,
            loss,
            error,
            rate: rates.weight,
            images_per_s: self.speed.images_per_s(),
            not_finite,
        }
    }
}

/// A step that was set going: its metric, without what it came to.
#[derive(Clone, Copy)]
struct UnderWay {
    metric: Metric,
    images: usize,
}

/// A snapshot of a step on its way into its file.
struct Writing {
    step: Step,
    /// What was written, and what of it is not finite.
    thread: JoinHandle<Result<(Event, Option<String>), Error>>,
}

impl Drop for Trainer<'_> {
    /// Whatever ends training, a snapshot that is on its way gets into its file.
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            writing.thread.join().ok();
        }
    }
}
