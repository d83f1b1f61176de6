//! The statistics of a run as the server sees them.

use std::path::Path;
use std::sync::Arc;

use deepviz_corpus::Split;
use deepviz_net::{Metric, MetricKind, Step};
use deepviz_stats::{State, Store};

use crate::http::problem::ApiError;
use crate::runs::listing::CheckpointRef;
use crate::runs::open_run::OpenRun;

/// A checkpoint and a split whose statistics are ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadyStatistics {
    pub(crate) step: Step,
    pub(crate) split: Split,
    pub(crate) hash: String,
}

/// All that are ready, by step.
pub(crate) fn ready_statistics(run: &OpenRun) -> Result<Vec<ReadyStatistics>, ApiError> {
    let Some(store) = run.store()? else { return Ok(Vec::new()) };
    let units = store.units()?.into_iter().filter(|unit| unit.state == State::Ready);
    Ok(units.map(|unit| ReadyStatistics { step: unit.step, split: unit.split, hash: unit.snapshot_hash }).collect())
}

/// Loss and error of the test images at every checkpoint whose statistics are ready, as measurements, by step: for runs
/// whose program has recorded none. Of statistics that cannot be read there are none: the run itself reports them.
pub(crate) fn test_metrics(run: &OpenRun) -> Vec<Metric> {
    let ready = || -> Result<Vec<Metric>, ApiError> {
        let Some(store) = run.store()? else { return Ok(Vec::new()) };
        let listing = run.listing()?;
        let units = store.units()?.into_iter().filter(|unit| unit.split == Split::Test && unit.state == State::Ready);
        let metrics = units.filter_map(|unit| {
            let entry = listing.entries.iter().find(|entry| entry.step == unit.step)?;
            Some(Metric {
                step: unit.step,
                epoch: entry.epoch,
                images_seen: entry.images_seen,
                kind: MetricKind::Test,
                loss: unit.loss,
                error: unit.error_rate,
                rate: None,
                images_per_s: 0.0,
                not_finite: 0,
            })
        });
        Ok(metrics.collect())
    };
    ready().unwrap_or_default()
}

/// Names the statistics of a split as they are now.
pub(crate) fn digest(run: &OpenRun, split: Split) -> Result<String, ApiError> {
    let mut hasher = blake3::Hasher::new();
    for unit in ready_statistics(run)?.into_iter().filter(|unit| unit.split == split) {
        hasher.update(&unit.step.0.to_le_bytes());
        hasher.update(unit.hash.as_bytes());
    }
    Ok(format!("{split}/{}", &hasher.finalize().to_hex()[..32]))
}

/// The statistics of a split, for a request that cannot be answered without.
pub(crate) fn required(run: &OpenRun, split: Split) -> Result<Arc<Store>, ApiError> {
    has_images(run, split)?;
    run.store()?.ok_or_else(|| missing(run, "no statistics have been computed for it"))
}

/// Of a split without images there are no statistics, and no command makes any.
pub(crate) fn has_images(run: &OpenRun, split: Split) -> Result<(), ApiError> {
    let corpus = &run.info().corpus;
    let images = match split {
        Split::Train => corpus.train,
        Split::Test => corpus.test,
    };
    if images == 0 { Err(ApiError::no_split(split)) } else { Ok(()) }
}

/// 409, with the command that computes what is missing.
pub(crate) fn missing(run: &OpenRun, what: &str) -> ApiError {
    ApiError::not_ready(format!("run {}: {what}", run.id))
        .hint("compute them with `deepviz stats RUN`, or follow a run that grows with `deepviz stats RUN --watch`")
}

/// Why a checkpoint's statistics cannot be shown.
pub(crate) fn missing_at(
    run: &OpenRun,
    store: &Store,
    checkpoint: CheckpointRef,
    split: Split,
) -> Result<ApiError, ApiError> {
    let CheckpointRef { index, step } = checkpoint;
    let unit = store.units()?.into_iter().find(|unit| unit.step == step && unit.split == split);
    let what = match unit {
        // The reason is in the snapshot: another try would fail as this one did.
        Some(unit) if unit.state == State::Failed => {
            return Ok(ApiError::not_ready(format!(
                "run {}: the statistics of checkpoint {index} ({split}) failed: {}",
                run.id,
                unit.error.as_deref().map_or_else(|| "no reason is recorded".to_owned(), without_folders)
            ))
            .hint("the other checkpoints are not affected"));
        }
        Some(unit) if unit.state == State::Stale => format!(
            "the statistics of checkpoint {index} ({split}) were made from another snapshot or corpus than there is now"
        ),
        _ => format!("checkpoint {index} has no statistics of the {split} split yet"),
    };
    Ok(missing(run, &what))
}

