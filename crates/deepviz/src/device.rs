//! `--device`, `--threads`, `--vector-level` as a device.

use std::path::Path;

use anyhow::Context as _;
use deepviz_net::cuda::Cuda;
use deepviz_net::{Device, Run, Worker};

use crate::cli::{ComputeArgs, DeviceChoice};

/// The device that was requested. Left to choose, a GPU is taken where there is one, unless
/// vector instructions of the CPU are named; why there is none is reported in the log.
pub fn open(args: &ComputeArgs) -> anyhow::Result<Device> {
    match args.device {
        DeviceChoice::Cuda(ordinal) => {
            return Device::cuda(ordinal as usize).context("use --device cpu, or see `deepviz doctor`");
        }
        DeviceChoice::Auto if args.vector_level.is_none() => match Device::cuda(0) {
            Ok(device) => {
                tracing::info!(device = device.describe(), "computing on the GPU");
                return Ok(device);
            }
            Err(reason) => tracing::info!(%reason, "computing on the CPU"),
        },
        DeviceChoice::Auto | DeviceChoice::Cpu => {}
    }
    Device::cpu(args.threads.map(usize::from), args.vector_level).context("cannot use the CPU")
}

/// The device for a run: a process of that Python where deepViz cannot compute the network itself.
pub fn for_run(run: &Run, args: &ComputeArgs, python: &Path) -> anyhow::Result<Device> {
    if run.network().is_external() {
        return Ok(Device::Worker(Worker::new(python, run.path(), args.threads.map(usize::from))));
    }
    open(args)
}

/// Every GPU that can be used, and why others cannot.
pub fn gpus_of(choice: DeviceChoice) -> anyhow::Result<(Vec<Cuda>, Vec<String>)> {
    match choice {
        DeviceChoice::Cpu => Ok((Vec::new(), vec!["not looked for (--device cpu)".to_owned()])),
        DeviceChoice::Cuda(ordinal) => {
            let cuda = Cuda::open(ordinal as usize).context("this device cannot be checked")?;
            Ok((vec![cuda], Vec::new()))
        }
        DeviceChoice::Auto => {
            let count = match Cuda::count() {
                Ok(count) => count,
                Err(reason) => return Ok((Vec::new(), vec![reason.to_string()])),
            };
            let (mut usable, mut problems) = (Vec::new(), Vec::new());
            for ordinal in 0..count {
                match Cuda::open(ordinal) {
                    Ok(cuda) => usable.push(cuda),
                    Err(reason) => problems.push(reason.to_string()),
                }
            }
            if count == 0 {
                problems.push("none".to_owned());
            }
            Ok((usable, problems))
        }
    }
}
