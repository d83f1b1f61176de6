//! The training loop: batches, augmentation, optimiser and schedule, metrics, when to snapshot, resume.
//!
//! [`train`] turns a recipe and a corpus into a run folder. Everything random at a step is a function
//! of the seed, the step and the image, and nothing that lasts from one step to the next lives
//! outside a snapshot; that is why a run that was killed goes on to the very same bytes.

mod augmentation;
mod divergence;
mod error;
mod evaluate;
mod executor;
mod images;
mod job;
mod metrics_log;
mod run;
mod sampler;
mod save;
mod speed;
mod start;

pub use error::Error;
pub use job::{Event, Job, Observer, Outcome};
pub use run::train;

#[cfg(test)]
mod tests;
