//! Divergence: weights and class probabilities must be finite.
//!
//! The loss of every minibatch tells of the weights before its update. What the last update did, before a snapshot or
//! at the end, no loss tells any more; these checks find it.

use crate::error::Error;
use deepviz_net::{Divergence, DivergenceKind, NotFinite, RunInfo, Snapshot, Step};

/// Images of which some have no finite class probabilities.
pub(crate) struct NotFiniteImages {
    pub count: u64,
    pub of: usize,
    /// Which images, in words.
    pub images: &'static str,
}

/// Refuses images without finite probabilities, which the network has after a step.
pub(crate) fn refuse_not_finite(info: &RunInfo, step: Step, found: &NotFiniteImages) -> Result<(), Error> {
    let NotFiniteImages { count, of, images } = found;
    if *count == 0 {
        return Ok(());
    }
    let found = format!("{count} of {of} {images} have no finite class probabilities");
    Err(diverged(info, step, NotFinite::Outputs, found))
}

/// The error that ends a run: as it is after a step it is of no use any more.
pub(crate) fn diverged(info: &RunInfo, step: Step, what: NotFinite, found: String) -> Error {
    let rate = info.training.as_ref().map(|training| {
        let last = step.0.saturating_sub(1);
        training.spec.schedule.rates(last, training.steps_per_epoch).weight
    });
    Error::Diverged(Divergence {
        step,
        epoch: info.epoch_of(step),
        images_seen: info.images_seen(step),
        kind: DivergenceKind::Diverged,
        what,
        found,
        rate,
    })
}

/// Names the first parameter or optimiser state of a snapshot that is not finite.
pub(crate) fn not_finite_in(snapshot: &Snapshot) -> Option<String> {
    let weights = snapshot.parameters.first_not_finite().map(|name| format!("weights of `{name}` are not finite"));
    let state = || snapshot.optimizer.first_not_finite();
    weights.or_else(|| state().map(|name| format!("the optimiser's state of `{name}` is not finite")))
}
