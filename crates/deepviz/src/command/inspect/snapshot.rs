//! `deepviz inspect SNAPSHOT`: every array with its range.

use std::path::Path;

use anyhow::Context as _;
use deepviz_net::Snapshot;
use ndarray::ArrayViewD;
use serde::Serialize;
use serde_json::json;

use crate::console::{print_json, print_line};
use crate::human;
use crate::table::Table;

/// Prints a snapshot.
pub fn print(path: &Path, as_json: bool) -> anyhow::Result<()> {
    let snapshot = Snapshot::read(path).context("cannot read the snapshot")?;
    let mean = snapshot.mean.as_ref().map(|mean| row("data.mean", &mean.view().into_dyn()));
    let weights = snapshot.parameters.iter().map(|(name, array)| row(name, &array.view()));
    let optimizer = snapshot.optimizer.iter().map(|(name, array)| row(&format!("optimizer.{name}"), &array.view()));
    let rows: Vec<Row> = weights.chain(mean).chain(optimizer).collect();
    if as_json {
        print_json(&json!({
            "kind": "snapshot",
            "step": snapshot.step,
            "epoch": snapshot.epoch,
            "images_seen": snapshot.images_seen,
            "hash": snapshot.hash,
            "tensors": rows,
        }));
        return Ok(());
    }
    print_line(&format!("snapshot  step {}, epoch {:.2}", snapshot.step, snapshot.epoch));
    print_line(&format!("images    {} seen", human::count(snapshot.images_seen)));
    print_line(&format!("hash      {}", snapshot.hash));
    print_line("");
    let mut table = Table::new(&["tensor", "shape", "smallest", "mean", "largest"]);
    for row in rows {
        let shape: Vec<String> = row.shape.iter().map(usize::to_string).collect();
        table.row([
            row.name,
            shape.join(" x "),
            format!("{:.6}", row.smallest),
            format!("{:.6}", row.mean),
            format!("{:.6}", row.largest),
        ]);
    }
    table.print();
    Ok(())
}

/// One array.
#[derive(Serialize)]
struct Row {
    name: String,
    shape: Vec<usize>,
    smallest: f32,
    mean: f64,
    largest: f32,
}

fn row(name: &str, array: &ArrayViewD<'_, f32>) -> Row {
    let sum: f64 = array.iter().map(|&value| f64::from(value)).sum();
    Row {
        name: name.to_owned(),
        shape: array.shape().to_vec(),
        smallest: array.iter().copied().fold(f32::INFINITY, f32::min),
        mean: sum / array.len().max(1) as f64,
        largest: array.iter().copied().fold(f32::NEG_INFINITY, f32::max),
    }
}
