//! The arguments of `deepviz stats`.

use super::{CheckpointChoice, ComputeArgs, ImageCacheArgs, MetricChoice, ReportArgs, SplitChoice, WaitArgs};
use clap::{Args, Subcommand};
use deepviz_stats::Kmeans;
use std::path::PathBuf;

/// `deepviz stats`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub struct StatsArgs {
    /// A subcommand that computes or merges separate files.
    #[command(subcommand)]
    pub command: Option<StatsCommand>,
    /// The run folder
    #[arg(required = true)]
    pub run: Option<PathBuf>,
    /// What to compute.
    #[command(flatten)]
    pub options: StatsOptions,
    /// Follow a run that is being trained until it ends
    #[arg(long)]
    pub watch: bool,
    /// Compute again what is computed already
    #[arg(long, conflicts_with = "watch")]
    pub force: bool,
    /// The time to wait for other processes.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `deepviz stats …`
#[derive(Debug, Subcommand)]
pub enum StatsCommand {
    /// Compute one checkpoint's statistics into a file of their own
    Unit(StatsUnitArgs),
    /// Merge such files into a run's statistics
    Merge(StatsMergeArgs),
    /// Print the checkpoints whose statistics are missing, one a line: what `stats unit --checkpoint` takes
    Plan(StatsPlanArgs),
}

/// `deepviz stats plan`
#[derive(Debug, Args)]
pub struct StatsPlanArgs {
    /// The run folder
    pub run: PathBuf,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub split: SplitChoice,
}

/// `deepviz stats unit`
#[derive(Debug, Args)]
pub struct StatsUnitArgs {
    /// The run folder
    pub run: PathBuf,
    /// Which checkpoint, counted from 0, or `last`
    #[arg(long, value_name = "N|last")]
    pub checkpoint: CheckpointChoice,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// What to compute.
    #[command(flatten)]
    pub options: StatsOptions,
}

/// `deepviz stats merge`
#[derive(Debug, Args)]
pub struct StatsMergeArgs {
    /// The run folder
    pub run: PathBuf,
    /// Files that `deepviz stats unit` wrote
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The time to wait for other processes.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// How to report progress.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What to compute, on which device, and from which corpus.
#[derive(Debug, Args)]
pub struct StatsOptions {
    /// The corpus, where it is no longer where the run recorded it
    #[arg(long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// The cache of decoded images, and whether images may be left out.
    #[command(flatten)]
    pub image_cache: ImageCacheArgs,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub split: SplitChoice,
    /// Where to compute and with how many threads.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// The Python, with the package deepviz, that applies networks that deepViz cannot compute itself
    #[arg(long, value_name = "PYTHON", env = "DEEPVIZ_PYTHON", default_value = "python3")]
    pub worker: PathBuf,
    /// Clusters per checkpoint
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub clusters: usize,
    /// Images kept nearest to each centre
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub nearest: usize,
    /// Images kept for each filter: the ones that activate it most
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub top: usize,
    /// Also compute what each class loses when a filter is set to zero, and to its mean, for every filter of every layer,
    /// over this many test images (2000 when no number is given)
    #[arg(long, value_name = "IMAGES", num_args = 0..=1, default_missing_value = "2000", require_equals = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub ablation: Option<u32>,
    /// Layers whose filters' activity and top images are kept: names separated by commas, `*` for anything in them; by
    /// default all, or the ends of modules where there are more than 32,768 channels
    #[arg(long, value_name = "NAMES")]
    pub layers: Option<String>,
    /// Cluster this layer's outputs (repeatable); by default the features by cosine and the logits by Euclidean distance
    #[arg(long, value_name = "NAME")]
    pub cluster_layer: Vec<String>,
    /// Distance for the layers given with --cluster-layer
    #[arg(long, value_enum, default_value_t = MetricChoice::Euclidean, requires = "cluster_layer")]
    pub metric: MetricChoice,
    /// Whose k-means: our vectorised one, or linfa-clustering's
    #[arg(long, value_name = "lloyd|linfa", default_value_t)]
    pub kmeans: Kmeans,
    /// How to report progress.
    #[command(flatten)]
    pub report: ReportArgs,
}
