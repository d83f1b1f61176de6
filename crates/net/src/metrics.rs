//! Lines of a run's metrics.jsonl.

use crate::bounded;
use crate::divergence::{Divergence, DivergenceKind, NotFinite};
use crate::error::Error;
use crate::shape::Step;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use std::path::Path;

/// One measurement: the loss and error of a training minibatch, or over the test split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Updates done when it was measured (a training line: including the one of its minibatch).
    pub step: Step,
    /// The same in epochs.
    pub epoch: f64,
    /// Training images seen.
    pub images_seen: u64,
    /// Training or test.
    pub kind: MetricKind,
    /// Mean cross-entropy loss an image; none (`null` in the file) where it is not finite, which `not_finite` explains.
    #[serde(deserialize_with = "Option::deserialize")]
    pub loss: Option<f64>,
    /// Fraction of images misclassified. An image whose probabilities are not finite is. None where another program
    /// trained the network and did not say.
    #[serde(deserialize_with = "Option::deserialize")]
    pub error: Option<f64>,
    /// Learning rate of the step (of the schedule; layers may have factors); none where another program trained the
    /// network and did not say.
    #[serde(deserialize_with = "Option::deserialize")]
    pub rate: Option<f64>,
    /// Speed while it was measured.
    pub images_per_s: f64,
    /// Images whose probabilities are not finite; not written where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_finite: u64,
}

impl Metric {
    /// Whether loss and error are finite, so that they may be compared with others.
    pub fn is_finite(&self) -> bool {
        self.finite_loss().is_some() && self.error.is_none_or(f64::is_finite)
    }

    /// The loss, unless some images have none.
    pub fn finite_loss(&self) -> Option<f64> {
        self.loss.filter(|loss| loss.is_finite() && self.not_finite == 0)
    }

    /// The error, unless it counts images whose probabilities are not finite.
    pub fn finite_error(&self) -> Option<f64> {
        self.error.filter(|_| self.is_finite())
    }
}

impl Divergence {
    /// The divergence that a measurement of the test split shows, where some probabilities are not finite. Stands in
    /// for the divergence's own line, which is missing where the trainer was killed before it wrote that.
    pub fn from_metric(metric: &Metric) -> Option<Self> {
        let is_of_outputs = metric.kind != MetricKind::Train && !metric.is_finite();
        is_of_outputs.then(|| Self {
            step: metric.step,
            epoch: metric.epoch,
            images_seen: metric.images_seen,
            kind: DivergenceKind::Diverged,
            what: NotFinite::Outputs,
            found: format!("{} test images have no finite class probabilities", metric.not_finite),
            rate: metric.rate,
        })
    }

    /// Whether the numbers of a measurement may be believed. Where outputs are not finite, older versions wrote an error
    /// of 0.
    pub fn trusts(&self, metric: &Metric) -> bool {
        metric.is_finite() && !(self.what == NotFinite::Outputs && metric.step >= self.step)
    }
}

// As serde calls it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a [`Metric`] was measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// The minibatch of the step, before its update.
    Train,
    /// The whole test split, each image seen once, at its centre.
    Test,
    /// The whole test split, over the several views of each image that the recipe names; after the
    /// last step only, for it costs as many times as much.
    Views,
}

/// What a run's metrics.jsonl holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsLog {
    /// The measurements, in the order they were written.
    pub lines: Vec<Metric>,
    /// Where the run diverged, if it has.
    pub divergence: Option<Divergence>,
    /// The lines that could not be read and were left out, if any.
    pub skipped: Option<SkippedLines>,
}

impl MetricsLog {
    /// True if the run has not diverged at this step or before.
    pub fn is_before_divergence(&self, step: Step) -> bool {
        self.divergence.as_ref().is_none_or(|divergence| step < divergence.step)
    }

    /// Whether the numbers of a measurement are finite and may be believed.
    pub fn is_finite(&self, metric: &Metric) -> bool {
        metric.is_finite() && self.divergence.as_ref().is_none_or(|divergence| divergence.trusts(metric))
    }

    /// The measurement of the test split with the least error; never one of a network that has diverged.
    pub fn best_test(&self) -> Option<&Metric> {
        self.best_of(self.lines.iter().filter(|line| line.kind == MetricKind::Test))
    }

    /// The same of given measurements.
    pub fn best_of<'a>(&self, tests: impl Iterator<Item = &'a Metric>) -> Option<&'a Metric> {
        let finite = tests.filter(|line| line.is_finite() && self.is_before_divergence(line.step));
        let measured = finite.filter_map(|line| Some((line, line.error?)));
        measured.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(line, _)| line)
    }
}

/// Lines of metrics.jsonl that could not be read: a crash of the machine leaves blocks of NUL bytes, another program
/// lines of its own. The others are good all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedLines {
    /// How many there are.
    pub count: usize,
    /// Number of the first, counted from 1.
    pub first_line: usize,
    /// Why the first could not be read.
    pub reason: String,
}

impl std::fmt::Display for SkippedLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { count, first_line, reason } = self;
        match count {
            1 => write!(f, "line {first_line} of the metrics cannot be read and was left out: {reason}"),
            _ => write!(
                f,
                "{count} lines of the metrics cannot be read and were left out, the first is line {first_line}: {reason}"
            ),
        }
    }
}

/// Bytes of a metrics.jsonl at most: those of more than a million steps.
const MAX_BYTES: u64 = 256 << 20;

/// Reads the lines; one that is torn at the end of a file still growing is left out, and so is what is no measurement.
pub(crate) fn read(path: &Path) -> Result<MetricsLog, Error> {
    let bytes = match bounded::read(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(MetricsLog::default()),
        Err(source) => return Err(Error::io("read the metrics", path)(source)),
    };
    let Some(end) = bytes.iter().rposition(|&byte| byte == b'\n') else { return Ok(MetricsLog::default()) };
    let mut log = MetricsLog::default();
    for (index, line) in bytes[..end].split(|&byte| byte == b'\n').enumerate() {
        if let Err(reason) = log.add(line) {
            let first = || SkippedLines { count: 0, first_line: index + 1, reason: reason_of(&reason) };
            log.skipped.get_or_insert_with(first).count += 1;
        }
    }
    Ok(log)
}

/// Why a line is no measurement. Its text is not quoted: the file may be a link to another user's.
fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match error.classify() {
        // It names a field of deepViz's, not text of the file.
        Category::Data if text.starts_with("missing field") => text,
        Category::Data => format!("it is no measurement (column {})", error.column()),
        Category::Syntax | Category::Eof | Category::Io => format!("it is no JSON (column {})", error.column()),
    }
}

impl MetricsLog {
    fn add(&mut self, line: &[u8]) -> Result<(), serde_json::Error> {
        // A measurement first: most lines are one, and of the two error messages its is the one to show.
        match serde_json::from_slice::<Metric>(line) {
            Ok(metric) => {
                self.divergence = self.divergence.take().or_else(|| Divergence::from_metric(&metric));
                self.lines.push(metric);
            }
            Err(reason) => self.divergence = Some(serde_json::from_slice(line).map_err(|_| reason)?),
        }
        Ok(())
    }
}
