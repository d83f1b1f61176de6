//! `deepviz serve`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use deepviz_corpus::is_corpus;
use deepviz_net::{Device, Run};
use deepviz_server::{Config, Server, bind};
use tokio::runtime::Runtime;

use super::access::Access;
use crate::browser;
use crate::cli::{DeviceChoice, ServeArgs, cache_dir};
use crate::console::{note, print_line};
use crate::exit_status::ExitStatus;
use crate::stop::Stop;

/// `deepviz serve`
pub fn serve(args: &ServeArgs) -> anyhow::Result<ExitStatus> {
    for path in &args.runs {
        check(path)?;
    }
    let access = Access::new(args.addr, &args.access)?;
    if args.allow_upload && access.token().is_none() {
        bail!(
            "--allow-upload needs a token, so that not everybody can send: give one with --token-file or DEEPVIZ_TOKEN"
        );
    }
    let config = Config {
        runs: args.runs.clone(),
        addr: args.addr,
        corpus: args.corpus.clone(),
        cache_dir: cache_dir(args.cache_dir.as_ref()),
        cache_bytes: args.cache_mb << 20,
        token: access.token().map(str::to_owned),
        trusted_proxies: args.access.trusted_proxy.clone(),
        allow_upload: args.allow_upload,
        upload_bytes: args.upload_gb.saturating_mul(1 << 30),
        device: device_of(args.device)?,
        worker: args.worker.clone(),
    };
    let stop = Stop::install("closing (Ctrl-C again to stop at once)")?;
    let runtime = runtime()?;
    let server = runtime.block_on(bind(config)).context("cannot serve")?;
    announce(&server, &access, args.open);
    runtime.block_on(server.serve(stop.asked())).context("cannot serve")?;
    Ok(ExitStatus::Success)
}

/// A GPU, where one is named: single images are computed fastest on the CPU.
fn device_of(choice: DeviceChoice) -> anyhow::Result<Option<Device>> {
    match choice {
        DeviceChoice::Cuda(ordinal) => {
            Device::cuda(ordinal as usize).context("use --device cpu, or see `deepviz doctor`").map(Some)
        }
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok(None),
    }
}

/// The threads that answer requests, apart from those that compute.
pub fn runtime() -> anyhow::Result<Runtime> {
    Runtime::new().context("cannot start the threads of the server")
}

/// Says where the dashboard is, and opens it if asked to.
pub fn announce(server: &Server, access: &Access, open: bool) {
    let url = access.url(server.address());
    print_line(&format!("deepViz at {url}"));
    if open && let Err(error) = browser::open(&url) {
        note(&format!("warning: no browser was opened: {error:#}"));
    }
}

/// A run that is named must be readable; a folder may be empty still, and fill while it is served; a corpus is a
/// mistake that would show nothing for ever.
fn check(path: &Path) -> anyhow::Result<()> {
    if path.join("run.toml").exists() {
        Run::open(path).context("cannot open the run")?;
    } else if path.is_dir() && runs_in(path).is_empty() {
        if is_corpus(path) {
            bail!(
                "cannot serve {0}: it holds images, expected a run or a folder of runs; \
                 give the images with `--corpus {0}` beside the runs, and make a run with `deepviz train`",
                path.display()
            );
        }
        note(&format!("warning: {} holds no run yet; runs appear when they are there", path.display()));
    }
    Ok(())
}

fn runs_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.join("run.toml").exists()).collect()
}
