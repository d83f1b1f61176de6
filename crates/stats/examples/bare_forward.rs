//! The network alone over a split, which `scripts/peers/stats_peer.py` compares the whole computation of statistics
//! with: the logits of every image, no activation statistics, nothing stored.
//!
//! `cargo run --release -p deepviz-stats --example bare_forward -- RUN CORPUS STEP SPLIT [THREADS]`

use std::io::{Error, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use deepviz_corpus::{Corpus, ImageId};
use deepviz_net::{Device, Model, Run, Step};

/// Images at a time, as in the computation of statistics.
const CHUNK: usize = 512;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (run, corpus, step, split, threads) = match arguments.as_slice() {
        [run, corpus, step, split] => (run, corpus, step, split, None),
        [run, corpus, step, split, threads] => (run, corpus, step, split, Some(threads)),
        _ => return Err(Error::other("usage: bare_forward RUN CORPUS STEP SPLIT [THREADS]")),
    };
    let threads = threads.map(|threads| threads.parse()).transpose().map_err(Error::other)?;
    let device = Device::cpu(threads, None).map_err(Error::other)?;
    let run = Run::open(Path::new(run)).map_err(Error::other)?;
    let corpus = Corpus::open(Path::new(corpus)).map_err(Error::other)?;
    let snapshot = run.snapshot(Step(step.parse().map_err(Error::other)?)).map_err(Error::other)?;
    let range = corpus.range(split.parse().map_err(Error::other)?);
    let images: Vec<_> = range.filter_map(|id| corpus.pixels(ImageId(id))).collect();
    let started = Instant::now();
    let model = Model::from_snapshot(Arc::clone(run.network()), &snapshot, &device).map_err(Error::other)?;
    let prepare_seconds = started.elapsed().as_secs_f64();
    let mut sum = 0.0_f64;
    for images in images.chunks(CHUNK) {
        let rows = model.forward(images, &[run.network().logits()]).map_err(Error::other)?;
        sum += rows.iter().flatten().map(|x| f64::from(*x)).sum::<f64>();
    }
    let seconds = started.elapsed().as_secs_f64();
    let memory = largest_memory().map_or("null".to_owned(), |bytes| bytes.to_string());
    let images = images.len();
    println!(
        "{{\"seconds\": {seconds}, \"prepare_seconds\": {prepare_seconds}, \"images\": {images}, \"sum\": {sum}, \
         \"memory\": {memory}}}"
    );
    Ok(())
}

/// The most bytes that this process has had in memory; none where the system does not say. What the parent process is
/// told of its children counts the parent's own memory on Linux.
fn largest_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
