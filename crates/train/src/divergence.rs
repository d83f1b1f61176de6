//! Divergence: weights and class probabilities must be finite.
//!
//! The loss of every minibatch tells of the weights before its update. What the last update did, before a snapshot or
//! at the end, no loss tells any more; it is looked at here.

use crate::error::Error;
use crate::evaluate::Evaluation;
use crate::run::Trainer;
use deepviz_net::recipe::TestViews;
use deepviz_net::{Divergence, DivergenceKind, NotFinite, Snapshot, Step};
use std::ops::Range;

impl Trainer<'_> {
    /// Refuses weights that are not finite, where they are the host's. On a device they are looked at on their way out.
    pub(crate) fn check_weights(&self) -> Result<(), Error> {
        let snapshot = &self.start.snapshot;
        let found = not_finite_in(snapshot);
        found.map_or(Ok(()), |found| Err(self.diverged(snapshot.step, NotFinite::Weights, found)))
    }

    /// Applies the network as it is now to the last minibatch, whose loss was taken before its update.
    pub(crate) fn check_outputs(&self) -> Result<(), Error> {
        let Some(last) = self.start.snapshot.step.0.checked_sub(1) else { return Ok(()) };
        let order = self.start.sampler.epoch(last / self.start.info.steps_per_epoch);
        let ids = &order[self.minibatch(last, order.len())];
        let (network, corpus) = (&self.start.network, &*self.job.corpus);
        let evaluator = self.executor.evaluator(&self.start.snapshot.parameters)?;
        let evaluation = Evaluation { network, corpus, images: self.images, evaluator, views: TestViews::Centre };
        self.refuse_not_finite(evaluation.not_finite(ids)?, ids.len(), "images of the last minibatch")
    }

    /// The places of a step's images in their epoch's order of so many images.
    pub(crate) fn minibatch(&self, step: u64, images: usize) -> Range<usize> {
        let batch = self.job.recipe.train.batch;
        let first = (step % self.start.info.steps_per_epoch) as usize * batch;
        first..images.min(first + batch)
    }

    /// Refuses images without finite probabilities.
    pub(crate) fn refuse_not_finite(&self, count: u64, of: usize, images: &str) -> Result<(), Error> {
        if count == 0 {
            return Ok(());
        }
        let found = format!("{count} of {of} {images} have no finite class probabilities");
        Err(self.diverged(self.start.snapshot.step, NotFinite::Outputs, found))
    }

    /// The run as it is after a step is of no use any more.
    pub(crate) fn diverged(&self, step: Step, what: NotFinite, found: String) -> Error {
        let info = &self.start.info;
        let rates = self.job.recipe.train.rates(step.0.saturating_sub(1), info.steps_per_epoch);
        Error::Diverged(Divergence {
            step,
            epoch: info.epoch_of(step),
            images_seen: info.images_seen(step),
            kind: DivergenceKind::Diverged,
            what,
            found,
            rate: rates.weight,
        })
    }
}

/// Names the first parameter or optimiser state of a snapshot that is not finite.
pub(crate) fn not_finite_in(snapshot: &Snapshot) -> Option<String> {
    let weights = snapshot.parameters.first_not_finite().map(|name| format!("weights of `{name}` are not finite"));
    let state = || snapshot.optimizer.first_not_finite();
    weights.or_else(|| state().map(|name| format!("the optimiser's state of `{name}` is not finite")))
}
