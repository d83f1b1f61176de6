//! How far training was, and the errors that were measured on the way.

use super::document::{Document, number, whole};
use super::layer_list::{FileLayer, Generation, LayerList};
use crate::metrics::{Metric, MetricKind};
use crate::shape::Step;
use deepviz_pickle::Value;

/// Images of a minibatch where the options do not say: cuda-convnet's own default.
const MINIBATCH: u64 = 128;

/// How far the training of a checkpoint was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Updates done; batches of the data, where the file does not say how many images each has.
    pub step: Step,
    /// Epochs done, in fractions.
    pub epoch: f64,
    /// Training images seen; 0 where that is not known.
    pub images_seen: u64,
}

/// The errors of one batch of the data.
#[derive(Clone, Copy)]
struct Batch {
    cases: u64,
    /// Loss and error an image, where they are recorded.
    measured: Option<[f64; 2]>,
}

/// The clock of a training.
struct Clock {
    /// Batches done, by the epoch and the batch in the file.
    batches: u64,
    epoch: f64,
    /// Every batch that was trained on, in order.
    trained: Vec<Batch>,
    /// Updates and images until before the first batch, before the second, ..., after the last.
    sums: Vec<(u64, u64)>,
}

/// How far training was, and its measurements in order; those whose time is not known are left out.
pub(super) fn read(document: Document<'_>, list: &LayerList<'_>) -> (Progress, Vec<Metric>) {
    let cost = list.layers.iter().find(|layer| layer.kind == "cost.logreg").or_else(|| cost_of(list));
    let entries = |key| batches(document, key, cost, list.generation);
    let clock = Clock::read(document, entries("train_outputs"));
    let mut metrics = clock.training();
    metrics.extend(clock.tests(&entries("test_outputs"), whole_option(document, "testing_freq")));
    metrics.sort_by_key(|metric| metric.step);
    (clock.progress(clock.trained.len()), metrics)
}

fn cost_of<'l, 'p>(list: &'l LayerList<'p>) -> Option<&'l FileLayer<'p>> {
    list.layers.iter().find(|layer| layer.kind.starts_with("cost"))
}

fn whole_option(document: Document<'_>, name: &str) -> Option<u64> {
    document.option(name).and_then(whole).and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0)
}

impl Clock {
    fn read(document: Document<'_>, trained: Vec<Batch>) -> Self {
        let state = |key| document.state(key).and_then(whole).and_then(|value| u64::try_from(value).ok());
        let range = document.option("train_batch_range").and_then(|range| document.items(range));
        let range: Vec<u64> = range
            .into_iter()
            .flatten()
            .take(MAX_BATCHES)
            .filter_map(|batch| whole(batch).and_then(|batch| u64::try_from(batch).ok()))
            .collect();
        let epochs = state("epoch").unwrap_or(1).saturating_sub(1);
        let first = range.first().copied().unwrap_or(1);
        // As cuda-convnet counts them: the batch in the file has been trained on.
        let within = state("batchnum").unwrap_or(first).saturating_sub(first).saturating_add(1);
        let length = range.len().max(1) as u64;
        let batches = epochs.saturating_mul(length).saturating_add(within.min(length));
        let minibatch = whole_option(document, "minibatch_size").unwrap_or(MINIBATCH);
        let mut sums = vec![(0, 0)];
        for batch in &trained {
            let (steps, images) = sums.last().copied().unwrap_or_default();
            sums.push((steps + batch.cases.div_ceil(minibatch), images + batch.cases));
        }
        Self { batches, epoch: batches as f64 / length as f64, trained, sums }
    }

    /// The progress of training after `done` of the recorded batches.
    fn progress(&self, done: usize) -> Progress {
        if self.trained.is_empty() {
            return Progress { step: Step(self.batches.min(MAX_STEPS)), epoch: self.epoch, images_seen: 0 };
        }
        let done = done.min(self.trained.len());
        let (steps, images_seen) = self.sums[done];
        Progress { step: Step(steps), epoch: self.epoch * (done as f64 / self.trained.len() as f64), images_seen }
    }

