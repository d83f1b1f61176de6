//! The training loop: order of the images, augmentation, schedule, metrics, when to snapshot, resume. The steps
//! themselves are those of [`deepviz_net::Trainer`], on whichever device.
//!
//! [`train`] turns a recipe and a corpus into a run folder. Everything random at a step is a function
//! of the seed, the step and the image, and nothing that lasts from one step to the next lives
//! outside a snapshot; that is why a run that was killed continues to the very same bytes.

mod augmentation;
mod divergence;
mod error;
mod evaluate;
mod images;
mod job;
mod metrics_log;
mod run;
mod sampler;
mod snapshot_writer;
mod speed;
mod start;

pub use error::Error;
pub use job::{Event, Job, Observer, Outcome};
pub use run::train;

#[cfg(test)]
mod tests;
