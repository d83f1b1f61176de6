//! Opens a corpus through a cache folder and prints how long it took and what memory it takes:
//! `open_corpus CORPUS CACHE [--read]`. With `--read` every pixel is examined once.

use std::{error::Error, fs, path::PathBuf, time::Instant};

use deepviz_corpus::{Corpus, ImageId, OpenOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [corpus, cache, rest @ ..] = arguments.as_slice() else {
        return Err("expected CORPUS CACHE [--read]".into());
    };
    let options = OpenOptions { own_sizes: true, cache: Some(PathBuf::from(cache)), ..OpenOptions::default() };
    let start = Instant::now();
    let mut decoded = 0;
    let corpus = Corpus::open_observed(&PathBuf::from(corpus), &options, &mut |at| decoded = at.done)?;
    let seconds = start.elapsed().as_secs_f64();
    let mapped = if corpus.is_mapped() { "mapped" } else { "in memory" };
    println!("{} images {mapped}, {decoded} decoded, opened in {:.1} ms", corpus.len(), seconds * 1e3);
    if rest.iter().any(|word| word == "--read") {
        let images = (0..corpus.len() as u32).filter_map(|id| corpus.pixels(ImageId(id)));
        let sum: u64 = images.map(|image| image.iter().map(|&value| u64::from(value)).sum::<u64>()).sum();
        println!("sum of all pixels {sum}");
    }
    // Of Linux: memory of its own, and pages of mapped files that the system may drop.
    for line in fs::read_to_string("/proc/self/status").unwrap_or_default().lines() {
        if line.starts_with("RssAnon") || line.starts_with("RssFile") || line.starts_with("VmPeak") {
            println!("{line}");
        }
    }
    Ok(())
}
