//! Lines of a run's metrics.jsonl.

use crate::error::Error;
use crate::shape::Step;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One measurement: the loss and error of a training minibatch, or over the test split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Updates done when it was measured (a training line: including the one of its minibatch).
    pub step: Step,
    /// The same in epochs.
    pub epoch: f64,
    /// Training images seen.
    pub images_seen: u64,
    /// Training or test.
    pub kind: MetricKind,
    /// Mean logistic loss an image.
    pub loss: f64,
    /// Fraction of images misclassified.
    pub error: f64,
    /// Learning rate of the step (of the schedule; layers may have factors).
    pub rate: f64,
    /// Speed while it was measured.
    pub images_per_s: f64,
}

/// What a [`Metric`] was measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// The minibatch of the step, before its update.
    Train,
    /// The whole test split, each image seen once, at its centre.
    Test,
    /// The whole test split, over the several views of each image that the recipe names; after the
    /// last step only, for it costs as many times as much.
    Views,
}

/// Reads the lines; one that is torn at the end of a file still growing is left out.
pub(crate) fn read(path: &Path) -> Result<Vec<Metric>, Error> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::io("read the metrics", path)(source)),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|reason| Error::Damaged {
                what: "the metrics",
                reason: format!("line {}: {reason}", index + 1),
                path: path.into(),
            })
        })
        .collect()
}
