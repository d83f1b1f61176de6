//! Aligns the checkpoints of two runs: which checkpoint of the second corresponds to each one of the first.

use deepviz_net::{CheckpointEntry, MetricKind, MetricsLog, RunInfo, Step};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The quantity by which two runs are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Clock)]
pub(crate) enum AlignmentBasis {
    /// Updates of the weights.
    Step,
    /// Passes over the training images.
    Epoch,
    /// Training images seen.
    Images,
    /// Share of the run's own length.
    Fraction,
    /// Seconds spent on minibatches, from the recorded speed.
    Time,
    /// Equal test error.
    Error,
}

impl AlignmentBasis {
    /// The unit of the positions.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Step => "steps",
            Self::Epoch => "epochs",
            Self::Images => "images",
            Self::Fraction => "of training",
            Self::Time => "seconds",
            Self::Error => "test error",
        }
    }

    /// Why a run has no positions by it.
    pub(crate) const fn lacks(self) -> &'static str {
        match self {
            Self::Step => "it has no checkpoints",
            Self::Epoch => "its epochs are not known",
            Self::Images => "the number of images that it saw is not known",
            Self::Fraction => "its length is not known",
            Self::Time => "its speed was not recorded",
            Self::Error => "its test error was not measured",
        }
    }

    /// The position of every checkpoint of a run; `None` where it is not known.
    pub(crate) fn positions(self, info: &RunInfo, entries: &[CheckpointEntry], log: &MetricsLog) -> Vec<Option<f64>> {
        let last = entries.last().map_or(0, |entry| entry.step.0);
        let length = info.training.as_ref().map_or(last, |training| training.total_steps.max(last));
        let measured = Measured::of(log);
        let is_known = |known: bool, value: f64| known.then_some(value);
        let has_epochs = entries.iter().any(|entry| entry.epoch > 0.0);
        let has_images = entries.iter().any(|entry| entry.images_seen > 0);
        let position = |entry: &CheckpointEntry| match self {
            Self::Step => Some(entry.step.0 as f64),
            Self::Epoch => is_known(has_epochs, entry.epoch),
            Self::Images => is_known(has_images, entry.images_seen as f64),
            Self::Fraction => is_known(length > 0, entry.step.0 as f64 / length.max(1) as f64),
            Self::Time => measured.seconds_until(entry),
            Self::Error => measured.error_at(entry),
        };
        entries.iter().map(position).collect()
    }

    /// For each position of the first run the corresponding checkpoint of the second.
    pub(crate) fn pairs(self, first: &[Option<f64>], second: &[Option<f64>]) -> Vec<Option<usize>> {
        let opposite = |position: &Option<f64>| {
            let position = (*position)?;
            if self == Self::Error {
                // The first that is as good.
                return second.iter().position(|other| other.is_some_and(|other| other <= position));
            }
            // The last that is not further; before the first one, the first.
            let known = || second.iter().enumerate().filter_map(|(index, other)| Some((index, (*other)?)));
            let reached = known().take_while(|&(_, other)| other <= position * (1.0 + 1e-9)).last();
            reached.or_else(|| known().next()).map(|(index, _)| index)
        };
        first.iter().map(opposite).collect()
    }
}

/// Training time and test error by step, from one pass over the metrics.
struct Measured {
    /// Step of a minibatch; images seen, and the seconds they took: `None` from the first unknown speed on.
    seconds: Vec<(Step, u64, Option<f64>)>,
    /// Step of a test, and its error.
    errors: Vec<(Step, Option<f64>)>,
}

impl Measured {
    fn of(log: &MetricsLog) -> Self {
        let mut measured = Self { seconds: Vec::new(), errors: Vec::new() };
        let (mut total, mut seen) = (Some(0.0), 0);
        for line in &log.lines {
            match line.kind {
                MetricKind::Train => {
                    let images = line.images_seen.saturating_sub(seen);
                    if images > 0 {
                        let is_usable = line.images_per_s.is_finite() && line.images_per_s > 0.0;
                        let more = is_usable.then(|| images as f64 / line.images_per_s);
                        total = total.zip(more).map(|(total, more)| total + more);
                    }
                    seen = seen.max(line.images_seen);
                    measured.seconds.push((line.step, seen, total));
                }
                MetricKind::Test => {
                    let error = line.finite_error().filter(|_| log.is_finite(line));
                    measured.errors.push((line.step, error));
                }
                MetricKind::Views => {}
            }
        }
        measured
    }

    /// Seconds of the minibatches until a checkpoint; none where the speed of one of them is not known.
    fn seconds_until(&self, entry: &CheckpointEntry) -> Option<f64> {
        if entry.step.0 == 0 {
            return Some(0.0);
        }
        let past = self.seconds.partition_point(|&(step, ..)| step <= entry.step);
        let (_, seen, total) = self.seconds[..past].last()?;
        total.filter(|_| *seen > 0)
    }

    /// The latest test error that was measured until a checkpoint.
    fn error_at(&self, entry: &CheckpointEntry) -> Option<f64> {
        let past = self.errors.partition_point(|&(step, _)| step <= entry.step);
        self.errors[..past].last()?.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepviz_net::Metric;
    use std::path::PathBuf;

    fn entry(step: u64) -> CheckpointEntry {
        let (path, hash) = (PathBuf::new(), String::new());
        CheckpointEntry {
            step: Step(step),
            path,
            problem: None,
            epoch: step as f64 / 10.0,
            images_seen: step * 100,
            hash,
        }
    }

    fn line(step: u64, kind: MetricKind, error: f64, images_per_s: f64) -> Metric {
        Metric {
            step: Step(step),
            epoch: step as f64 / 10.0,
            images_seen: step * 100,
            kind,
            loss: Some(1.0),
            error: Some(error),
            rate: None,
            images_per_s,
            not_finite: 0,
        }
    }

    #[test]
    fn the_last_checkpoint_that_is_not_later_corresponds() {
        let first = [Some(0.0), Some(10.0), None, Some(25.0)];
        let second = [Some(5.0), Some(10.0), Some(20.0), Some(30.0)];
        assert_eq!(AlignmentBasis::Step.pairs(&first, &second), [Some(0), Some(1), None, Some(2)]);
        assert_eq!(AlignmentBasis::Step.pairs(&first, &[None]), [None; 4]);
    }

    #[test]
    fn by_error_the_first_checkpoint_that_is_as_good_corresponds() {
        let first = [Some(0.9), Some(0.5), Some(0.1)];
        let second = [Some(0.9), Some(0.6), Some(0.4), Some(0.45)];
        assert_eq!(AlignmentBasis::Error.pairs(&first, &second), [Some(0), Some(2), None]);
    }

    #[test]
    fn time_is_the_sum_over_minibatches() {
        let lines = vec![
            line(0, MetricKind::Test, 0.9, 0.0),
            line(1, MetricKind::Train, 0.8, 50.0),
            line(2, MetricKind::Train, 0.7, 100.0),
            line(2, MetricKind::Test, 0.6, 0.0),
        ];
        let log = MetricsLog { lines, divergence: None, skipped: None };
        let measured = Measured::of(&log);
        assert_eq!(measured.seconds_until(&entry(0)), Some(0.0));
        assert_eq!(measured.seconds_until(&entry(2)), Some(3.0));
        assert_eq!(measured.error_at(&entry(1)), Some(0.9));
        assert_eq!(measured.error_at(&entry(2)), Some(0.6));
        let silent = MetricsLog { lines: vec![line(1, MetricKind::Train, 0.8, 0.0)], divergence: None, skipped: None };
        assert_eq!(Measured::of(&silent).seconds_until(&entry(1)), None);
    }
}
