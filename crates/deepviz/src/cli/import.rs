//! The arguments of `deepviz import`.

use super::{ImageCacheArgs, ReadingArgs, ReportArgs};
use clap::{Args, ValueEnum};
use deepviz_net::checkpoint::Averaging;
use std::path::PathBuf;

/// `deepviz import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Checkpoints: .pt, .pth, .ckpt, .pth.tar, .safetensors, or folders of them; of cuda-convnet the files that it names
    /// by epoch and batch (8.5), or their folder
    #[arg(required = true, value_name = "CHECKPOINT")]
    pub checkpoints: Vec<PathBuf>,
    /// The run folder, which has the network already: recorded by the Python package, or by another program. Of
    /// cuda-convnet a new folder, or one that was imported before
    #[arg(long, value_name = "RUN")]
    pub run: PathBuf,
    /// The program that wrote the checkpoints
    #[arg(long, value_enum, default_value_t = ImportSource::Pytorch)]
    pub from: ImportSource,
    /// Of cuda-convnet: the images that the network was trained on, for a new run
    #[arg(long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// Of cuda-convnet: the batches.meta of its data, whose mean image is subtracted; that of the corpus's training
    /// images when not given
    #[arg(long, value_name = "FILE")]
    pub mean: Option<PathBuf>,
    /// How the corpus's folder is understood.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// The cache of decoded images, and whether images may be left out.
    #[command(flatten)]
    pub image_cache: ImageCacheArgs,
    /// The dictionary that holds the weights, or what their names begin with; found by itself when not given
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    /// Which weights, where a checkpoint has both
    #[arg(long, value_enum, default_value_t = WeightsChoice::Model)]
    pub weights: WeightsChoice,
    /// Updates an epoch, where checkpoints say only the epoch; that of the run's snapshots when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub steps_per_epoch: Option<u64>,
    /// The epochs in checkpoints are indices from 0: the one of epoch 0 is that after the first epoch. Found by itself
    /// where that one is given and holds an optimiser's state
    #[arg(long)]
    pub epochs_from_0: bool,
    /// Replace snapshots of the same step that hold other weights
    #[arg(long)]
    pub replace: bool,
    /// Go on with checkpoints that appear in the folders, until Ctrl-C
    #[arg(long)]
    pub follow: bool,
    /// How to report progress.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// `--from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportSource {
    /// Files of torch.save, and safetensors.
    Pytorch,
    /// cuda-convnet, Nouri's version of it, and cuda-convnet2: their checkpoints hold the network too.
    CudaConvnet,
}

/// `--weights`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WeightsChoice {
    /// The weights that the optimiser changes.
    Model,
    /// Their moving average.
    Ema,
}

impl From<WeightsChoice> for Averaging {
    fn from(choice: WeightsChoice) -> Self {
        match choice {
            WeightsChoice::Model => Self::Plain,
            WeightsChoice::Ema => Self::Ema,
        }
    }
}
