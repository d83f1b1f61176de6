//! `deepviz inspect RUN`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use deepviz_corpus::Corpus;
use deepviz_net::{CheckpointEntry, Device, Divergence, Metric, MetricKind, MetricsLog, Run};
use deepviz_stats::{OutputCheck, State, Store, UnitState};
use serde::Serialize;
use serde_json::json;

use super::layers;
use crate::console::{note, print_json, print_line};
use crate::format;
use crate::table::Table;

/// Prints a run.
pub fn print(path: &Path, as_json: bool) -> anyhow::Result<()> {
    let run = Run::open(path).context("cannot open the run")?;
    let log = run.metrics_log()?;
    if let Some(skipped) = &log.skipped {
        note(&format!("warning: {skipped}"));
    }
    let units = match Store::open_read_only(path).context("cannot read the statistics")? {
        Some(store) => store.units().context("cannot read the statistics")?,
        None => Vec::new(),
    };
    let rows = rows(&run.checkpoints(), &log, &units);
    let views = log.lines.iter().rfind(|metric| metric.kind == MetricKind::Views);
    if as_json {
        print_json(&json!({
            "kind": "run",
            "live": run.is_live(),
            "info": run.info(),
            "check": check(&run).map(|found| match found {
                Ok(found) => json!({ "difference": found.difference, "agrees": found.agrees() }),
                Err(error) => json!({ "problem": format!("{error:#}") }),
            }),
            "parameters": run.network().parameter_count(),
            "layers": layers::rows(run.network()),
            "checkpoints": rows,
            "views_error": views.and_then(Metric::finite_error),
            "diverged": log.divergence,
            "skipped_metrics": log.skipped,
        }));
    } else {
        print_head(&run);
        layers::print(&layers::rows(run.network()));
        print_line("");
        print_checkpoints(&rows);
        if let Some(views) = views {
            let error = views.finite_error().unwrap_or(f64::NAN);
            print_line(&format!("\ntest error over several views: {}", format::percent(error)));
        }
        if let Some(divergence) = &log.divergence {
            print_line(&format!("\n{}", diverged_line(divergence)));
        }
    }
    Ok(())
}

fn diverged_line(divergence: &Divergence) -> String {
    let Divergence { step, found, rate, .. } = divergence;
    let rate = rate.map(|rate| format!(" (learning rate {rate:?})")).unwrap_or_default();
    format!("diverged at step {}: {found}{rate}", format::count(step.0))
}

/// Compares the outputs of a run's `[check]`, on the CPU; none where it has none.
fn check(run: &Run) -> Option<anyhow::Result<OutputCheck>> {
    run.info().check.as_ref()?;
    let compare = || {
        anyhow::ensure!(!run.network().is_external(), "Python computes this network; `deepviz stats` compares them");
        let corpus = Corpus::open(&run.info().corpus.path)?;
        let found = OutputCheck::of(run, &corpus, &Device::cpu(None, None)?)?;
        found.context("the run has no recorded outputs")
    };
    Some(compare())
}

fn print_source(run: &Run) {
    let Some(source) = &run.info().source else { return };
    let optimiser = source.optimiser.as_ref().map(|optimiser| format!(", {optimiser}")).unwrap_or_default();
    print_line(&format!("source      {} {}, {}{optimiser}", source.kind, source.version, source.model));
    match check(run) {
        None => print_line("check       no outputs were recorded to compare with"),
        Some(Err(error)) => print_line(&format!("check       outputs were not compared: {error:#}")),
        Some(Ok(found)) => print_line(&format!(
            "check       outputs {} the recorded ones: largest difference {:.1e} of the largest ({} images, step {})",
            if found.agrees() { "agree with" } else { "DIFFER from" },
            found.difference,
            found.images,
            found.step,
        )),
    }
}

/// One checkpoint.
#[derive(Serialize)]
struct CheckpointRow {
    index: usize,
    step: u64,
    epoch: f64,
    images_seen: u64,
    hash: String,
    problem: Option<String>,
    train_loss: Option<f64>,
    train_error: Option<f64>,
    test_loss: Option<f64>,
    test_error: Option<f64>,
    /// True when the test split was measured and gave no finite numbers.
    not_finite: bool,
    /// True when the run has diverged there.
    diverged: bool,
    statistics: BTreeMap<String, String>,
}

