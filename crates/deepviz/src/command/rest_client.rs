//! A client of the REST interface over a run or two, in this process and without a socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use deepviz_server::{Config, Interface};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::access::UNRESERVED;
use super::serve::runtime;
use crate::cli::cache_dir;

/// Memory for the networks of one answer.
const CACHE_BYTES: u64 = 1 << 30;

/// What is percent-encoded in a path: the signs of selections (`1,4`, `10-40:5`, `*`) are not.
const PATH: AsciiSet = UNRESERVED.remove(b'*').remove(b',').remove(b':');

/// The REST interface over some runs; they and their corpus are opened once.
pub(super) struct RestClient {
    interface: Interface,
    runtime: Runtime,
}

impl RestClient {
    pub(super) fn new(run: &Path, corpus: Option<PathBuf>, worker: Option<PathBuf>) -> anyhow::Result<Self> {
        Self::of_runs(&[run], corpus, worker)
    }

    pub(super) fn of_runs(runs: &[&Path], corpus: Option<PathBuf>, worker: Option<PathBuf>) -> anyhow::Result<Self> {
        let config = Config {
            runs: runs.iter().map(|&run| run.to_owned()).collect(),
            addr: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            corpus,
            cache_dir: cache_dir(None),
            cache_bytes: CACHE_BYTES,
            token: None,
            trusted_proxies: Vec::new(),
            allow_upload: false,
            upload_bytes: 0,
            device: None,
            worker,
        };
        let runtime = runtime()?;
        let interface = runtime.block_on(Interface::open(&config))?;
        Ok(Self { interface, runtime })
    }

    /// The body of the answer, or the problem as an error; a body is sent by POST.
    pub(super) fn ask(&self, path: &str, body: Option<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
        let answer = self.runtime.block_on(self.interface.answer(path, body)).context("cannot draw")?;
        if answer.status == 200 { Ok(answer.body) } else { Err(problem(&answer.body)) }
    }

    /// An answer as JSON.
    pub(super) fn json(&self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.ask(path, None)?)?)
    }

    /// The ids of all runs.
    pub(super) fn run_ids(&self) -> anyhow::Result<Vec<String>> {
        let runs = self.json("/api/runs")?;
        let runs = runs["runs"].as_array().into_iter().flatten();
        Ok(runs.filter_map(|run| run["id"].as_str()).map(str::to_owned).collect())
    }

    /// The id of the run in addresses.
    pub(super) fn run_id(&self) -> anyhow::Result<String> {
        let ids = self.run_ids()?;
        Ok(encoded(ids.first().ok_or_else(|| anyhow!("cannot find the run again"))?))
    }
}

/// A problem document as an error.
fn problem(body: &[u8]) -> anyhow::Error {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("the picture could not be drawn");
    match problem["hint"].as_str() {
        Some(hint) => anyhow!("{detail} ({hint})"),
        None => anyhow!("{detail}"),
    }
}

/// Percent-encoded for a path.
pub(super) fn encoded(part: &str) -> String {
    utf8_percent_encode(part, &PATH).to_string()
}

/// Writes a file that is there whole or not at all; what is no file (`/dev/stdout`) is written to as it is.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.exists() && !path.is_file() {
        return std::fs::write(path, bytes);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let written = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // It may not have come to be at all.
        let _ = std::fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_stay_and_the_rest_is_encoded() {
        assert_eq!(encoded("10-40:5,last,*"), "10-40:5,last,*");
        assert_eq!(encoded("a/b ?ü"), "a%2Fb%20%3F%C3%BC");
    }

    #[test]
    fn a_problem_keeps_its_advice() {
        let error = problem(br#"{"detail":"no layer x","hint":"layers: conv1"}"#);
        assert_eq!(error.to_string(), "no layer x (layers: conv1)");
    }
}
