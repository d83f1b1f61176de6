//! The training loop.

use crate::augmentation::{Augmentation, StepOfEpoch};
use crate::divergence::{NotFiniteImages, diverged, not_finite_in, refuse_not_finite};
use crate::error::Error;
use crate::evaluate::{Evaluation, Measured};
use crate::images::Images;
use crate::job::{Event, Job, Observer, Outcome};
use crate::metrics_log::MetricsWriter;
use crate::sampler::EpochOrder;
use crate::snapshot_writer::{SnapshotWriter, WrittenSnapshot};
use crate::speed::Speed;
use crate::start::Start;
use deepviz_corpus::Split;
use deepviz_net::recipe::TestViews;
use deepviz_net::{
    BatchResult, InitialState, Metric, MetricKind, NotFinite, RunInfo, Step, Trainer, TrainingState, TrainingStep,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Trains a job's recipe on its corpus into its run folder, until the schedule is done or `stop` is
/// raised: then the step at hand is finished and a snapshot written.
pub fn train(job: &Job, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
    let start = Start::new(job)?;
    let resumed = start.resumed;
    // A snapshot of an older version may hold anything.
    let not_finite = not_finite_in(&start.snapshot);
    let metrics = MetricsWriter::open(&job.out, resumed)?;
    let images = Images::new(&job.corpus, start.network.transform())?;
    let mut running = TrainingLoop::new(job, &images, start, metrics)?;
    observer.event(&Event::Started { info: Box::new(running.info().clone()), resumed });
    let outcome = match not_finite {
        Some(found) => Err(diverged(running.info(), running.step(), NotFinite::Weights, found)),
        None => running.run(observer, stop),
    };
    if let Err(Error::Diverged(divergence)) = &outcome {
        running.metrics.append_divergence(divergence)?;
        observer.event(&Event::Diverged(divergence.clone()));
    }
    let outcome = outcome?;
    observer.event(&Event::Finished(outcome));
    Ok(outcome)
}

/// A job's training between two steps.
struct TrainingLoop<'a> {
    job: &'a Job,
    images: &'a Images<'a>,
    /// Its snapshot has the present step, epoch and mean; the arrays are the trainer's.
    start: Start,
    metrics: MetricsWriter,
    // Dropped before the trainer: a snapshot that is being written is a copy out of it.
    snapshots: SnapshotWriter,
    trainer: Trainer,
    augmentation: Augmentation,
    speed: Speed,
    /// Steps whose results are not known yet, in order.
    pending_steps: VecDeque<PendingStep>,
}

