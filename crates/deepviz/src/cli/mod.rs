//! The command line: every command, option and default of the binary.

mod access;
mod compare;
mod compute;
mod corpus;
mod import;
mod report;
mod stats;
mod values;
mod wait;

pub use access::AccessArgs;
pub use compare::CompareArgs;
pub use compute::ComputeArgs;
pub use corpus::{
    CorpusCommand, CorpusFetchArgs, CorpusInfoArgs, CorpusListArgs, CorpusMakeArgs, CorpusName, Generator,
    ImageCacheArgs, ReadingArgs, cache_dir,
};
pub use import::{ImportArgs, ImportSource, WeightsChoice};
pub use report::ReportArgs;
pub use stats::{StatsArgs, StatsCommand, StatsMergeArgs, StatsOptions, StatsPlanArgs, StatsUnitArgs};
pub use values::{CheckpointChoice, DeviceChoice, MetricChoice, NormaliseChoice, Override, SplitChoice};
pub use wait::WaitArgs;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

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
    Stats(Box<StatsArgs>),
    /// Serve the dashboard and the REST interface over one or more runs
    Serve(ServeArgs),
    /// Draw one sheet of filters or activations into a PNG file
    Render(RenderArgs),
    /// Draw which parts of an image speak for a class
    Explain(ExplainArgs),
    /// Say where two runs, or two checkpoints of one, differ by more than noise
    Compare(CompareArgs),
    /// Take checkpoints of other programs into a run: .pt, .ckpt, .safetensors, and cuda-convnet's
    Import(Box<ImportArgs>),
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
    #[arg(long, value_name = "N", default_value_t = 8_000, value_parser = corpus::images)]
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
    /// How the corpus's folder is understood.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// The cache of decoded images, and whether images may be left out.
    #[command(flatten)]
    pub image_cache: ImageCacheArgs,
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
    /// Where decoded images are kept; `$XDG_CACHE_HOME/deepviz` or `~/.cache/deepviz` when not given
    #[arg(long, value_name = "DIR", env = "DEEPVIZ_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Memory for rendered pictures and loaded networks
    #[arg(long, value_name = "MB", default_value_t = 512)]
    pub cache_mb: u64,
    /// Who may look.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Take runs and corpora that are sent as archives; they go to the first folder that is not itself a run
    #[arg(long)]
    pub allow_upload: bool,
    /// What all uploads together may take on the disk, in gigabytes
    #[arg(long, value_name = "GB", default_value_t = 64)]
    pub upload_gb: u64,
    /// What networks are applied to images with: auto is the CPU
    #[arg(long, value_name = "auto|cpu|cuda[:N]", default_value = "auto")]
    pub device: DeviceChoice,
    /// The Python that may be started, with the package deepviz, to apply networks that deepViz cannot compute itself; it
    /// loads the graph that lies beside the run
    #[arg(long, value_name = "PYTHON", conflicts_with = "allow_upload")]
    pub worker: Option<PathBuf>,
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
    /// The Python, with the package deepviz, that applies networks that deepViz cannot compute itself
    #[arg(long, value_name = "PYTHON")]
    pub worker: Option<PathBuf>,
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

/// `deepviz explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The run folder
    pub run: PathBuf,
    /// Which checkpoint: an index, or `last`
    #[arg(long, value_name = "SEL", default_value = "last")]
    pub checkpoint: String,
    /// The image: an id of the corpus, or an image file
    #[arg(long, value_name = "ID|FILE")]
    pub image: String,
    /// How: layercam, hirescam, gradient, smoothgrad, integrated, occlusion; deconvnet and guided draw reconstructions
    #[arg(long, value_name = "METHOD", default_value = "layercam")]
    pub method: String,
    /// The class, by number or name; the predicted one when not given
    #[arg(long, value_name = "C", conflicts_with = "versus")]
    pub class: Option<String>,
    /// One class against another
    #[arg(long, value_name = "A:B")]
    pub versus: Option<String>,
    /// The layer that layercam and hirescam are taken at; the deepest of at least 8 x 8 when not given
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,
    /// Units that are switched off: fc64:39, or conv1:2,5-7;fc64:39
    #[arg(long, value_name = "UNITS")]
    pub off: Option<String>,
    /// The corpus, where it is no longer where the run recorded it
    #[arg(long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// Pixels per pixel of the image; as many as make its side 256 or more when not given
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub scale: Option<u32>,
    /// Where to write: a picture, or, with .json, the numbers
    #[arg(long, value_name = "FILE.png|FILE.json")]
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