/// Why the activity of a layer cannot be shown: its checkpoint's statistics are missing, or do not have the layer.
pub(crate) fn missing_of_layer(
    run: &OpenRun,
    store: &Store,
    checkpoint: CheckpointRef,
    layer: &str,
    split: Split,
) -> Result<ApiError, ApiError> {
    // Layer 0 is the input image, of which no activity is stored.
    let is_input = run.network().index_of(layer) == Some(0);
    if is_input || !store.is_layer_left_out(checkpoint.step, split, layer)? {
        return missing_at(run, store, checkpoint, split);
    }
    let what = format!("run {}: the statistics of checkpoint {} ({split}) leave out {layer}", run.id, checkpoint.index);
    Ok(ApiError::not_ready(what).hint(format!("compute it too with `deepviz stats RUN --layers {layer}`")))
}

/// A reason as `deepviz stats` recorded it, without the folder that the run lay in: those of earlier versions name it.
fn without_folders(reason: &str) -> String {
    let mut relative = String::new();
    let mut rest = reason;
    while let Some(at) = rest.find(IN_SNAPSHOTS) {
        let (before, after) = rest.split_at(at);
        let start = [": ", "snapshot "].iter().filter_map(|mark| Some(before.rfind(mark)? + mark.len())).max();
        relative.push_str(&before[..start.unwrap_or(0)]);
        relative.push_str(&after[1..IN_SNAPSHOTS.len()]);
        rest = &after[IN_SNAPSHOTS.len()..];
    }
    relative + rest
}

const IN_SNAPSHOTS: &str = "/snapshots/";

/// True where no file handle is left, which `SQLite` does not say when it cannot open a file. The folder is opened and
/// not the database: closing that would release the locks that `SQLite` holds on it.
fn has_no_file_to_spare(database: &Path) -> bool {
    let opened = database.parent().map(std::fs::File::open);
    matches!(opened, Some(Err(error)) if deepviz_net::is_out_of_files(&error))
}

impl From<deepviz_stats::Error> for ApiError {
    fn from(error: deepviz_stats::Error) -> Self {
        use deepviz_stats::Error;
        match error {
            Error::Older { .. } => Self::unusable(error.within_run().to_string())
                .hint("`deepviz stats RUN` brings them up to date and computes what they lack"),
            Error::Corrupt { .. } | Error::Foreign { .. } | Error::Newer { .. } => {
                Self::unusable(error.within_run().to_string())
                    .hint("stats.sqlite can be deleted and computed again: `deepviz stats RUN`")
            }
            Error::Busy { .. } => Self::busy(error.within_run().to_string()),
            Error::Unwritable { ref path, .. } if has_no_file_to_spare(path) => Self::out_of_files(),
            // The text goes to the log only.
            other => Self::internal(other.to_string()),
        }
    }
}

impl From<deepviz_net::Error> for ApiError {
    fn from(error: deepviz_net::Error) -> Self {
        use deepviz_net::Error;
        if error.is_out_of_files() {
            return Self::out_of_files();
        }
        match error {
            Error::NoSnapshot { .. } | Error::NoLayer { .. } => Self::not_found(error.within_run().to_string()),
            Error::Device { .. } => Self::internal(error.to_string()),
            Error::NeedsWorker => Self::not_ready(error.to_string())
                .hint("start the server with --worker and a Python that has torch and the package deepviz"),
            other => Self::unusable(other.within_run().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_reasons_lose_the_folder_and_nothing_else() {
        for (recorded, relative) in [
            (
                "cannot use the snapshot: it is cut short: /data/my runs/a/snapshots/000100.safetensors",
                "cannot use the snapshot: it is cut short: snapshots/000100.safetensors",
            ),
            (
                "cannot read the snapshot ../runs/a/snapshots/000100.safetensors: Permission denied",
                "cannot read the snapshot snapshots/000100.safetensors: Permission denied",
            ),
            (
                "the outputs of fc10 of 3 of 9 images are not finite",
                "the outputs of fc10 of 3 of 9 images are not finite",
            ),
            ("snapshots/1 and / alone", "snapshots/1 and / alone"),
        ] {
            assert_eq!(without_folders(recorded), relative);
        }
    }
}
