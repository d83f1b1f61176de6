//! Everything that can go wrong in this crate.

use crate::run_files::SNAPSHOT_FOLDER;
use std::path::{Path, PathBuf};

/// What was tried, what was expected, what was found; the path comes last.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A mistake in deepViz itself, returned as an error instead of a panic.
    #[error("a mistake in deepViz, please report it: {what}")]
    Internal {
        /// What should not have happened.
        what: String,
    },
    /// A recipe that cannot be understood.
    #[error("{}", recipe_message(.location, .layer.as_deref(), .expected, .found, .hint.as_deref()))]
    Recipe {
        /// File and line, or the override that brought the value.
        location: String,
        /// Layer in which it stands.
        layer: Option<String>,
        /// What would have been right.
        expected: String,
        /// What stands there.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A network that cannot be built.
    #[error("{}", network_message(.layer.as_deref(), .expected, .found, .hint.as_deref()))]
    Network {
        /// Layer at fault.
        layer: Option<String>,
        /// What would have been right.
        expected: String,
        /// What was found.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Text that is not TOML at all.
    #[error("{location}: not readable as TOML: {reason}")]
    Syntax {
        /// File and line.
        location: String,
        /// What the TOML reader says.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, e.g. "write the snapshot".
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
        /// Where.
        path: PathBuf,
    },
    /// A file that is damaged or not of the kind expected.
    #[error("cannot use {what}: {reason}: {}", path.display())]
    Damaged {
        /// Kind of file, e.g. "the snapshot".
        what: &'static str,
        /// What is wrong.
        reason: String,
        /// Where.
        path: PathBuf,
    },
    /// A file that a newer deepViz wrote.
    #[error(
        "{what} has format {found}, and this deepViz reads up to {supported}; \
         use a newer deepViz: {}", path.display()
    )]
    NewerFormat {
        /// Kind of file.
        what: &'static str,
        /// Format of the file.
        found: u32,
        /// Newest format known here.
        supported: u32,
        /// Where.
        path: PathBuf,
    },
    /// A folder that is no run.
    #[error("not a run folder (no run.toml in it); expected the folder that `deepviz train --out` wrote: {}", path.display())]
    NotARun {
        /// Where.
        path: PathBuf,
    },
    /// A run that another program trained, asked for how deepViz trains it.
    #[error(
        "the run {name} was not trained by deepViz (its run.toml has no [recipe.train]); it can be looked at, not trained on"
    )]
    TrainedElsewhere {
        /// The run.
        name: String,
    },
    /// A run that deepViz trained, asked to take another program's weights.
    #[error(
        "deepViz trains this run itself (its run.toml has format 1), so it takes no checkpoints of other programs: {}",
        path.display()
    )]
    TrainedHere {
        /// The run folder.
        path: PathBuf,
    },
    /// A run that another process is training.
    #[error("the run is being trained by process {owner}; wait for it or stop it: {}", path.display())]
    Busy {
        /// Id of that process.
        owner: String,
        /// The run folder.
        path: PathBuf,
    },
    /// A step of which there is no snapshot.
    #[error("no snapshot of step {step}; the run has {available}: {}", path.display())]
    NoSnapshot {
        /// The step requested.
        step: u64,
        /// Steps there are, in words.
        available: String,
        /// The run folder.
        path: PathBuf,
    },
    /// A tensor that is missing, superfluous or of another shape.
    #[error("tensor `{name}`: expected {expected}, found {found}")]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// Shape or presence expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A network that Python computes, asked for what only deepViz's own operations have.
    #[error(
        "the gradient of this network is not known: deepViz has no operations for its layers, Python computes them"
    )]
    NoGradients,
    /// The Python process that computes a network cannot be started, has ended, or makes no sense.
    #[error("the Python process (-m deepviz.worker) cannot compute this network: {reason}")]
    Worker {
        /// What is wrong.
        reason: String,
    },
    /// The Python process that computes a network continues, but cannot answer this question.
    #[error("the Python process (-m deepviz.worker) cannot compute this: {reason}")]
    WorkerRefused {
        /// What it says.
        reason: String,
    },
    /// A network that Python computes, without a Python.
    #[error(
        "deepViz has no operations for this network's layers; a Python process has to compute them (--worker python)"
    )]
    NeedsWorker,
    /// A layer name that the network does not have.
    #[error("no layer `{name}`; the network has {known}")]
    NoLayer {
        /// The name requested.
        name: String,
        /// Names there are.
        known: String,
    },
    /// An image, batch or view that does not fit the network.
    #[error("{what}: expected {expected}, found {found}")]
    Input {
        /// What was given.
        what: &'static str,
        /// What the network takes.
        expected: String,
        /// What it got.
        found: String,
    },
    /// A device's memory is too small for what was asked of it.
    #[error("{}", memory_message(.device, *.wanted, *.free, *.fits))]
    DeviceMemory {
        /// The device.
        device: String,
        /// Bytes wanted.
        wanted: usize,
        /// Bytes free.
        free: usize,
        /// Images a batch for which it would do, where that is known.
        fits: Option<usize>,
    },
    /// A device that cannot be used on this machine.
    #[error("device {device} cannot be used: {reason}")]
    Device {
        /// The device requested.
        device: String,
        /// Why not, and what to do.
        reason: String,
    },
}

