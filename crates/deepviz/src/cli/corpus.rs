//! What can be typed after `deepviz corpus`.

use super::ReportArgs;
use clap::{Args, Subcommand, ValueEnum};
use deepviz_corpus::ShapesOptions;
use std::path::PathBuf;

/// How many images are generated.
pub(super) fn images(text: &str) -> Result<usize, String> {
    let all = ShapesOptions::IMAGES;
    let number = text.parse().ok().filter(|number| all.contains(number));
    number.ok_or_else(|| format!("expected a number from {} to {}", all.start(), all.end()))
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
    #[arg(long, value_name = "N", default_value_t = 12_000, value_parser = images)]
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
