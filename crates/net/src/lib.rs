//! Network graphs, layers forward and backward, recipes, snapshots and the run folder.
//!
//! This crate knows shapes and files and nothing of corpora, HTTP or the command line.
//!
//! Modules use those before them, never those after:
//!
//! `random` <- `shape` <- `run_files` <- `error` <- `bounded` <- `table` <- `device` <- `init` <- `ops` <- `input` <- `network` <- `parameters` <- `connections` <- `output` <- `execute` <- `optimiser` <- `training_spec` <- `divergence` <- `metrics` <- `recipe` <- `snapshot` <- `checkpoint` <- `image_statistics` <- `run` <- `trace` <- `model` <- `trainer` <- `profile`
//!
//! Letters, fixed once for the whole crate: `n` batch, `c` channels in, `k` filters (channels
//! out), `h w` input height and width, `oh ow` output height and width, `r s` kernel height and
//! width. Files and the public interface speak channels x height x width and filters x channels x
//! height x width; inside the compute a layout is chosen by measurement.

mod bounded;
pub mod checkpoint;
mod connections;
mod device;
mod divergence;
mod error;
mod execute;
mod image_statistics;
mod init;
mod input;
mod metrics;
mod model;
mod network;
pub mod ops;
mod optimiser;
mod output;
mod parameters;
pub mod profile;
pub mod random;
pub mod recipe;
pub mod run;
mod run_files;
mod shape;
pub mod snapshot;
mod table;
mod trace;
mod trainer;
mod training_spec;

pub mod cuda {
    //! GPUs: the device and its libraries.

    pub use crate::device::cuda::{Cuda, DeviceInfo, Library, libraries};
}

pub use connections::{Connection, Connections, Unit};
pub use device::{Cpu, Device, VectorLevel, Worker};
pub use divergence::{Divergence, DivergenceKind, NotFinite};
pub use error::{Error, is_out_of_files};
pub use execute::{Batch, BatchResult, ChannelEdit, Engine, RectifierRule};
pub use image_statistics::{InputStatistics, whiten};
pub use init::{Fan, Init, Rest};
pub use input::{Cutout, InputSpec, InputTransform, Preprocess, View};
pub use metrics::{Metric, MetricKind, MetricsLog, SkippedLines};
pub use model::{CompiledNetwork, Model};
pub use network::{Layer, Network, NetworkBuilder, Patch};
pub use ops::{Op, ParameterSpec, Role};
pub use optimiser::TrainingState;
pub use output::{ChannelSums, LayerOutput};
pub use parameters::Parameters;
pub use recipe::Recipe;
pub use run::{CheckpointEntry, CorpusInfo, Run, RunInfo, RunLock, RunTraining};
pub use shape::{Shape, Step};
pub use snapshot::Snapshot;
pub use trace::{Backward, Edits, Trace};
pub use trainer::{Evaluator, InitialState, PendingDownload, StateCopy, Trainer, TrainingStep};
pub use training_spec::TrainingSpec;
