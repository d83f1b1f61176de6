//! The network over a split, in chunks: memory holds the wanted rows and one chunk's activations.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use deepviz_corpus::{Corpus, ImageId};
use deepviz_net::{LayerOutput, Model};
use ndarray::{Array2, s};

use crate::activation_stats::{ActivationStats, ChunkStats};
use crate::error::Error;
use crate::observer::{Event, Observer};

/// Images at a time.
const CHUNK: usize = 512;

/// A network applied to the images of a split.
pub(crate) struct ForwardPass<'a> {
    pub model: &'a Model,
    pub corpus: &'a Corpus,
    pub images: Range<u32>,
    /// The layers whose outputs are kept, by index; the first must be numbers throughout.
    pub wanted: &'a [usize],
    /// The name of the first, for the error where it is not.
    pub first_name: &'a str,
    /// The threads that add up activation statistics.
    pub pool: &'a rayon::ThreadPool,
}

/// The outputs of the wanted layers, `[images, c*h*w]` each; `None` when stopped. Activation statistics,
/// where they are wanted, are taken from all layers.
pub(crate) fn run(
    pass: &ForwardPass<'_>,
    mut activation_stats: Option<&mut ActivationStats>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<Vec<Array2<f32>>>, Error> {
    let of = pass.images.len();
    let started = Instant::now();
    let mut outputs: Vec<Array2<f32>> = Vec::new();
    let mut done = 0;
    while done < of {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let count = CHUNK.min(of - done);
        let first = pass.images.start + done as u32;
        let images: Vec<_> = (first..first + count as u32).filter_map(|id| pass.corpus.pixels(ImageId(id))).collect();
        let rows = match &mut activation_stats {
            None => pass.model.forward(&images, pass.wanted)?,
            Some(activation_stats) => {
                let observe = |chunk: &mut ChunkStats, layer, output: LayerOutput<'_>| {
                    activation_stats.observe(chunk, layer, output);
                };
                let (rows, chunk_stats) = pass.model.forward_watched(&images, pass.wanted, observe)?;
                let labels = &pass.corpus.labels()[first as usize..];
                pass.pool.install(|| activation_stats.add(&chunk_stats, labels, ImageId(first)));
                rows
            }
        };
        if let Some(first) = rows.first() {
            refuse_what_is_not_finite(first, pass.first_name, done)?;
        }
        if outputs.is_empty() {
            outputs = rows.iter().map(|rows| Array2::zeros((of, rows.ncols()))).collect();
        }
        for (all, rows) in outputs.iter_mut().zip(&rows) {
            all.slice_mut(s![done..done + count, ..]).assign(rows);
        }
        done += count;
        let images_per_s = done as f64 / started.elapsed().as_secs_f64().max(1e-9);
        observer.event(&Event::Progress { done, of, images_per_s });
    }
    Ok(Some(outputs))
}

fn refuse_what_is_not_finite(rows: &Array2<f32>, layer: &str, before: usize) -> Result<(), Error> {
    match not_finite(rows) {
        0 => Ok(()),
        found => {
            Err(Error::NotFinite { what: format!("the outputs of {layer}"), found, images: before + rows.nrows() })
        }
    }
}

/// Counts rows with a NaN or an infinity.
pub(crate) fn not_finite(rows: &Array2<f32>) -> usize {
    rows.rows().into_iter().filter(|row| !row.iter().all(|x| x.is_finite())).count()
}
