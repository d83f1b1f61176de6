//! `deepviz inspect SNAPSHOT`: every array with its range.

use std::path::Path;

use anyhow::Context as _;
use deepviz_net::Snapshot;
use ndarray::ArrayViewD;
use serde::Serialize;
use serde_json::json;

use crate::console::{print_json, print_line};
use crate::format;
use crate::table::Table;

/// Prints a snapshot.
pub fn print(path: &Path, as_json: bool) -> anyhow::Result<()> {
    let snapshot = Snapshot::read(path).context("cannot read the snapshot")?;
    let mean = snapshot.mean.as_ref().map(|mean| row("data.mean", &mean.view().into_dyn()));
    let std = snapshot.std.as_ref().map(|std| row("data.std", &std.view().into_dyn()));
    let weights = snapshot.parameters.iter().map(|(name, array)| row(name, &array.view()));
    let optimizer = snapshot.optimizer.iter().map(|(name, array)| row(&format!("optimizer.{name}"), &array.view()));
    let rows: Vec<ArrayRow> = weights.chain(mean).chain(std).chain(optimizer).collect();
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
    print_line(&format!("images    {} seen", format::count(snapshot.images_seen)));
    print_line(&format!("hash      {}", snapshot.hash));
    print_line("");
    let mut table = Table::new(&["tensor", "shape", "smallest", "mean", "largest", "not finite"]);
    let number =
        |value: Option<f64>| value.map_or_else(|| format::NOT_FINITE.to_owned(), |value| format::number(value, 6));
    for row in rows {
        let shape: Vec<String> = row.shape.iter().map(usize::to_string).collect();
        table.row([
            row.name,
            shape.join(" x "),
            number(row.smallest.map(f64::from)),
            number(row.mean),
            number(row.largest.map(f64::from)),
            if row.not_finite > 0 { format::count(row.not_finite as u64) } else { String::new() },
        ]);
    }
    table.print();
    Ok(())
}

/// One array.
#[derive(Serialize)]
struct ArrayRow {
    name: String,
    shape: Vec<usize>,
    /// Of the finite values; none where there is none.
    smallest: Option<f32>,
    mean: Option<f64>,
    largest: Option<f32>,
    /// Values that are not finite.
    not_finite: usize,
}

fn row(name: &str, array: &ArrayViewD<'_, f32>) -> ArrayRow {
    let finite = || array.iter().copied().filter(|value| value.is_finite());
    let count = finite().count();
    ArrayRow {
        name: name.to_owned(),
        shape: array.shape().to_vec(),
        smallest: finite().reduce(f32::min),
        mean: (count > 0).then(|| finite().map(f64::from).sum::<f64>() / count as f64),
        largest: finite().reduce(f32::max),
        not_finite: array.len() - count,
    }
}