    fn training(&self) -> Vec<Metric> {
        let lines = self.trained.iter().enumerate();
        lines.filter_map(|(index, batch)| self.line(MetricKind::Train, index + 1, batch)).collect()
    }

    /// A test follows every `every` batches. Where their numbers do not fit (the options were changed on the way) only
    /// the last one is taken, where it is of the checkpoint's own time.
    fn tests(&self, tested: &[Batch], every: Option<u64>) -> Vec<Metric> {
        let all = self.trained.len() as u64;
        let line = |(index, batch): (usize, &Batch)| self.line(MetricKind::Test, index, batch);
        match every {
            Some(every) if all == self.batches && all / every == tested.len() as u64 => {
                let times = (1..).map(|number: u64| (number * every) as usize);
                times.zip(tested).filter_map(line).collect()
            }
            Some(every) if !self.batches.is_multiple_of(every) => Vec::new(),
            _ => tested.last().map(|batch| (self.trained.len(), batch)).and_then(line).into_iter().collect(),
        }
    }

    fn line(&self, kind: MetricKind, done: usize, batch: &Batch) -> Option<Metric> {
        let [loss, error] = batch.measured?;
        let Progress { step, epoch, images_seen } = self.progress(done);
        let finite = |value: f64| value.is_finite().then_some(value);
        Some(Metric {
            step,
            epoch,
            images_seen,
            kind,
            loss: finite(loss),
            error: finite(error),
            rate: None,
            images_per_s: 0.0,
            not_finite: 0,
        })
    }
}

/// Batches of the data, and of a history.
const MAX_BATCHES: usize = 1 << 20;
/// Costs of a network.
const MAX_COSTS: usize = 64;
/// Images of a batch of the data.
const MAX_BATCH_IMAGES: f64 = 1e9;
/// Updates of a run; the page and scripts read them as doubles.
const MAX_STEPS: u64 = (1 << 53) - 1;

/// The entries of a history: a dictionary of the costs, and the number of images. Empty where one is not understood.
fn batches(document: Document<'_>, key: &str, cost: Option<&FileLayer<'_>>, generation: Generation) -> Vec<Batch> {
    let entries = document.state(key).and_then(|value| document.items(value));
    let Some(entries) = entries.filter(|entries| entries.len() <= MAX_BATCHES) else { return Vec::new() };
    let name = cost.map(|cost| cost.name.as_str()).unwrap_or_default();
    let read = |entry| {
        let mut parts = document.items(entry)?;
        let (costs, cases) = (parts.next()?, number(parts.next()?)?);
        let cases = Some(cases).filter(|cases| (1.0..MAX_BATCH_IMAGES).contains(cases))?;
        // A dictionary that is in the file once can be that of every entry.
        let is_short = matches!(costs, Value::Dict(items) if items.len() <= MAX_COSTS);
        let values = is_short.then(|| document.pickle.entry(costs, name)).flatten();
        Some((cases, values.and_then(|values| measured(document, values))))
    };
    let found = entries.map(read).collect::<Option<Vec<_>>>().unwrap_or_default();
    // cuda-convnet2 keeps sums; the first one divides what it prints, and keeps that. A sum of few errors looks like a
    // share, so that all batches decide together.
    let is_sum = generation == Generation::Second
        || found.iter().any(|(_, measured)| measured.is_some_and(|[_, error]| error > 1.0));
    let batch = |(cases, measured): (f64, Option<[f64; 2]>)| {
        let times = if is_sum { cases } else { 1.0 };
        Batch { cases: cases as u64, measured: measured.map(|values| values.map(|value| value / times)) }
    };
    found.into_iter().map(batch).collect()
}

/// The loss and the error of a cost.
fn measured(document: Document<'_>, values: &Value<'_>) -> Option<[f64; 2]> {
    let Value::List(ids) = values else { return None };
    let value = |index: usize| ids.get(index).and_then(|id| number(document.pickle.get(*id)));
    Some([value(0)?, value(1)?])
}