fn rows(checkpoints: &[CheckpointEntry], log: &MetricsLog, units: &[UnitState]) -> Vec<CheckpointRow> {
    let of_step = |kind: MetricKind| -> BTreeMap<u64, &Metric> {
        let metrics = log.lines.iter().filter(|metric| metric.kind == kind);
        metrics.map(|metric| (metric.step.0, metric)).collect()
    };
    let (train, test) = (of_step(MetricKind::Train), of_step(MetricKind::Test));
    checkpoints
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let (train, measured) = (train.get(&entry.step.0), test.get(&entry.step.0));
            let test = measured.filter(|metric| log.is_finite(metric));
            CheckpointRow {
                index,
                step: entry.step.0,
                epoch: entry.epoch,
                images_seen: entry.images_seen,
                hash: entry.hash.clone(),
                problem: entry.problem.clone(),
                train_loss: train.and_then(|metric| metric.loss),
                train_error: train.and_then(|metric| metric.error),
                test_loss: test.and_then(|metric| metric.loss),
                test_error: test.and_then(|metric| metric.error),
                not_finite: measured.is_some() && test.is_none(),
                diverged: !log.is_before_divergence(entry.step),
                statistics: statistics(entry, units),
            }
        })
        .collect()
}

/// State of a checkpoint's statistics by split.
fn statistics(entry: &CheckpointEntry, units: &[UnitState]) -> BTreeMap<String, String> {
    units
        .iter()
        .filter(|unit| unit.step == entry.step)
        .map(|unit| {
            let is_stale = unit.snapshot_hash != entry.hash;
            let state = match unit.state {
                State::Ready if is_stale => "stale",
                State::Ready => "ready",
                State::Failed => "failed",
                State::Stale => "stale",
            };
            (unit.split.to_string(), state.to_owned())
        })
        .collect()
}

fn print_head(run: &Run) {
    let info = run.info();
    let live = if run.is_live() { ", live" } else { "" };
    let writer = if info.source.is_some() { info.version.clone() } else { format!("deepviz {}", info.version) };
    print_line(&format!("run         {} ({writer}{live})", info.name));
    let how = match &info.training {
        Some(training) => format!("seed {}, {}", training.seed, training.vector_level),
        None => "trained elsewhere".to_owned(),
    };
    print_line(&format!("recipe      {}, {how}", info.recipe.name));
    print_source(run);
    print_line(&format!(
        "corpus      {} ({} train, {} test, {} classes)",
        info.corpus.path.display(),
        format::count(info.corpus.train),
        format::count(info.corpus.test),
        info.classes.len(),
    ));
    if let Some(training) = &info.training {
        print_line(&format!(
            "schedule    {} steps, {} an epoch, {} snapshots planned",
            format::count(training.total_steps),
            format::count(training.steps_per_epoch),
            training.snapshot_steps.len(),
        ));
    }
    print_line(&format!("parameters  {}", format::count(run.network().parameter_count() as u64)));
    print_line("");
}

fn print_checkpoints(rows: &[CheckpointRow]) {
    let mut table =
        Table::new(&["checkpoint", "step", "epoch", "train loss", "test loss", "test error", "statistics", "problem"]);
    let number = |value: Option<f64>| value.map(|value| format::number(value, 4)).unwrap_or_default();
    for row in rows {
        let statistics: Vec<String> = row.statistics.iter().map(|(split, state)| format!("{split} {state}")).collect();
        table.row([
            row.index.to_string(),
            format::count(row.step),
            format!("{:.2}", row.epoch),
            number(row.train_loss),
            number(row.test_loss.or(row.not_finite.then_some(f64::NAN))),
            row.test_error.or(row.not_finite.then_some(f64::NAN)).map(format::percent).unwrap_or_default(),
            statistics.join(", "),
            row.problem.clone().or(row.diverged.then(|| "diverged".to_owned())).unwrap_or_default(),
        ]);
    }
    table.print();
}
