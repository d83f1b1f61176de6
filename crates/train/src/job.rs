//! A training job, and the events that are reported while it runs.

use deepviz_corpus::Corpus;
use deepviz_net::{Device, Divergence, Metric, Recipe, RunInfo, Step};
use std::path::PathBuf;
use std::sync::Arc;

/// One run to be trained.
#[derive(Clone)]
pub struct Job {
    /// The network and its training.
    pub recipe: Recipe,
    /// On which images.
    pub corpus: Arc<Corpus>,
    /// The run folder to write.
    pub out: PathBuf,
    /// The device that computes.
    pub device: Device,
    /// Seed of everything random; the recipe's if none is given.
    pub seed: Option<u64>,
    /// Resume the run in the folder, if there is one.
    pub resume: bool,
    /// Train on this many images, drawn at random from the training split, not on all.
    pub limit_images: Option<u64>,
}

/// The end of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The schedule is done.
    Finished {
        /// The last step.
        step: Step,
    },
    /// The stop flag was raised; a snapshot of this step was written.
    Stopped {
        /// The step reached.
        step: Step,
    },
}

/// An event of a training.
#[derive(Clone, Debug)]
pub enum Event {
    /// The run folder is complete and training begins.
    Started {
        /// The content of run.toml.
        info: Box<RunInfo>,
        /// Step of the snapshot from which it continues, if it does.
        resumed: Option<Step>,
    },
    /// A step was done: loss and error of its minibatch.
    Step(Metric),
    /// The test split was measured; the metric's kind says on which views.
    Test(Metric),
    /// A snapshot was written.
    Snapshot {
        /// Its step.
        step: Step,
        /// Its file.
        path: PathBuf,
        /// Its hash.
        hash: String,
    },
    /// The run diverged, which is written down; training ends with an error.
    Diverged(Divergence),
    /// Training ended.
    Finished(Outcome),
}

/// Receives the events of a training.
pub trait Observer {
    /// Called from the training thread, in order; training waits for it.
    fn event(&mut self, event: &Event);
}

impl<F: FnMut(&Event)> Observer for F {
    fn event(&mut self, event: &Event) {
        self(event);
    }
}
