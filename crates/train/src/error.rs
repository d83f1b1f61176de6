//! Everything that can go wrong while training.

use deepviz_net::{Divergence, Step};
use std::path::PathBuf;

/// The errors of training: what was tried, expected and found; the path comes last.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe, network, device or file of the run folder.
    #[error(transparent)]
    Net(#[from] deepviz_net::Error),
    /// A corpus that this recipe cannot be trained on.
    #[error("corpus `{name}` cannot be trained on: expected {expected}, found {found}")]
    Corpus {
        /// Name of the corpus.
        name: String,
        /// The requirement.
        expected: String,
        /// The corpus as it is.
        found: String,
    },
    /// A network that cannot be made for the corpus's images and classes.
    #[error("{source}; the corpus has {corpus}: {}", path.display())]
    NetworkMismatch {
        /// The error of the network.
        source: Box<deepviz_net::Error>,
        /// Its images and classes, in words.
        corpus: String,
        /// Its path.
        path: PathBuf,
    },
    /// A setting outside of what makes sense.
    #[error("{setting}: expected {expected}, found {found}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// The allowed values.
        expected: String,
        /// The given value.
        found: String,
    },
    /// The folder to write to already holds something.
    #[error(
        "the folder already holds {found}; give --resume to continue the run, or another folder: {}",
        path.display()
    )]
    NotEmpty {
        /// Its content.
        found: String,
        /// The folder.
        path: PathBuf,
    },
    /// A run that was started otherwise than it is now to be resumed.
    #[error(
        "cannot resume: the run was started with {what} {expected}, now it is {found}; \
         {hint}: {}", path.display()
    )]
    Changed {
        /// The setting that differs.
        what: String,
        /// The run folder's value.
        expected: String,
        /// The value given now.
        found: String,
        /// A remedy, as a sentence.
        hint: &'static str,
        /// The run folder.
        path: PathBuf,
    },
    /// The corpus has other classes than the run was started with.
    #[error(
        "cannot resume: the corpus has other classes than the run was started with: {difference}; give the corpus as it \
         was, or start a new run: {}", path.display()
    )]
    OtherClasses {
        /// The classes that differ, and how.
        difference: String,
        /// The run folder.
        path: PathBuf,
    },
    /// The thread that wrote a snapshot ended without saying why.
    #[error("the snapshot of step {step} was not written: its thread panicked; resume the run with --resume")]
    Writer {
        /// The snapshot's step.
        step: u64,
    },
    /// Reading or writing failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation that failed.
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
        /// The path.
        path: PathBuf,
    },
    /// Loss, weights or outputs are no finite numbers any more.
    #[error(
        "training diverged at step {}: {}; a lower learning rate (now {:?}) or smaller initial weights may help",
        .0.step, .0.found, .0.rate.unwrap_or_default()
    )]
    Diverged(Divergence),
    /// A run that diverged before, and would again.
    #[error(
        "cannot resume: the run diverged at step {step}: {found}; the same steps would end the same way, so start a \
         new run with a lower learning rate (this one had {rate:?}) or smaller initial weights: {}", path.display()
    )]
    ResumeDiverged {
        /// The step after which the numbers are not finite.
        step: Step,
        /// The numbers that are not finite.
        found: String,
        /// Learning rate of the last update.
        rate: f64,
        /// The run folder.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, source, path }
    }
}
