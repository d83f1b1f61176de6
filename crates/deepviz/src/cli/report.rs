//! The options that say how to report progress.

use clap::Args;

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
