//! What can be typed: every command, option and default of the binary.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use deepviz_net::VectorLevel;
use deepviz_stats::Kmeans;

/// See a convolutional image classifier learn.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say more on stderr (-v, -vv); `RUST_LOG` overrides it
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a small network on generated shapes and watch it learn in the browser
    Demo(DemoArgs),
    /// Train a network and keep snapshots of it
    Train(TrainArgs),
    /// Compute the statistics of a run's snapshots: confusion, probabilities, clusters
    Stats(StatsArgs),
    /// Serve the dashboard and the REST interface over one or more runs
    Serve(ServeArgs),
    /// Draw one sheet of filters or activations into a PNG file
    Render(RenderArgs),
    /// Print what a run, a snapshot, a recipe or a corpus holds
    Inspect(InspectArgs),
    /// Make, fetch or describe a corpus
    #[command(subcommand)]
    Corpus(CorpusCommand),
    /// Say what this machine has, and check its arithmetic
    Doctor(DoctorArgs),
}

/// An address of this machine. Names are not looked up, but everyone's own is known.
fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost").map_or_else(|| text.to_owned(), |rest| format!("127.0.0.1{rest}"));
    numeric.parse().map_err(|_| "expected HOST:PORT with the host in numbers, such as 127.0.0.1:7878".to_owned())
}

/// `deepviz demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where the corpus and the run are kept; used again when it exists
    #[arg(long, value_name = "DIR", default_value = ".demo")]
    pub dir: PathBuf,
    /// Address to serve on; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7878", value_parser = address)]
    pub addr: SocketAddr,
    /// Train for this many epochs instead of the recipe's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub epochs: Option<u64>,
    /// Images to generate, training and test, where the folder holds no corpus yet
    #[arg(long, value_name = "N", default_value_t = 8_000)]
    pub images: usize,
    /// Seed of the corpus and of the training; 1, or that of the run in the folder, when not given
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Open the address in a browser
    #[arg(long)]
    pub open: bool,
}

/// `deepviz train`
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// A recipe file, or the name of a built-in recipe (`deepviz inspect` lists them)
    pub recipe: String,
    /// The corpus: a folder of images, batches, or one made by `deepviz corpus`
    #[arg(long, value_name = "PATH")]
    pub corpus: PathBuf,
    /// The run folder to write
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,
    /// Where to compute and with how many threads.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Seed of everything random; the recipe's when not given
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Train for this many epochs instead of the recipe's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub epochs: Option<u64>,
    /// When to keep a snapshot: "5 per epoch", "100 steps", "2 epochs"
    #[arg(long, value_name = "EXPR")]
    pub snapshot_every: Option<String>,
    /// Train on N of the training images, drawn at random
    #[arg(long, value_name = "N")]
    pub limit_images: Option<u64>,
    /// Override a recipe key, e.g. --set train.batch=64 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// Go on from the last good snapshot in RUN
    #[arg(long)]
    pub resume: bool,
    /// How to report progress.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// `deepviz stats`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub struct StatsArgs {
    /// Share the work out by files instead.
    #[command(subcommand)]
    pub part: Option<StatsPart>,
    /// The run folder
    #[arg(required = true)]
    pub run: Option<PathBuf>,
    /// What is computed.
    #[command(flatten)]
    pub what: StatsWhat,
    /// Follow a run that is being trained until it ends
    #[arg(long)]
    pub watch: bool,
    /// Compute again what is there already
    #[arg(long, conflicts_with = "watch")]
    pub force: bool,
}

/// `deepviz stats …`
#[derive(Debug, Subcommand)]
pub enum StatsPart {
    /// Compute one checkpoint's statistics into a file of their own
    Unit(StatsUnitArgs),
    /// Take such files over into a run's statistics
    Merge(StatsMergeArgs),
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
    /// What is computed.
    #[command(flatten)]
    pub what: StatsWhat,
}

/// `deepviz stats merge`
#[derive(Debug, Args)]
pub struct StatsMergeArgs {
    /// The run folder
    pub run: PathBuf,
    /// Files that `deepviz stats unit` wrote
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to report progress.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What statistics hold.
#[derive(Debug, Args)]
pub struct StatsWhat {
    /// The corpus, where it is no longer where the run recorded it
    #[arg(long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub split: SplitChoice,
    /// Where to compute and with how many threads.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Clusters per checkpoint
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub clusters: usize,
    /// Images kept nearest to each centre
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub nearest: usize,
    /// Images kept for each filter: the ones that activate it most
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub top: usize,
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

/// `deepviz serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Run folders, or folders that hold run folders
    #[arg(required = true, value_name = "RUN_OR_FOLDER")]
    pub runs: Vec<PathBuf>,
    /// Address to serve on; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7878", value_parser = address)]
    pub addr: SocketAddr,
    /// The corpus, where it is no longer where the runs recorded it
    #[arg(long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// Memory for rendered pictures and loaded networks
    #[arg(long, value_name = "MB", default_value_t = 512)]
    pub cache_mb: u64,
    /// Ask clients for this token; made up and printed when the address is not loopback
    #[arg(long, env = "DEEPVIZ_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Take runs and corpora that are sent as archives; they go to the first folder that is not itself a run
    #[arg(long)]
    pub allow_upload: bool,
    /// What networks are applied to images with: auto is the CPU
    #[arg(long, value_name = "auto|cpu|cuda[:N]", default_value = "auto")]
    pub device: DeviceChoice,
    /// Open the address in a browser
    #[arg(long)]
    pub open: bool,
}

/// `deepviz render`
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The run folder
    pub run: PathBuf,
    /// Which checkpoint: an index, or `last`
    #[arg(long, value_name = "SEL")]
    pub checkpoint: String,
    /// Which layer
    #[arg(long, value_name = "NAME")]
    pub layer: String,
    /// Which filters: `3`, `1,4,9`, `2-7`, `10-40:5`, `last`, `*`
    #[arg(long, value_name = "SEL", default_value = "*")]
    pub filters: String,
    /// Which channels, as the filters
    #[arg(long, value_name = "SEL", default_value = "*")]
    pub channels: String,
    /// Draw the layer's activations on this corpus image instead of its weights
    #[arg(long, value_name = "IMAGE_ID", conflicts_with = "image")]
    pub apply: Option<u32>,
    /// Draw the layer's activations on this image file
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// The corpus, where it is no longer where the run recorded it
    #[arg(long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// What shares one scale: the sheet, each filter, or all checkpoints
    #[arg(long, value_enum, default_value_t = NormaliseChoice::Sheet)]
    pub normalise: NormaliseChoice,
    /// Pixels per value
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub scale: u32,
    /// Where to write the PNG
    #[arg(long, value_name = "FILE.png")]
    pub out: PathBuf,
}

