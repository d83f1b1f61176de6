//! The snapshot at hand: its splits follow each other, so it is read once.

use std::sync::Arc;

use deepviz_net::{CheckpointEntry, Model, Parameters, Run, Step};

use crate::control::Control;
use crate::error::Error;
use crate::job::Job;
use crate::store::{Store, WeightRecord};
use crate::weights;

/// The run folder's entry of a step.
pub(crate) fn entry_of(run: &Run, step: Step) -> Option<CheckpointEntry> {
    run.checkpoints().into_iter().find(|entry| entry.step == step)
}

/// A snapshot with its network, ready to be applied.
pub(crate) struct Loaded {
    pub step: Step,
    /// Hash of the file that was read.
    pub hash: String,
    pub model: Arc<Model>,
    parameters: Parameters,
    /// The numbers of its weights, where they are not in the store.
    pub weights: Option<WeightRecord>,
}

impl Loaded {
    /// Reads a snapshot; `last` is the one that was loaded before, whichever it was.
    pub(crate) fn read(
        job: &Job<'_>,
        store: &Store,
        step: Step,
        last: Option<Self>,
        control: &mut Control<'_>,
    ) -> Result<Self, Error> {
        let snapshot = job.run.snapshot(step)?;
        if let Some(name) = snapshot.parameters.first_not_finite() {
            return Err(Error::WeightsNotFinite { name: name.to_owned() });
        }
        let usable = job.run.checkpoints().into_iter().filter(|entry| entry.problem.is_none());
        let previous = usable.take_while(|entry| entry.step < step).last();
        let previous_hash = previous.as_ref().map(|entry| entry.hash.clone()).unwrap_or_default();
        let is_there = || store.has_weights(step, &snapshot.hash, &previous_hash);
        let weights = if control.retry_while_busy(is_there)? {
            None
        } else {
            let before = match (last.filter(|last| last.hash == previous_hash), previous) {
                (Some(last), _) => Some(last.parameters),
                // One that cannot be read is a gap of its own.
                (None, Some(entry)) => job.run.snapshot(entry.step).ok().map(|snapshot| snapshot.parameters),
                (None, None) => None,
            };
            let arrays = weights::numbers_of(job.run.info(), job.run.network(), &snapshot, before.as_ref());
            Some(WeightRecord { previous_hash, arrays })
        };
        let model = Model::from_snapshot(Arc::clone(job.run.network()), &snapshot, &job.device)?;
        Ok(Self { step, hash: snapshot.hash, model: Arc::new(model), parameters: snapshot.parameters, weights })
    }
}
