//! The units of a job of which something is missing.

use deepviz_corpus::Split;
use deepviz_net::CheckpointEntry;

use crate::computation::{Computation, Failure};
use crate::control::Control;
use crate::error::Error;
use crate::store::UnitId;

/// A unit of which something is missing.
pub(crate) struct Task {
    pub unit: UnitId,
    /// True when the outputs themselves are missing.
    pub is_new: bool,
    /// Indices of the job's cluster sets that are missing.
    pub sets: Vec<usize>,
    /// Indices of the network's layers whose activity is missing.
    pub layers: Vec<usize>,
    /// Indices of the network's layers whose filters' ablation effects are missing.
    pub ablations: Vec<usize>,
}

impl Task {
    /// Whether the network has to be applied to all images.
    pub fn needs_outputs(&self) -> bool {
        self.is_new || !self.sets.is_empty() || !self.layers.is_empty()
    }
}

impl Computation<'_> {
    /// The units of which something is missing, in the order of work. Unreadable snapshots are recorded as failed.
    pub(crate) fn plan(&mut self, control: &mut Control<'_>) -> Result<Vec<Task>, Error> {
        let mut tasks = Vec::new();
        let splits = self.job.ordered_splits();
        for entry in self.job.run.checkpoints() {
            if !self.is_wanted(&entry) {
                continue;
            }
            for &split in &splits {
                let unit = UnitId { step: entry.step, split };
                if self.done.contains(&unit) {
                    continue;
                }
                if let Some(problem) = &entry.problem {
                    self.done.insert(unit);
                    let failure = Failure { snapshot_hash: &entry.hash, problem: problem.clone() };
                    self.failed(unit, failure, control)?;
                } else if let Some(task) = self.task(&entry, split, control)? {
                    tasks.push(task);
                } else {
                    self.done.insert(unit);
                    self.summary.up_to_date += 1;
                }
            }
        }
        Ok(tasks)
    }

    /// The missing parts of a unit; `None` where it is complete.
    pub(crate) fn task(
        &self,
        entry: &CheckpointEntry,
        split: Split,
        control: &mut Control<'_>,
    ) -> Result<Option<Task>, Error> {
        let unit = UnitId { step: entry.step, split };
        let recorded = control.retry_while_busy(|| self.store.recorded(entry.step, split))?;
        let usable = recorded.filter(|unit| {
            unit.is_ready && unit.snapshot_hash == entry.hash && unit.corpus_hash == self.job.corpus.identity()
        });
        let all = 0..self.job.cluster_layers.len();
        let task = match usable {
            Some(recorded) if !self.job.force => {
                let has = |index: &usize| {
                    let (layer, metric) = &self.job.cluster_layers[*index];
                    recorded.sets.iter().any(|(l, m, clusters, nearest)| {
                        (l, m, *clusters, *nearest) == (layer, metric, self.job.clusters, self.job.nearest)
                    })
                };
                let sets = all.filter(|index| !has(index)).collect();
                let name = |layer: &usize| &self.job.run.network().layers()[*layer].name;
                let chosen = self.job.activity_layers.iter().copied();
                let layers = chosen.filter(|layer| !recorded.layers.contains(name(layer))).collect();
                let is_missing = |layer: &usize| {
                    let sample = self.job.ablation.unwrap_or_default();
                    !recorded.ablations.contains(&(name(layer).clone(), sample))
                };
                let ablations = self.ablated_layers(split).into_iter().filter(is_missing).collect();
                Task { unit, is_new: false, sets, layers, ablations }
            }
            _ => Task {
                unit,
                is_new: true,
                sets: all.collect(),
                layers: self.job.activity_layers.clone(),
                ablations: self.ablated_layers(split),
            },
        };
        Ok((task.needs_outputs() || !task.ablations.is_empty()).then_some(task))
    }

    /// The layers whose filters' ablation effects are wanted of a split; only the test split has them.
    fn ablated_layers(&self, split: Split) -> Vec<usize> {
        match self.job.ablation {
            Some(_) if split == Split::Test => deepviz_attribution::ablation::layers(self.job.run.network()),
            _ => Vec::new(),
        }
    }

    /// True when an earlier checkpoint of the split is still to be computed.
    pub(crate) fn has_gap_before(&self, task: &Task, control: &mut Control<'_>) -> Result<bool, Error> {
        let corpus_hash = self.job.corpus.identity();
        for entry in self.job.run.checkpoints().into_iter().filter(|entry| entry.step < task.unit.step) {
            if entry.problem.is_some() || !self.is_wanted(&entry) {
                continue;
            }
            let recorded = control.retry_while_busy(|| self.store.recorded(entry.step, task.unit.split))?;
            if !recorded.is_some_and(|unit| unit.snapshot_hash == entry.hash && unit.corpus_hash == corpus_hash) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_wanted(&self, entry: &CheckpointEntry) -> bool {
        self.job.steps.as_ref().is_none_or(|steps| steps.contains(&entry.step))
    }
}
