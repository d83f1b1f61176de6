//! The loop.

use crate::augmentation::{Augmentation, StepOfEpoch};
use crate::error::Error;
use crate::evaluate::{Evaluation, Measured};
use crate::executor::{InitialState, Minibatch, StepExecutor};
use crate::images::Images;
use crate::job::{Event, Job, Observer, Outcome};
use crate::metrics_log::MetricsWriter;
use crate::save::PendingSnapshot;
use crate::speed::Speed;
use crate::start::Start;
use deepviz_corpus::Split;
use deepviz_net::recipe::TestViews;
use deepviz_net::{BatchResult, Metric, MetricKind, NotFinite, RunInfo, Step, Update};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Trains a job's recipe on its corpus into its run folder, until the schedule is done or `stop` is
/// raised: then the step at hand is finished and a snapshot written.
pub fn train(job: &Job, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
    let start = Start::new(job)?;
    let resumed = start.resumed;
    let metrics = MetricsWriter::open(&job.out, resumed)?;
    let images = Images::new(&job.corpus, start.network.transform())?;
    let mut trainer = Trainer::new(job, &images, start, metrics)?;
    observer.event(&Event::Started { info: Box::new(trainer.start.info.clone()), resumed });
    let outcome = trainer.run(observer, stop);
    if let Err(Error::Diverged(divergence)) = &outcome {
        trainer.metrics.append_divergence(divergence)?;
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
    pub metrics: MetricsWriter,
    pub executor: StepExecutor<'a>,
    augmentation: Augmentation,
    /// Step of the newest snapshot file.
    pub saved: Option<Step>,
    speed: Speed,
    /// The step that a GPU is still computing.
    pending_step: Option<PendingStep>,
    /// A snapshot being written while training goes on.
    pub pending_snapshot: Option<PendingSnapshot>,
}

impl<'a> Trainer<'a> {
    fn new(job: &'a Job, images: &'a Images<'a>, start: Start, metrics: MetricsWriter) -> Result<Self, Error> {
        let network = &start.network;
        let preprocess = Arc::new(network.preprocess(start.snapshot.mean.clone(), start.snapshot.std.clone()));
        let (snapshot, train) = (&start.snapshot, &job.recipe.train);
        let initial = InitialState { network, preprocess: &preprocess, snapshot, train };
        Ok(Self {
            job,
            images,
            metrics,
            executor: StepExecutor::new(images, &job.device, initial)?,
            pending_step: None,
            pending_snapshot: None,
            augmentation: Augmentation {
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

    pub(crate) fn step(&self) -> Step {
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
                self.wait_for_step(observer)?;
                let tested = self.test(MetricKind::Test, TestViews::Centre, observer, stop);
                // What can no longer be trained can be looked at all the same.
                if matches!(tested, Ok(()) | Err(Error::Diverged(_))) {
                    self.save(observer)?;
                }
                if tested.is_err() {
                    self.wait_for_snapshot(observer)?;
                }
                tested?;
            }
            if step.0 >= total {
                let views = self.job.recipe.data.views;
                if views != TestViews::Centre {
                    self.test(MetricKind::Views, views, observer, stop)?;
                    self.metrics.sync()?;
                }
                self.wait_for_snapshot(observer)?;
                self.check_outputs()?;
                return Ok(Outcome::Finished { step });
            }
            if stop.load(Ordering::Relaxed) {
                self.save(observer)?;
                self.wait_for_snapshot(observer)?;
                self.check_outputs()?;
                return Ok(Outcome::Stopped { step });
            }
            if epoch.0 != step.0 / steps {
                let number = step.0 / steps;
                epoch = (number, self.start.sampler.epoch(number));
            }
            let ids = &epoch.1[self.minibatch(step.0, epoch.1.len())];
            self.update(ids, observer)?;
            if self.pending_snapshot.as_ref().is_some_and(PendingSnapshot::is_written) {
                self.wait_for_snapshot(observer)?;
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
        let at = StepOfEpoch { step: step.0, epoch: step.0 / steps };
        let views: Vec<_> = ids.iter().map(|id| self.augmentation.draw(at, *id)).collect();
        let batch = Minibatch { ids, labels: &labels, views: &views, noise: self.augmentation.noise(step.0) };
        let rates = self.job.recipe.train.rates(step.0, steps);
        let snapshot = &mut self.start.snapshot;
        let update = Update {
            settings: &self.job.recipe.train.optimiser,
            rates,
            epoch: step.0 as f64 / steps as f64,
            number: step.0 + 1,
            images: ids.len(),
        };
        let known = self.executor.step(snapshot, self.images, &batch, &update)?;
        snapshot.step = Step(step.0 + 1);
        snapshot.images_seen += ids.len() as u64;
        snapshot.epoch = self.start.info.epoch_of(snapshot.step);
        let mut metric = self.metric(MetricKind::Train, Measured::default());
        let before = self.pending_step.take();
        self.speed.note(ids.len(), began);
        metric.images_per_s = self.speed.images_per_s();
        let own = PendingStep { metric, images: ids.len() };
        match (known, before) {
            (Some(result), Some(before)) => {
                self.pending_step = Some(own);
                self.report(before, result, observer)
            }
            (Some(result), None) if matches!(self.executor, StepExecutor::Cpu(_)) => self.report(own, result, observer),
            _ => {
                self.pending_step = Some(own);
                Ok(())
            }
        }
    }

    /// Records and reports the result of a step.
    fn report(&mut self, step: PendingStep, result: BatchResult, observer: &mut dyn Observer) -> Result<(), Error> {
        let PendingStep { mut metric, images } = step;
        if !result.loss_sum.is_finite() {
            let step = Step(metric.step.0.saturating_sub(1));
            let found = format!("the loss of the next minibatch is not finite ({})", result.loss_sum);
            return Err(self.diverged(step, NotFinite::Loss, found));
        }
        metric.loss = Some(result.loss_sum / images as f64);
        metric.error = result.errors / images as f64;
        self.metrics.append(&metric)?;
        observer.event(&Event::Step(metric));
        Ok(())
    }

    /// Waits for the step whose result is not known yet, and reports it.
    pub(crate) fn wait_for_step(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let result = self.executor.finish()?;
        match (result, self.pending_step.take()) {
            (Some(result), Some(step)) => self.report(step, result, observer),
            _ => Ok(()),
        }
    }

    /// Measures the test split, unless that was done before the run was interrupted.
    fn test(
        &mut self,
        kind: MetricKind,
        views: TestViews,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(), Error> {
        self.wait_for_step(observer)?;
        if self.metrics.is_tested(kind, self.step()) {
            return Ok(());
        }
        let (network, corpus) = (&self.start.network, &*self.job.corpus);
        let evaluator = self.executor.evaluator(&self.start.snapshot.parameters)?;
        let measured = Evaluation { network, corpus, images: self.images, evaluator, views }.measure(stop)?;
        let Some(measured) = measured else { return Ok(()) };
        let metric = self.metric(kind, measured);
        self.metrics.append(&metric)?;
        observer.event(&Event::Test(metric));
        let images = self.job.corpus.range(Split::Test).len();
        self.refuse_not_finite(measured.not_finite, images, "test images")
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

/// A step that was started: its metric, without loss and error.
#[derive(Clone, Copy)]
struct PendingStep {
    metric: Metric,
    images: usize,
}
