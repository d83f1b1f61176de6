//! The errors of this crate.

use std::path::PathBuf;

use crate::observer::Blocker;

/// Everything that can go wrong while computing, storing or reading statistics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The ablation effects of filters could not be computed.
    #[error(transparent)]
    Ablation(Box<deepviz_attribution::Error>),
    /// A layer computed other values than its shape says.
    #[error("layer {layer} put out other values than its shape says")]
    Layer {
        /// The layer.
        layer: String,
    },
    /// Statistics of other images.
    #[error(
        "expected statistics of the {expected} images of the split at both checkpoints, found those of {first} and {second} \
         images, or of others; `deepviz stats` over the same corpus computes them anew"
    )]
    OtherImages {
        /// Images of the first.
        first: usize,
        /// Images of the second.
        second: usize,
        /// Images of the split.
        expected: usize,
    },
    /// The database could not be opened, read or written.
    #[error("cannot {tried} the statistics: {source} ({})", path.display())]
    Database {
        /// The operation that failed: `read`, `write`, `open`.
        tried: &'static str,
        /// The error of `SQLite`.
        source: rusqlite::Error,
        /// The database.
        path: PathBuf,
    },
    /// There is no space for the numbers.
    #[error(
        "the disk is full: the statistics of a unit could not be written; what was written before is kept, so make \
         room and run `deepviz stats` again ({})",
        path.display()
    )]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// The file or its folder is read-only, or is not there, or the disk does not take the bytes.
    #[error(
        "cannot {tried} the statistics: {source}; is the folder there, may it be written, and is there room on the disk? \
         What was written before is kept; then run `deepviz stats` again ({})",
        path.display()
    )]
    Unwritable {
        /// The operation that failed.
        tried: &'static str,
        /// The error of `SQLite`.
        source: rusqlite::Error,
        /// The database.
        path: PathBuf,
    },
    /// The network computes something else here than where it was trained.
    #[error(
        "the outputs of run {name} differ from those that were recorded with it: by {difference:.1e} of the largest, at \
         most 1.0e-3 is expected; no statistics are computed, for they would not be those of the recorded network. Are \
         the images those that it was trained on, with its mean and deviation? Record the run anew, or report it"
    )]
    OtherOutputs {
        /// The run.
        name: String,
        /// The largest difference, as a share of the largest recorded output.
        difference: f64,
    },
    /// Another process is writing the database just now.
    #[error("the statistics are busy: another process is writing them just now; try again in a while ({})", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// Another process has kept this one waiting for longer than the job allows.
    #[error(
        "gave up after waiting {limit_s} s for {blocker}; what was computed is kept, so run `deepviz stats` again, or \
         wait longer (--wait)"
    )]
    StillBlocked {
        /// What was waited for.
        blocker: Box<Blocker>,
        /// The limit.
        limit_s: u64,
    },
    /// The caller asked to stop while another process was waited for; [`crate::compute`] and [`crate::follow`] tell it
    /// in their summary instead.
    #[error("stopped while another process was waited for")]
    Stopped,
    /// A file to be merged that is not there or is still empty.
    #[error("there are no units to merge; `deepviz stats unit` writes such a file ({})", path.display())]
    NoUnits {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, or is no database at all.
    #[error(
        "the statistics are damaged: {found}; they hold derived numbers only, so delete {} (and the files \
         beside it that end in -wal and -shm) and run `deepviz stats` to compute them again",
        path.display()
    )]
    Corrupt {
        /// The fault.
        found: String,
        /// The database.
        path: PathBuf,
    },
    /// The file is a database of another program.
    #[error(
        "this database is not deepViz's: its application id is {found:#010x}, expected {expected:#010x}; move it \
         away and run `deepviz stats` ({})",
        path.display()
    )]
    Foreign {
        /// The application id in the file.
        found: i32,
        /// deepViz's.
        expected: i32,
        /// The database.
        path: PathBuf,
    },
    /// The database was written by a newer deepViz.
    #[error(
        "the statistics have format {found}, this deepViz knows up to {known}: use a newer deepViz, or delete the \
         file and run `deepviz stats` to compute them again ({})",
        path.display()
    )]
    Newer {
        /// The format in the file.
        found: i64,
        /// The newest that this program knows.
        known: usize,
        /// The database.
        path: PathBuf,
    },
    /// The database was written by an older deepViz and is opened for reading only.
    #[error(
        "the statistics have the older format {found}, expected {expected}: run `deepviz stats` once to bring them up \
         to date ({})",
        path.display()
    )]
    Older {
        /// The format in the file.
        found: i64,
        /// The one that this program reads.
        expected: usize,
        /// The database.
        path: PathBuf,
    },
    /// The migrations themselves failed.
    #[error("cannot bring the statistics up to date: {source} ({})", path.display())]
    Migration {
        /// Why.
        source: rusqlite_migration::Error,
        /// The database.
        path: PathBuf,
    },
    /// The corpus is not the one that the run was trained on.
    #[error(
        "the corpus {name} is not the one of this run: its {what} is {found}, expected {expected}; give the corpus that \
         the run was trained on"
    )]
    OtherCorpus {
        /// The corpus given.
        name: String,
        /// The property that differs.
        what: &'static str,
        /// Its value in the corpus.
        found: String,
        /// Its value in the run.
        expected: String,
    },
    /// The corpus has other classes than the run was trained on.
    #[error(
        "the corpus {name} is not the one of this run: {difference}; give the corpus that the run was trained on, as it \
         was then"
    )]
    OtherClasses {
        /// The corpus given.
        name: String,
        /// The classes that differ, and how.
        difference: String,
    },
    /// A layer that the network does not have.
    #[error("the network has no layer {layer:?} to cluster; it has {known}")]
    UnknownLayer {
        /// The name requested.
        layer: String,
        /// The names there are.
        known: String,
    },
    /// A number in the job that cannot be.
    #[error("{what} is {found}, expected {expected}")]
    BadJob {
        /// The setting.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The allowed values.
        expected: &'static str,
    },
    /// Rows that cannot be clustered, or outputs that are no numbers.
    #[error(
        "{what} of {found} of {images} images are not finite numbers; the training diverged before this snapshot \
         (a smaller learning rate helps)"
    )]
    NotFinite {
        /// The values, e.g. `the outputs of fc10`.
        what: String,
        /// Number of images with such values.
        found: usize,
        /// Number of images looked at.
        images: usize,
    },
    /// Weights that are no numbers: whatever the network says is none either.
    #[error(
        "weights of `{name}` are not finite; the training diverged before this snapshot (a smaller learning rate helps)"
    )]
    WeightsNotFinite {
        /// The array.
        name: String,
    },
    /// Rows so far apart that their distances are no numbers.
    #[error("the outputs of {layer} are too large to be clustered: their distances are not finite")]
    TooFarApart {
        /// The layer.
        layer: String,
    },
    /// k-means refused to work.
    #[error("k-means over {rows} rows failed: {reason}")]
    Clustering {
        /// The number of rows.
        rows: usize,
        /// Its message.
        reason: String,
    },
    /// The threads for the work could not be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// Number of threads.
        threads: usize,
        /// Why not.
        reason: String,
    },
    /// Reading a snapshot or applying the network.
    #[error(transparent)]
    Net(#[from] deepviz_net::Error),
}

