//! `deepviz import`: checkpoints of other programs into a run that has their network, or that is made of it.

mod clock;
mod cuda_convnet;
mod follow;
mod importer;
mod pytorch;
mod snapshots;

use anyhow::bail;

use crate::cli::{ImportArgs, ImportSource, WeightsChoice};
use crate::exit_status::ExitStatus;

/// `deepviz import`
pub fn import(args: &ImportArgs) -> anyhow::Result<ExitStatus> {
    match args.from {
        ImportSource::Pytorch => {
            if args.corpus.is_some() || args.mean.is_some() {
                bail!(
                    "--corpus and --mean are of --from cuda-convnet, whose checkpoints make a run; PyTorch's go into a \
                     run that has its network and its images already"
                );
            }
            pytorch::import(args)
        }
        ImportSource::CudaConvnet => {
            let is_averaged = args.weights == WeightsChoice::Ema;
            if args.key.is_some() || args.steps_per_epoch.is_some() || is_averaged {
                bail!(
                    "--key, --weights and --steps-per-epoch are for PyTorch's checkpoints; those of cuda-convnet say where their \
                     weights are and how many updates they had"
                );
            }
            cuda_convnet::import(args)
        }
    }
}
