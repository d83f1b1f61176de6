//! `deepviz render`: one picture of the REST interface, drawn into a file.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use deepviz_corpus::ImageId;
use deepviz_net::Run;
use deepviz_server::{Config, answer};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde_json::Value;

use super::access::UNRESERVED;
use super::serve::runtime;
use super::stats::corpus_of;
use crate::cli::{DecodedArgs, NormaliseChoice, RenderArgs, cache_dir};
use crate::console::{Console, print_line};
use crate::exit_status::ExitStatus;

/// Memory for the networks of one picture.
const CACHE_BYTES: u64 = 1 << 30;

/// `deepviz render`
pub fn render(args: &RenderArgs) -> anyhow::Result<ExitStatus> {
    let run = Run::open(&args.run).context("cannot open the run")?;
    let image = image(args, &run)?;
    let config = Config {
        runs: vec![args.run.clone()],
        addr: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
        corpus: args.corpus.clone(),
        cache_dir: cache_dir(None),
        cache_bytes: CACHE_BYTES,
        token: None,
        trusted_proxies: Vec::new(),
        allow_upload: false,
        upload_bytes: 0,
        device: None,
        worker: args.worker.clone(),
    };
    let ask = |path: String, body: Option<Vec<u8>>| -> anyhow::Result<Vec<u8>> {
        let answer = runtime()?.block_on(answer(&config, &path, body)).context("cannot draw")?;
        if answer.status == 200 { Ok(answer.body) } else { Err(problem(&answer.body)) }
    };
    let runs: Value = serde_json::from_slice(&ask("/api/runs".to_owned(), None)?)?;
    let id = runs["runs"][0]["id"].as_str().ok_or_else(|| anyhow!("cannot find the run again"))?;
    let drawn = ask(path(args, id, image.is_some()), image);
    let png = match &args.image {
        Some(file) => drawn.with_context(|| format!("cannot draw the layer on {}", file.display()))?,
        None => drawn?,
    };
    if !png.starts_with(b"\x89PNG") {
        bail!("expected one sheet: --checkpoint and --layer must name one each, found more");
    }
    write_whole(&args.out, &png).with_context(|| format!("cannot write {}", args.out.display()))?;
    print_line(&format!("{}", args.out.display()));
    Ok(ExitStatus::Success)
}

/// Writes a file that is there whole or not at all; what is no file (`/dev/stdout`) is written to as it is.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
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

fn path(args: &RenderArgs, id: &str, is_applied: bool) -> String {
    let normalise = match args.normalise {
        NormaliseChoice::Sheet => "sheet",
        NormaliseChoice::Filter => "filter",
        NormaliseChoice::Timeline => "timeline",
    };
    let parts = [id, &args.checkpoint, &args.layer, &args.filters, &args.channels].map(encoded);
    let [id, checkpoint, layer, filters, channels] = parts;
    let apply = if is_applied { "/apply" } else { "" };
    format!(
        "/api/runs/{id}/checkpoints/{checkpoint}/layers/{layer}/filters/{filters}/channels/{channels}{apply}\
         ?normalise={normalise}&scale={}",
        args.scale
    )
}

/// The image file that the layer is applied to, if any: given, or a picture of the corpus.
fn image(args: &RenderArgs, run: &Run) -> anyhow::Result<Option<Vec<u8>>> {
    if let Some(file) = &args.image {
        return std::fs::read(file).map(Some).with_context(|| format!("cannot read {}", file.display()));
    }
    let Some(id) = args.apply else { return Ok(None) };
    let corpus = corpus_of(run, args.corpus.as_deref(), &DecodedArgs::default(), Console::silent())?;
    let pixels = corpus.pixels(ImageId(id)).ok_or_else(|| {
        let last = corpus.len().saturating_sub(1);
        anyhow!("no image {id}; corpus {} has 0 to {last}", corpus.name())
    })?;
    let grid = deepviz_render::Grid { columns: 1, scale: 1 };
    deepviz_render::atlas(&[pixels], grid).map(Some).context("cannot draw the image")
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

/// Selections keep their looks in a path.
const PATH: AsciiSet = UNRESERVED.remove(b'*').remove(b',').remove(b':');

/// Percent-encoded for a path.
fn encoded(part: &str) -> String {
    utf8_percent_encode(part, &PATH).to_string()
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
