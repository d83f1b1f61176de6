//! Writes one unit as `.npy` files, for `scripts/check/stats_values.py`.
//!
//! `cargo run --release -p deepviz-stats --example export_unit -- RUN CORPUS STEP SPLIT OUT`
//!
//! `pixels.npy` u8 [n,c,h,w], `labels.npy` u16 [n], `logits.npy` f32 [n,classes], `confusion.npy`
//! u32 [classes,classes], `centres_I.npy` and `assignments_I.npy` of each cluster set, and
//! `unit.json`, which says what they are.

use std::fs::File;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_net::{Run, Step};
use deepviz_stats::Store;
use ndarray::{ArrayView, Axis};

mod npy;
use npy::save;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, corpus, step, split, out] = arguments.as_slice() else {
        return Err(Error::other("usage: export_unit RUN CORPUS STEP SPLIT OUT"));
    };
    let run = Run::open(Path::new(run)).map_err(Error::other)?;
    let corpus = Corpus::open(Path::new(corpus)).map_err(Error::other)?;
    let step = Step(step.parse().map_err(Error::other)?);
    let split = split.parse().map_err(Error::other)?;
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    export(&run, &corpus, (step, split), &out)
}

fn export(run: &Run, corpus: &Corpus, (step, split): (Step, Split), out: &Path) -> Result<()> {
    let missing = || Error::other(format!("no statistics of step {} over {split}", step.0));
    let store = Store::open_read_only(run.path()).map_err(Error::other)?.ok_or_else(missing)?;
    let range = corpus.range(split);
    let labels: Vec<u16> = range.clone().filter_map(|id| corpus.label(ImageId(id))).map(|class| class.0).collect();
    let logits = store.logits(step, split).map_err(Error::other)?.ok_or_else(missing)?;
    let confusion = store.confusion(step, split).map_err(Error::other)?.ok_or_else(missing)?;
    let images: Vec<_> = range.clone().filter_map(|id| corpus.pixels(ImageId(id))).collect();
    let pixels = ndarray::stack(Axis(0), &images).map_err(Error::other)?;
    save(&out.join("pixels.npy"), "|u1", &pixels.view(), |x, to| to.push(x))?;
    save(&out.join("labels.npy"), "<u2", &ArrayView::from(&labels), |x, to| to.extend(x.to_le_bytes()))?;
    save(&out.join("logits.npy"), "<f4", &logits.view(), |x, to| to.extend(x.to_le_bytes()))?;
    save(&out.join("confusion.npy"), "<u4", &confusion.counts.view(), |x, to| to.extend(x.to_le_bytes()))?;
    let mut sets = Vec::new();
    for info in store.cluster_sets(step, split).map_err(Error::other)? {
        let (layer, metric) = (info.layer.as_str(), info.metric);
        let Some(set) = store.clusters(step, split, layer, metric).map_err(Error::other)? else { continue };
        let assignments = store.cluster_assignments(step, split, layer, metric).map_err(Error::other)?;
        let index = sets.len();
        save(&out.join(format!("centres_{index}.npy")), "<f4", &set.centres.view(), |x, to| {
            to.extend(x.to_le_bytes());
        })?;
        let assignments = assignments.unwrap_or_default();
        let path = out.join(format!("assignments_{index}.npy"));
        save(&path, "<u2", &ArrayView::from(&assignments), |x, to| to.extend(x.to_le_bytes()))?;
        sets.push(serde_json::json!({
            "layer": layer, "metric": metric, "clusters": info.clusters, "inertia": set.inertia,
            "origin": info.origin.map(deepviz_stats::Origin::name), "iterations": info.iterations,
        }));
    }
    let network = run.network();
    let unit = serde_json::json!({
        "step": step.0, "split": split, "images": labels.len(), "cluster_sets": sets,
        "logits_layer": network.layers()[network.logits()].name,
        "snapshot": Run::snapshot_path(run.path(), step),
    });
    serde_json::to_writer_pretty(File::create(out.join("unit.json"))?, &unit)?;
    Ok(())
}
