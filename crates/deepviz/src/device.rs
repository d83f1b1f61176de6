//! `--device`, `--threads`, `--vector-level` as a device.

use anyhow::{Context as _, bail};
use deepviz_net::Device;

use crate::cli::{ComputeArgs, DeviceChoice};

/// Why no GPU can be asked for.
pub const NO_CUDA: &str = "CUDA backend not built into this version";

/// The device that was asked for.
pub fn open(args: &ComputeArgs) -> anyhow::Result<Device> {
    if let DeviceChoice::Cuda(_) = args.device {
        bail!("{NO_CUDA}: use --device cpu");
    }
    Device::cpu(args.threads.map(usize::from), args.vector_level).context("cannot use the CPU")
}