/// `deepviz inspect`
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A run folder, a snapshot, a recipe (file or built-in name) or a corpus; the built-in recipes when absent
    #[arg(value_name = "RUN|SNAPSHOT|RECIPE|CORPUS")]
    pub target: Option<String>,
    /// Work out a recipe's shapes for the images of this corpus; 3 x 32 x 32 when not given
    #[arg(long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `deepviz corpus …`
#[derive(Debug, Subcommand)]
pub enum CorpusCommand {
    /// Generate a corpus
    Make(CorpusMakeArgs),
    /// Download a public corpus
    Fetch(CorpusFetchArgs),
    /// Describe a corpus
    Info(CorpusInfoArgs),
}

/// `deepviz corpus make`
#[derive(Debug, Args)]
pub struct CorpusMakeArgs {
    /// Which generator
    #[arg(value_enum)]
    pub kind: Generator,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Images in all, training and test
    #[arg(long, value_name = "N", default_value_t = 12_000)]
    pub images: usize,
    /// Seed
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

/// `deepviz corpus fetch`
#[derive(Debug, Args)]
pub struct CorpusFetchArgs {
    /// Which corpus
    #[arg(value_enum)]
    pub kind: Download,
    /// The folder to unpack into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Another address, or an archive already on disk
    #[arg(long, value_name = "URL_OR_FILE")]
    pub from: Option<String>,
    /// How to report progress.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// `deepviz corpus info`
#[derive(Debug, Args)]
pub struct CorpusInfoArgs {
    /// The corpus folder
    pub path: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `deepviz doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Which device to check
    #[arg(long, value_name = "auto|cpu|cuda[:N]", default_value = "auto")]
    pub device: DeviceChoice,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Where to compute.
#[derive(Debug, Args)]
pub struct ComputeArgs {
    /// Where to compute
    #[arg(long, value_name = "auto|cpu|cuda[:N]", default_value = "auto")]
    pub device: DeviceChoice,
    /// CPU threads; all cores when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Vector instructions of the CPU (portable, avx2, avx512); the best there are when not given.
    /// Runs are the same to the byte for one level
    #[arg(long, value_name = "LEVEL")]
    pub vector_level: Option<VectorLevel>,
}

/// How to report progress.
#[derive(Debug, Clone, Copy, Args)]
pub struct ReportArgs {
    /// Print nothing but errors
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `KEY=VALUE` of `--set`.
#[derive(Debug, Clone)]
pub struct Override {
    /// The recipe key, dotted.
    pub key: String,
    /// Its value, as TOML; a bare word counts as a string.
    pub value: String,
}

impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok(Self { key: key.trim().to_owned(), value: value.trim().to_owned() })
            }
            _ => Err("expected KEY=VALUE, e.g. train.batch=64".to_owned()),
        }
    }
}

/// `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The best there is.
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU by its number.
    Cuda(u32),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|number| number.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| "expected auto, cpu, cuda or cuda:N".to_owned()),
        }
    }
}

/// `--checkpoint` of `stats unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointChoice {
    /// By its place in step order.
    Index(usize),
    /// The newest.
    Last,
}

impl FromStr for CheckpointChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "last" => Ok(Self::Last),
            _ => text.parse().map(Self::Index).map_err(|_| "expected a number or last".to_owned()),
        }
    }
}

/// `--split`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitChoice {
    /// The training images.
    Train,
    /// The test images.
    Test,
    /// Both.
    All,
}

/// `--metric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetricChoice {
    /// Straight distance.
    Euclidean,
    /// Angle.
    Cosine,
    /// Straight distance once every value has mean 0 and spread 1 over the images.
    Standardised,
}

/// `--normalise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NormaliseChoice {
    /// One scale for the sheet.
    Sheet,
    /// One scale a filter.
    Filter,
    /// One scale for all checkpoints.
    Timeline,
}

/// What `corpus make` can generate.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Generator {
    /// Ten classes of textured shapes, 32x32, colour.
    Shapes,
}

/// What `corpus fetch` can download.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Download {
    /// CIFAR-10, the binary version.
    Cifar10,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn devices_parse() {
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        assert!("gpu".parse::<DeviceChoice>().is_err());
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
    }

    #[test]
    fn overrides_keep_later_equals_signs() {
        let over: Override = "train.note=a=b".parse().unwrap();
        assert_eq!((over.key.as_str(), over.value.as_str()), ("train.note", "a=b"));
        assert!("train.batch".parse::<Override>().is_err());
        assert!("=4".parse::<Override>().is_err());
    }
}