impl Error {
    pub(crate) const fn internal(what: String) -> Self {
        Self::Internal { what }
    }

    /// A backward pass through a layer that was made for forward passes only.
    pub(crate) fn not_prepared() -> Self {
        Self::internal("a backward pass through a layer that was not prepared for one".into())
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, source, path }
    }

    /// The same with its path relative to the run's folder (`run.toml`, `snapshots/000100.safetensors`), for clients of
    /// the server, which must not learn the server's paths.
    #[must_use]
    pub fn within_run(mut self) -> Self {
        match &mut self {
            Self::Recipe { location, .. } | Self::Syntax { location, .. } => {
                if let Some((_, name)) = location.rsplit_once(['/', '\\']) {
                    *location = name.to_owned();
                }
            }
            Self::Io { path, .. }
            | Self::Damaged { path, .. }
            | Self::NewerFormat { path, .. }
            | Self::NotARun { path }
            | Self::TrainedHere { path }
            | Self::Busy { path, .. }
            | Self::NoSnapshot { path, .. } => *path = within_run(path),
            Self::Internal { .. }
            | Self::TrainedElsewhere { .. }
            | Self::Network { .. }
            | Self::Tensor { .. }
            | Self::NoGradients
            | Self::Worker { .. }
            | Self::WorkerRefused { .. }
            | Self::NeedsWorker
            | Self::NoLayer { .. }
            | Self::Input { .. }
            | Self::DeviceMemory { .. }
            | Self::Device { .. } => {}
        }
        self
    }

    /// Whether the system had no file handle left: nothing is wrong with the file.
    pub fn is_out_of_files(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_out_of_files(source))
    }
}

/// The part of a path that is within its run's folder.
fn within_run(path: &Path) -> PathBuf {
    let name = PathBuf::from(path.file_name().unwrap_or_default());
    let is_snapshot = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == SNAPSHOT_FOLDER);
    if is_snapshot { Path::new(SNAPSHOT_FOLDER).join(name) } else { name }
}

/// Whether the process (EMFILE) or the system (ENFILE) has as many files open as it may.
pub fn is_out_of_files(error: &std::io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

fn memory_message(device: &str, wanted: usize, free: usize, fits: Option<usize>) -> String {
    let mega = |bytes: usize| bytes.div_ceil(1 << 20);
    let hint = match fits {
        Some(0) => "; not even one image fits".to_owned(),
        Some(images) => format!("; a batch of {images} would fit (train.batch in the recipe)"),
        None => "; a smaller batch needs less (train.batch in the recipe)".to_owned(),
    };
    format!("device {device}: {} MB of its memory are wanted, and {} MB are free{hint}", mega(wanted), mega(free))
}

fn network_message(layer: Option<&str>, expected: &str, found: &str, hint: Option<&str>) -> String {
    let layer = layer.map_or_else(String::new, |layer| format!(" layer `{layer}`:"));
    let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
    format!("cannot build the network:{layer} expected {expected}, found {found}{hint}")
}

fn recipe_message(location: &str, layer: Option<&str>, expected: &str, found: &str, hint: Option<&str>) -> String {
    let layer = layer.map_or_else(String::new, |name| format!(", layer `{name}`"));
    let hint = hint.map_or_else(String::new, |text| format!(" ({text})"));
    format!("{location}{layer}: expected {expected}, found {found}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_within_the_run_name_no_parent_folder() {
        let path = || PathBuf::from("/secret/place/run/snapshots/000100.safetensors");
        let damaged = Error::Damaged { what: "the snapshot", reason: "it is cut short".into(), path: path() };
        assert_eq!(
            damaged.within_run().to_string(),
            "cannot use the snapshot: it is cut short: snapshots/000100.safetensors"
        );
        let io = Error::io("read the run", "/secret/place/run/run.toml")(std::io::ErrorKind::NotFound.into());
        assert_eq!(io.within_run().to_string(), "cannot read the run run.toml: entity not found");
        let syntax = Error::Syntax { location: "/secret/place/run.toml:3".into(), reason: "no key".into() };
        assert_eq!(syntax.within_run().to_string(), "run.toml:3: not readable as TOML: no key");
        let run = Error::NotARun { path: "/secret/place/run".into() };
        assert!(run.within_run().to_string().ends_with(": run"));
    }
}
