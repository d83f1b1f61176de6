//! The state of a run at one moment, and what changed between two.

use std::collections::BTreeMap;
use std::path::Path;

use deepviz_net::{Metric, Step};

use crate::http::problem::ApiError;
use crate::runs::event::Event;
use crate::runs::file_stamp::FileStamp;
use crate::runs::last_line::find_last;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics::{ReadyStatistics, ready_statistics};

/// The state of a run at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RunFingerprint {
    /// Of run.toml.
    run: Option<FileStamp>,
    /// Hash by step.
    checkpoints: BTreeMap<Step, String>,
    /// Of the database of statistics and its log; `statistics` is only read again when these change.
    store: [Option<FileStamp>; 2],
    statistics: Vec<ReadyStatistics>,
    last_metric: Option<u64>,
    is_live: bool,
}

impl RunFingerprint {
    /// Reads the state of the run; what did not change since `before` is not read again.
    pub(crate) fn of(run: &OpenRun, before: Option<&Self>) -> Result<Self, ApiError> {
        let store = ["", "-wal"].map(|end| FileStamp::of(&run.path.join(format!("{}{end}", deepviz_stats::FILE_NAME))));
        let statistics = match before {
            Some(before) if before.store == store => before.statistics.clone(),
            _ => ready_statistics(run)?,
        };
        let listing = run.listing()?;
        Ok(Self {
            run: run.stamp,
            checkpoints: listing.entries.iter().map(|entry| (entry.step, entry.hash.clone())).collect(),
            store,
            statistics,
            last_metric: last_step(&run.path.join("metrics.jsonl")),
            is_live: run.is_live(),
        })
    }

    fn index_of(&self, step: Step) -> Option<usize> {
        self.checkpoints.keys().position(|known| *known == step)
    }

    /// The events for a client that follows the run from now on.
    pub(crate) fn initial_events(&self) -> Vec<Event> {
        let last = self.checkpoints.keys().next_back();
        let checkpoint = last.map(|step| Event::Checkpoint { index: self.checkpoints.len() - 1, step: step.0 });
        [Event::State { live: self.is_live }]
            .into_iter()
            .chain(checkpoint)
            .chain(self.statistics.last().and_then(|ready| self.statistics_event(ready)))
            .chain(self.last_metric.map(|step| Event::Metrics { step }))
            .collect()
    }

    fn statistics_event(&self, ready: &ReadyStatistics) -> Option<Event> {
        let checkpoint = self.index_of(ready.step)?;
        Some(Event::Statistics { checkpoint, split: ready.split.into() })
    }

    /// The events between this state and a later one.
    pub(crate) fn changes(&self, now: &Self) -> Vec<Event> {
        let removed = self.checkpoints.keys().any(|step| !now.checkpoints.contains_key(step));
        if self.run != now.run || removed {
            return [Event::Reload {}].into_iter().chain(now.initial_events()).collect();
        }
        let mut events = Vec::new();
        for (index, (step, hash)) in now.checkpoints.iter().enumerate() {
            if self.checkpoints.get(step) != Some(hash) {
                events.push(Event::Checkpoint { index, step: step.0 });
            }
        }
        let fresh = now.statistics.iter().filter(|ready| !self.statistics.contains(ready));
        events.extend(fresh.filter_map(|ready| now.statistics_event(ready)));
        if let Some(step) = now.last_metric.filter(|_| now.last_metric != self.last_metric) {
            events.push(Event::Metrics { step });
        }
        if now.is_live != self.is_live {
            events.push(Event::State { live: now.is_live });
        }
        events
    }
}

/// The step of the last whole line.
fn last_step(path: &Path) -> Option<u64> {
    find_last(path, |line| serde_json::from_slice::<Metric>(line).ok()).map(|metric| metric.step.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(steps: &[u64]) -> RunFingerprint {
        RunFingerprint {
            checkpoints: steps.iter().map(|s| (Step(*s), format!("{s}"))).collect(),
            ..RunFingerprint::default()
        }
    }

    #[test]
    fn growth_is_reported_piece_by_piece() {
        let before = seen(&[0, 10]);
        let mut now = seen(&[0, 10, 20]);
        now.last_metric = Some(25);
        now.is_live = true;
        assert_eq!(
            before.changes(&now),
            [Event::Checkpoint { index: 2, step: 20 }, Event::Metrics { step: 25 }, Event::State { live: true }]
        );
        assert_eq!(now.changes(&now), []);
    }

    #[test]
    fn a_replaced_snapshot_is_reported_and_a_lost_one_starts_over() {
        let before = seen(&[0, 10]);
        let mut now = before.clone();
        now.checkpoints.insert(Step(0), "other".to_owned());
        assert_eq!(before.changes(&now), [Event::Checkpoint { index: 0, step: 0 }]);
        assert_eq!(before.changes(&seen(&[10]))[0], Event::Reload {});
    }
}
