//! `deepviz compare`

use std::path::PathBuf;

use clap::Args;

/// `deepviz compare`
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The first run folder
    pub a: PathBuf,
    /// The second; the same again to compare two checkpoints of one run
    pub b: PathBuf,
    /// Which checkpoint of the first: an index, or `last`
    #[arg(long, value_name = "SEL", default_value = "last")]
    pub checkpoint: String,
    /// Which checkpoint of the second
    #[arg(long, value_name = "SEL", default_value = "last")]
    pub b_checkpoint: String,
    /// The images whose predictions are compared
    #[arg(long, value_name = "SPLIT", default_value = "test", value_parser = ["test", "train"])]
    pub split: String,
    /// Say too which layers see the same (CKA, Procrustes), and how many of their units have a counterpart
    #[arg(long)]
    pub layers: bool,
    /// Test images that layers are compared over; 1000, or as many as there is memory for, when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(8..=4000))]
    pub images: Option<u32>,
    /// The corpus, where it is no longer where the runs recorded it
    #[arg(long, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// Print JSON: what the REST interface answers
    #[arg(long)]
    pub json: bool,
}
