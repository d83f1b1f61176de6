//! Writes what a run's cluster sets were fitted to, checkpoint by checkpoint, for `scripts/peers/kmeans_series.py`.
//!
//! `cargo run --release -p deepviz-stats --example export_series -- RUN CORPUS SPLIT OUT [CHECKPOINTS]`
//!
//! Of the last CHECKPOINTS (all, if not given): `STEP_LAYER.METRIC_rows.npy` f32 [n,d], as the metric sees them,
//! `..._centres.npy` f32 [clusters,d], `..._assignments.npy` u16 [n]; and `series.json`: of each its step, set,
//! inertia, origin, Lloyd steps and seconds.

use std::fs::File;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_net::{Device, Model, Run};
use deepviz_stats::{Metric, Store, warm_fit};
use ndarray::{Array2, ArrayView};

mod npy;
use npy::save;

/// Images at a time.
const CHUNK: usize = 512;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (run, corpus, split, out, last) = match arguments.as_slice() {
        [run, corpus, split, out] => (run, corpus, split, out, None),
        [run, corpus, split, out, last] => (run, corpus, split, out, Some(last.parse().map_err(Error::other)?)),
        _ => return Err(Error::other("usage: export_series RUN CORPUS SPLIT OUT [CHECKPOINTS]")),
    };
    let run = Run::open(Path::new(run)).map_err(Error::other)?;
    let corpus = Corpus::open(Path::new(corpus)).map_err(Error::other)?;
    let split: Split = split.parse().map_err(Error::other)?;
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    let store = Store::open_read_only(run.path()).map_err(Error::other)?;
    let store = store.ok_or_else(|| Error::other("the run has no statistics"))?;
    let device = Device::cpu(None, None).map_err(Error::other)?;
    let images: Vec<_> = corpus.range(split).filter_map(|id| corpus.pixels(ImageId(id))).collect();
    let entries = run.checkpoints();
    let skip = last.map_or(0, |last: usize| entries.len().saturating_sub(last));
    let mut series = Vec::new();
    for entry in &entries[skip..] {
        let snapshot = run.snapshot(entry.step).map_err(Error::other)?;
        let model = Model::from_snapshot(Arc::clone(run.network()), &snapshot, &device).map_err(Error::other)?;
        for info in store.cluster_sets(entry.step, split).map_err(Error::other)? {
            let (layer, metric) = (info.layer.as_str(), info.metric);
            let set = store.clusters(entry.step, split, layer, metric).map_err(Error::other)?;
            let assignments = store.cluster_assignments(entry.step, split, layer, metric).map_err(Error::other)?;
            let (Some(set), Some(assignments)) = (set, assignments) else { continue };
            let index = run.network().index_of(layer).ok_or_else(|| Error::other("no such layer"))?;
            let rows = rows(&model, &images, index, metric)?;
            let name = format!("{}_{layer}.{metric}", entry.step.0);
            let floats = |x: f32, to: &mut Vec<u8>| to.extend(x.to_le_bytes());
            save(&out.join(format!("{name}_rows.npy")), "<f4", &rows.view(), floats)?;
            save(&out.join(format!("{name}_centres.npy")), "<f4", &set.centres.view(), floats)?;
            let path = out.join(format!("{name}_assignments.npy"));
            save(&path, "<u2", &ArrayView::from(&assignments), |x, to| to.extend(x.to_le_bytes()))?;
            // Fitted again from the previous checkpoint's centres, and timed, where it was fitted that way.
            let before = set.info.previous_step.map(|step| store.clusters(step, split, layer, metric));
            let before = before.transpose().map_err(Error::other)?.flatten();
            let warm = before.map(|before| {
                let started = Instant::now();
                let inertia = warm_fit(rows, before.centres);
                (started.elapsed().as_secs_f64(), inertia)
            });
            series.push(serde_json::json!({
                "step": entry.step.0, "set": format!("{layer}.{metric}"), "inertia": set.inertia,
                "origin": info.origin.map(deepviz_stats::Origin::name), "iterations": info.iterations,
                "previous": info.previous_step.map(|step| step.0),
                "warm_seconds": warm.map(|(seconds, _)| seconds), "warm_inertia": warm.map(|(_, inertia)| inertia),
            }));
        }
    }
    serde_json::to_writer_pretty(File::create(out.join("series.json"))?, &series)?;
    Ok(())
}

/// A layer's outputs as the metric sees them.
fn rows(model: &Model, images: &[ndarray::ArrayView3<'_, u8>], layer: usize, metric: Metric) -> Result<Array2<f32>> {
    let mut parts = Vec::new();
    for images in images.chunks(CHUNK) {
        parts.extend(model.forward(images, &[layer]).map_err(Error::other)?);
    }
    let views: Vec<_> = parts.iter().map(Array2::view).collect();
    let mut rows = ndarray::concatenate(ndarray::Axis(0), &views).map_err(Error::other)?;
    metric.prepare(&mut rows);
    Ok(rows)
}
