//! The arguments of `deepviz corpus`.

use super::report::ReportArgs;
use clap::{Args, Subcommand, ValueEnum};
use deepviz_corpus::{Description, LabelLevel, OpenOptions, Orientation, Reading, ShapesOptions};
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
    /// List the known corpora
    List(CorpusListArgs),
    /// Download a known corpus
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

/// `deepviz corpus list`
#[derive(Debug, Args)]
pub struct CorpusListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which corpus is to be fetched.
#[derive(Debug, Clone)]
pub enum CorpusName {
    /// One whose description is built in.
    Known(&'static Description),
    /// One whose description lies in a file.
    File(PathBuf),
}

/// A name is wrong usage when it is not known; a file is read later.
fn known(text: &str) -> Result<CorpusName, String> {
    let path = PathBuf::from(text);
    if path.extension().is_some_and(|extension| extension == "toml") {
        return Ok(CorpusName::File(path));
    }
    Description::named(text).map(CorpusName::Known).map_err(|error| error.to_string())
}

/// `deepviz corpus fetch`
#[derive(Debug, Args)]
pub struct CorpusFetchArgs {
    /// A known corpus (`deepviz corpus list`), or a description of your own
    #[arg(value_name = "NAME|FILE.toml", value_parser = known)]
    pub corpus: CorpusName,
    /// The folder to unpack into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Another address, a file already on disk, or a folder with copies of all files
    #[arg(long, value_name = "URL_OR_PATH")]
    pub from: Option<String>,
    /// An optional file to fetch too; may be given several times
    #[arg(long, value_name = "FILE")]
    pub with: Vec<String>,
    /// How to report progress.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// `deepviz corpus info`
#[derive(Debug, Args)]
pub struct CorpusInfoArgs {
    /// The corpus folder
    pub path: PathBuf,
    /// How the folder is understood.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Where decoded images are kept.
    #[command(flatten)]
    pub image_cache: ImageCacheArgs,
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

/// How a folder is understood where it can be understood in more than one way. A run records it.
#[derive(Debug, Clone, Default, Args)]
pub struct ReadingArgs {
    /// Which labels, where images carry two: CIFAR-100's hundred or its twenty
    #[arg(long, value_enum, default_value_t = LabelChoice::Fine)]
    pub labels: LabelChoice,
    /// The folder or split that is the test split, where several could be
    #[arg(long, value_name = "NAME")]
    pub test_from: Option<String>,
    /// Whether images are turned as a camera noted in them (EXIF)
    #[arg(long, value_enum, default_value_t = OrientationChoice::Stored)]
    pub orientation: OrientationChoice,
}

impl ReadingArgs {
    /// The choices as the corpus has them.
    pub fn reading(&self) -> Reading {
        Reading {
            labels: match self.labels {
                LabelChoice::Fine => LabelLevel::Fine,
                LabelChoice::Coarse => LabelLevel::Coarse,
            },
            test_from: self.test_from.clone(),
            orientation: match self.orientation {
                OrientationChoice::Stored => Orientation::Stored,
                OrientationChoice::Turned => Orientation::Turned,
            },
        }
    }
}

/// Which of two levels of labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LabelChoice {
    /// The finer classes.
    #[default]
    Fine,
    /// The coarser classes.
    Coarse,
}

/// What becomes of a camera's note on orientation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OrientationChoice {
    /// Pixels as they are stored, as PIL and torchvision read them.
    #[default]
    Stored,
    /// Images turned upright.
    Turned,
}

/// The cache of decoded images, and whether images may be left out.
#[derive(Debug, Clone, Default, Args)]
pub struct ImageCacheArgs {
    /// Fail when anything of the corpus is left out
    #[arg(long)]
    pub strict: bool,
    /// Where decoded images are kept; `$XDG_CACHE_HOME/deepviz` or `~/.cache/deepviz` when not given
    #[arg(long, value_name = "DIR", env = "DEEPVIZ_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
}

impl ImageCacheArgs {
    /// Options to open a corpus with.
    pub fn options(&self, reading: Reading, own_sizes: bool) -> OpenOptions {
        OpenOptions {
            reading,
            own_sizes,
            cache: cache_dir(self.cache_dir.as_ref()),
            strict: self.strict,
            ..OpenOptions::default()
        }
    }
}

/// The cache folder: the given one, or the user's; none where there is no home.
pub fn cache_dir(given: Option<&PathBuf>) -> Option<PathBuf> {
    let absolute = |key: &str| std::env::var_os(key).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_user = || absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    given.cloned().or_else(|| Some(of_user()?.join("deepviz")))
}
