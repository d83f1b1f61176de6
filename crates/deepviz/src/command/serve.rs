//! `deepviz serve`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use deepviz_corpus::is_corpus;
use deepviz_net::{Device, Run};
use deepviz_server::{Config, Server, bind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::runtime::Runtime;

use crate::cli::{DeviceChoice, ServeArgs, cache_dir};
use crate::console::{note, print_line};
use crate::stop::Stop;
use crate::{Ending, browser};

/// What is percent-encoded everywhere in a URL: all but what RFC 3986 calls unreserved.
pub const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `deepviz serve`
pub fn serve(args: &ServeArgs) -> anyhow::Result<Ending> {
    for path in &args.runs {
        check(path)?;
    }
    let access = Access::new(args.addr, args.token.clone());
    if args.allow_upload && access.token().is_none() {
        bail!("--allow-upload needs a token, so that not everybody can send: give one with --token");
    }
    let config = Config {
        runs: args.runs.clone(),
        addr: args.addr,
        corpus: args.corpus.clone(),
        cache_dir: cache_dir(args.cache_dir.as_ref()),
        cache_bytes: args.cache_mb << 20,
        token: access.token.clone(),
        allow_upload: args.allow_upload,
        upload_bytes: args.upload_gb.saturating_mul(1 << 30),
        device: device_of(args.device)?,
    };
    let stop = Stop::install("closing (Ctrl-C again to stop at once)")?;
    let runtime = runtime()?;
    let server = runtime.block_on(bind(config)).context("cannot serve")?;
    announce(&server, &access, args.open);
    runtime.block_on(server.serve(stop.asked())).context("cannot serve")?;
    Ok(Ending::Good)
}

/// A graphics processor, where one is named: single images are soonest done on the processor.
fn device_of(choice: DeviceChoice) -> anyhow::Result<Option<Device>> {
    match choice {
        DeviceChoice::Cuda(ordinal) => {
            Device::cuda(ordinal as usize).context("use --device cpu, or see `deepviz doctor`").map(Some)
        }
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok(None),
    }
}

/// Where requests are answered, apart from the threads that compute.
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

/// Who may look.
#[derive(Debug)]
pub struct Access {
    token: Option<String>,
}

impl Access {
    /// The token that was given; one is made up where an address leaves the machine without one.
    pub fn new(addr: SocketAddr, given: Option<String>) -> Self {
        let is_open = given.is_none() && !addr.ip().is_loopback();
        let made_up = is_open.then(|| format!("{:032x}", rand::random::<u128>()));
        Self { token: given.or(made_up) }
    }

    /// What clients must know, if anything.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The address to type into a browser on this machine.
    fn url(&self, address: SocketAddr) -> String {
        let ip = match address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let local = SocketAddr::new(ip, address.port());
        match &self.token {
            Some(token) => format!("http://{local}/?token={}", utf8_percent_encode(token, &UNRESERVED)),
            None => format!("http://{local}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn loopback_needs_no_token() {
        let access = Access::new(addr("127.0.0.1:7878"), None);
        assert_eq!(access.url(addr("127.0.0.1:7878")), "http://127.0.0.1:7878");
        assert_eq!(access.url(addr("[::1]:80")), "http://[::1]:80");
    }

    #[test]
    fn other_addresses_get_a_token_of_their_own() {
        let (one, two) = (Access::new(addr("0.0.0.0:1"), None), Access::new(addr("0.0.0.0:1"), None));
        assert_ne!(one.token, two.token);
        assert_eq!(one.token.as_ref().unwrap().len(), 32);
        let given = Access::new(addr("0.0.0.0:1"), Some("sesame".to_owned()));
        assert_eq!(given.url(addr("0.0.0.0:99")), "http://127.0.0.1:99/?token=sesame");
    }

    #[test]
    fn a_token_is_printed_as_an_address_can_hold_it() {
        let access = Access::new(addr("0.0.0.0:1"), Some("a+b#c&d%e=f?g/h\"~.-_".to_owned()));
        let expected = "http://127.0.0.1:9/?token=a%2Bb%23c%26d%25e%3Df%3Fg%2Fh%22~.-_";
        assert_eq!(access.url(addr("0.0.0.0:9")), expected);
    }
}
