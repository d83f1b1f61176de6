//! The options that say where to compute.

use clap::Args;
use deepviz_net::VectorLevel;

use super::values::DeviceChoice;

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
