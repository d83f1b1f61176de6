//! The loop.

use crate::error::Error;
use crate::evaluate::Evaluation;
use crate::job::{Event, Job, Observer, Outcome};
use crate::journal::Journal;
use crate::optimiser::Update;
use crate::order::Augment;
use crate::start::Start;
use deepviz_corpus::ImageId;
use deepviz_net::recipe::{Rates, TestViews};
use deepviz_net::{
    Batch, BatchResult, Engine, Metric, MetricKind, Parameters, Preprocess, Run, RunInfo, Snapshot, Step,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Trains a job's recipe on its corpus into its run folder, until the schedule is done or `stop` is
/// raised: then the step at hand is finished and a snapshot written.
pub fn train(job: &Job, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
    let start = Start::new(job)?;
    let resumed = start.resumed;
    let journal = Journal::open(&job.out, resumed)?;
    let mut trainer = Trainer::new(job, start, journal)?;
    observer.event(&Event::Started { info: Box::new(trainer.start.info.clone()), resumed });
    let outcome = trainer.run(observer, stop)?;
    observer.event(&Event::Finished(outcome));
    Ok(outcome)
}

struct Trainer<'a> {
    job: &'a Job,
    start: Start,
    journal: Journal,
    preprocess: Arc<Preprocess>,
    engine: Engine,
    gradients: Parameters,
    augment: Augment,
    /// Step of the newest snapshot file.
    saved: Option<Step>,
    speed: Speed,
}

impl<'a> Trainer<'a> {
    fn new(job: &'a Job, start: Start, journal: Journal) -> Result<Self, Error> {
        let network = &start.network;
        let preprocess = Arc::new(network.preprocess(start.snapshot.mean.clone()));
        Ok(Self {
            job,
            journal,
            engine: Engine::new(Arc::clone(network), Arc::clone(&preprocess), &job.device)?,
            preprocess,
            gradients: Parameters::zeros(network),
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
        loop {
            let step = self.step();
            if self.info().snapshot_steps.binary_search(&step.0).is_ok() {
                self.test((MetricKind::Test, TestViews::Centre), observer, stop)?;
                self.save(observer)?;
            }
            if step.0 >= total {
                let views = self.job.recipe.data.views;
                if views != TestViews::Centre {
                    self.test((MetricKind::Views, views), observer, stop)?;
                    self.journal.sync()?;
                }
                return Ok(Outcome::Finished { step });
            }
            if stop.load(Ordering::Relaxed) {
                self.save(observer)?;
                return Ok(Outcome::Stopped { step });
            }
            if epoch.0 != step.0 / steps {
                let number = step.0 / steps;
                epoch = (number, self.start.order.epoch(number));
            }
            let batch = self.job.recipe.train.batch;
            let first = (step.0 % steps) as usize * batch;
            let ids = &epoch.1[first..epoch.1.len().min(first + batch)];
            let metric = self.update(ids)?;
            self.journal.append(&metric)?;
            observer.event(&Event::Step(metric));
        }
    }

    /// One minibatch: gradients, then the update.
    fn update(&mut self, ids: &[u32]) -> Result<Metric, Error> {
        let began = Instant::now();
        let step = self.step();
        let steps = self.info().steps_per_epoch;
        let corpus = &self.job.corpus;
        let images: Vec<_> = ids.iter().filter_map(|id| corpus.pixels(ImageId(*id))).collect();
        let labels: Vec<u16> = ids.iter().map(|id| corpus.labels()[*id as usize].0).collect();
        let views: Vec<_> = ids.iter().map(|id| self.augment.view((step.0, step.0 / steps), *id)).collect();
        let batch = Batch { images: &images, labels: &labels, views: &views, noise: self.augment.noise(step.0) };
        let snapshot = &mut self.start.snapshot;
        let result = self.engine.gradients(&snapshot.parameters, &batch, &mut self.gradients)?;
        let rates = self.job.recipe.train.rates(step.0, steps);
        refuse_divergence(result, step, rates)?;
        let update = Update {
            network: &self.start.network,
            train: &self.job.recipe.train,
            rates,
            epoch: step.0 as f64 / steps as f64,
            number: step.0 + 1,
            gradients: &self.gradients,
            images: ids.len(),
        };
        update.apply(&mut snapshot.parameters, &mut snapshot.optimizer);
        snapshot.step = Step(step.0 + 1);
        snapshot.images_seen += ids.len() as u64;
        snapshot.epoch = self.start.info.epoch_of(snapshot.step);
        self.speed.note(ids.len(), began);
        let images = ids.len() as f64;
        Ok(self.metric(MetricKind::Train, (result.loss_sum / images, result.errors / images)))
    }

    /// Measures the test split, unless that was done before the run was interrupted.
    fn test(
        &mut self,
        (kind, views): (MetricKind, TestViews),
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(), Error> {
        if self.journal.is_tested(kind, self.step()) {
            return Ok(());
        }
        let evaluation = Evaluation {
            network: &self.start.network,
            preprocess: &self.preprocess,
            corpus: &self.job.corpus,
            device: &self.job.device,
            views,
        };
        let measured = evaluation.measure(&self.start.snapshot.parameters, stop)?;
        if let Some(measured) = measured {
            let metric = self.metric(kind, (measured.loss, measured.error));
            self.journal.append(&metric)?;
            observer.event(&Event::Test(metric));
        }
        Ok(())
    }

    fn save(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let step = self.step();
        if self.saved == Some(step) {
            return Ok(());
        }
        // First the metrics up to here: a run resumed from the snapshot relies on them.
        self.journal.sync()?;
        let path = Run::snapshot_path(&self.job.out, step);
        let hash = self.write(&path)?;
        self.saved = Some(step);
        observer.event(&Event::Snapshot { step, path, hash });
        Ok(())
    }

    fn write(&mut self, path: &std::path::Path) -> Result<String, Error> {
        let snapshot: &Snapshot = &self.start.snapshot;
        let sealed = snapshot.clone().sealed();
        sealed.write(path)?;
        Ok(sealed.hash)
    }

    fn metric(&self, kind: MetricKind, (loss, error): (f64, f64)) -> Metric {
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
        }
    }
}

fn refuse_divergence(result: BatchResult, step: Step, rates: Rates) -> Result<(), Error> {
    if result.loss_sum.is_finite() {
        return Ok(());
    }
    Err(Error::Diverged { step: step.0, loss: result.loss_sum, rate: rates.weight })
}

/// Training speed, smoothed over the last steps.
#[derive(Default)]
struct Speed {
    images: f64,
    seconds: f64,
}

impl Speed {
    fn note(&mut self, images: usize, began: Instant) {
        // Weights that halve about every 14 steps: steady enough to read, quick to follow.
        const KEPT: f64 = 0.95;
        self.images = KEPT * self.images + images as f64;
        self.seconds = KEPT * self.seconds + began.elapsed().as_secs_f64();
    }

    fn images_per_s(&self) -> f64 {
        if self.seconds > 0.0 {
            // Whole numbers: the digits behind mean nothing.
            (self.images / self.seconds).round()
        } else {
            0.0
        }
    }
}
