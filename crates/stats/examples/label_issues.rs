//! Counts the wrong labels among the label issues of a run over the shapes corpus, which knows its wrong labels.
//!
//! `cargo run --release -p deepviz-stats --example label_issues -- RUN CORPUS`

use std::io::{Error, Result};
use std::path::Path;

use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_stats::{Store, label_issues};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, corpus] = arguments.as_slice() else {
        return Err(Error::other("usage: label_issues RUN CORPUS"));
    };
    let corpus = Corpus::open(Path::new(corpus)).map_err(Error::other)?;
    let notes = corpus.notes().ok_or_else(|| Error::other("this corpus does not know its wrong labels"))?;
    let store = Store::open_read_only(Path::new(run)).map_err(Error::other)?;
    let store = store.ok_or_else(|| Error::other("the run has no statistics"))?;
    for split in [Split::Train, Split::Test] {
        let range = corpus.range(split);
        let labels = &corpus.labels()[range.start as usize..range.end as usize];
        let stats = store.example_stats(split).map_err(Error::other)?;
        let found = label_issues(&stats, labels, 0..usize::MAX).items;
        let wrong = range.filter(|&id| notes.true_class(ImageId(id)).is_some()).count();
        println!("{split}: {} images, {wrong} wrong labels, {} label issues", labels.len(), found.len());
        for first in [wrong / 2, wrong, 2 * wrong] {
            let hits = found.iter().take(first).filter(|s| notes.true_class(s.image).is_some()).count();
            let right_class = found.iter().take(first).filter(|s| notes.true_class(s.image) == Some(s.predicted));
            println!(
                "  of the first {first}: precision {:.2}, recall {:.2}; the class named is the drawn one for {}",
                hits as f64 / first.max(1) as f64,
                hits as f64 / wrong.max(1) as f64,
                right_class.count(),
            );
        }
    }
    Ok(())
}