impl<'a> TrainingLoop<'a> {
    fn new(job: &'a Job, images: &'a Images<'a>, mut start: Start, metrics: MetricsWriter) -> Result<Self, Error> {
        let network = &start.network;
        let preprocess = Arc::new(network.preprocess(start.snapshot.mean.clone(), start.snapshot.std.clone()));
        let state = TrainingState {
            parameters: std::mem::take(&mut start.snapshot.parameters),
            optimiser: std::mem::take(&mut start.snapshot.optimizer),
        };
        let initial = InitialState { network: Arc::clone(network), preprocess, state };
        let all: Vec<_> = (0..).map_while(|id| images.get(id)).collect();
        Ok(Self {
            job,
            images,
            metrics,
            trainer: Trainer::new(&job.device, &start.training.spec, initial, &all)?,
            pending_steps: VecDeque::new(),
            snapshots: SnapshotWriter::new(job.out.clone(), start.resumed),
            augmentation: Augmentation {
                seed: start.training.seed,
                image: network.image(),
                input: network.input(),
                data: job.recipe.data.clone(),
            },
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
        let (total, steps) = (self.start.training.total_steps, self.start.training.steps_per_epoch);
        let mut epoch: Option<EpochOrder> = None;
        loop {
            let step = self.step();
            if self.start.training.snapshot_steps.binary_search(&step.0).is_ok() {
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
            let number = step.0 / steps;
            let order = match epoch.take() {
                Some(order) if order.number == number => order,
                _ => self.start.sampler.epoch(number),
            };
            self.update(order.minibatch(&self.start.training, step), observer)?;
            epoch = Some(order);
            if self.snapshots.is_written() {
                self.wait_for_snapshot(observer)?;
            }
        }
    }

    /// One minibatch: gradients, then the update.
    fn update(&mut self, ids: &[u32], observer: &mut dyn Observer) -> Result<(), Error> {
        let began = Instant::now();
        let step = self.step();
        let steps = self.start.training.steps_per_epoch;
        let corpus = &self.job.corpus;
        let images: Vec<_> = ids.iter().filter_map(|id| self.images.get(*id)).collect();
        let labels: Vec<u16> = ids.iter().map(|id| corpus.labels()[*id as usize].0).collect();
        let at = StepOfEpoch { step: step.0, epoch: step.0 / steps };
        let views: Vec<_> = ids.iter().map(|id| self.augmentation.draw(at, *id)).collect();
        self.trainer.step(&TrainingStep {
            ids,
            images: &images,
            labels: &labels,
            views: &views,
            noise: self.augmentation.noise(step.0),
            rates: self.start.training.spec.schedule.rates(step.0, steps),
            epoch: step.0 as f64 / steps as f64,
            number: step.0 + 1,
        })?;
        let snapshot = &mut self.start.snapshot;
        snapshot.step = Step(step.0 + 1);
        snapshot.images_seen += ids.len() as u64;
        snapshot.epoch = self.start.info.epoch_of(snapshot.step);
        let mut metric = self.metric(MetricKind::Train, Measured::default());
        self.speed.note(ids.len(), began);
        metric.images_per_s = self.speed.images_per_s();
        self.pending_steps.push_back(PendingStep { metric, images: ids.len() });
        self.report_known(observer)
    }

    /// Records and reports the steps whose results are known.
    fn report_known(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        while let Some(&step) = self.pending_steps.front() {
            let Some(result) = self.trainer.poll() else { break };
            self.pending_steps.pop_front();
            self.report(step, result, observer)?;
        }
        Ok(())
    }

    fn report(&mut self, step: PendingStep, result: BatchResult, observer: &mut dyn Observer) -> Result<(), Error> {
        let PendingStep { mut metric, images } = step;
        if !result.loss_sum.is_finite() {
            let step = Step(metric.step.0.saturating_sub(1));
            let found = format!("the loss of the next minibatch is not finite ({})", result.loss_sum);
            return Err(diverged(self.info(), step, NotFinite::Loss, found));
        }
        metric.loss = Some(result.loss_sum / images as f64);
        metric.error = Some(result.errors / images as f64);
        self.metrics.append(&metric)?;
        observer.event(&Event::Step(metric));
        Ok(())
    }

    /// Waits for the steps whose results are not known yet, and reports them.
    fn wait_for_step(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.trainer.finish()?;
        self.report_known(observer)
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
        let Some(measured) = self.evaluation(views)?.measure(stop)? else { return Ok(()) };
        let metric = self.metric(kind, measured);
        self.metrics.append(&metric)?;
        observer.event(&Event::Test(metric));
        let of = self.job.corpus.range(Split::Test).len();
        let found = NotFiniteImages { count: measured.not_finite, of, images: "test images" };
        refuse_not_finite(self.info(), self.step(), &found)
    }

    /// Applies the network as it is now to the last minibatch, whose loss was taken before its update.
    fn check_outputs(&self) -> Result<(), Error> {
        let Some(last) = self.step().0.checked_sub(1) else { return Ok(()) };
        let order = self.start.sampler.epoch(last / self.start.training.steps_per_epoch);
        let ids = order.minibatch(&self.start.training, Step(last));
        let count = self.evaluation(TestViews::Centre)?.not_finite(ids)?;
        let found = NotFiniteImages { count, of: ids.len(), images: "images of the last minibatch" };
        refuse_not_finite(self.info(), self.step(), &found)
    }

    fn evaluation(&self, views: TestViews) -> Result<Evaluation<'_>, Error> {
        let (network, corpus) = (&self.start.network, &*self.job.corpus);
        Ok(Evaluation { network, corpus, images: self.images, evaluator: self.trainer.evaluator()?, views })
    }

    fn metric(&self, kind: MetricKind, measured: Measured) -> Metric {
        let Measured { loss, error, not_finite } = measured;
        let snapshot = &self.start.snapshot;
        let last = snapshot.step.0.saturating_sub(1);
        let training = &self.start.training;
        let rates = training.spec.schedule.rates(last, training.steps_per_epoch);
        Metric {
            step: snapshot.step,
            epoch: snapshot.epoch,
            images_seen: snapshot.images_seen,
            kind,
            loss,
            error: Some(error),
            rate: Some(rates.weight),
            images_per_s: self.speed.images_per_s(),
            not_finite,
        }
    }

    /// Writes a snapshot of the present step, or starts to; none where there is one.
    fn save(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.wait_for_step(observer)?;
        if self.snapshots.holds(self.step()) {
            return Ok(());
        }
        self.wait_for_snapshot(observer)?;
        // First the metrics up to here: a run resumed from the snapshot relies on them.
        self.metrics.sync()?;
        let copy = self.trainer.copy_out()?;
        let written = self.snapshots.write(self.start.snapshot.clone(), copy)?;
        self.report_snapshot(written, observer)
    }

    /// Waits for the snapshot that is being written.
    fn wait_for_snapshot(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let written = self.snapshots.wait()?;
        self.report_snapshot(written, observer)
    }

    fn report_snapshot(&self, written: Option<WrittenSnapshot>, observer: &mut dyn Observer) -> Result<(), Error> {
        let Some(WrittenSnapshot { step, path, hash, not_finite }) = written else { return Ok(()) };
        observer.event(&Event::Snapshot { step, path, hash });
        not_finite.map_or(Ok(()), |found| Err(diverged(self.info(), step, NotFinite::Weights, found)))
    }
}

/// A step that was started: its metric, without loss and error.
#[derive(Clone, Copy)]
struct PendingStep {
    metric: Metric,
    images: usize,
}