impl From<deepviz_attribution::Error> for Error {
    fn from(error: deepviz_attribution::Error) -> Self {
        Self::Ablation(Box::new(error))
    }
}

impl Error {
    /// The same with its file named as it lies in the run's folder: see [`deepviz_net::Error::within_run`].
    #[must_use]
    pub fn within_run(mut self) -> Self {
        match &mut self {
            Self::Database { path, .. }
            | Self::Full { path }
            | Self::Unwritable { path, .. }
            | Self::Busy { path }
            | Self::NoUnits { path }
            | Self::Corrupt { path, .. }
            | Self::Foreign { path, .. }
            | Self::Newer { path, .. }
            | Self::Older { path, .. }
            | Self::Migration { path, .. } => *path = path.file_name().unwrap_or_default().into(),
            Self::Net(_)
            | Self::Ablation(_)
            | Self::StillBlocked { .. }
            | Self::Stopped
            | Self::OtherCorpus { .. }
            | Self::OtherClasses { .. }
            | Self::OtherImages { .. }
            | Self::Layer { .. }
            | Self::OtherOutputs { .. }
            | Self::UnknownLayer { .. }
            | Self::BadJob { .. }
            | Self::NotFinite { .. }
            | Self::WeightsNotFinite { .. }
            | Self::TooFarApart { .. }
            | Self::Clustering { .. }
            | Self::Threads { .. } => {}
        }
        match self {
            Self::Net(error) => Self::Net(error.within_run()),
            other => other,
        }
    }
}
