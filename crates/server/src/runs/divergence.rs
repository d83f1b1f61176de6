//! The divergence of a run, as the interface describes it.

use std::path::Path;

use deepviz_net::{Divergence, Metric, MetricKind, NotFinite};
use serde::Serialize;
use utoipa::ToSchema;

use crate::runs::last_line::find_last;

/// The step at which a run diverged: from there on its numbers are not finite, and none of them is a result.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Diverged {
    /// Updates done: the network as it is after them gives no finite numbers any more.
    step: u64,
    epoch: f64,
    /// `loss`, `weights` or `outputs`.
    what: &'static str,
    /// The values that were not finite, in words.
    found: String,
    /// Learning rate of the last update; null where another program trained the network and did not say.
    #[schema(required)]
    rate: Option<f64>,
}

impl From<Divergence> for Diverged {
    fn from(divergence: Divergence) -> Self {
        let Divergence { step, epoch, what, found, rate, .. } = divergence;
        let what = match what {
            NotFinite::Loss => "loss",
            NotFinite::Weights => "weights",
            NotFinite::Outputs => "outputs",
        };
        Self { step: step.0, epoch, what, found, rate }
    }
}

/// The contents of the end of metrics.jsonl.
#[derive(Default)]
pub(crate) struct LatestMetrics {
    /// The latest measurement of the test split.
    pub(crate) test: Option<Metric>,
    pub(crate) divergence: Option<Diverged>,
}

impl LatestMetrics {
    /// Reads from the end as far as a measurement of the test split.
    pub(crate) fn of(path: &Path) -> Self {
        let mut divergence = None;
        let mut is_last = true;
        let test = find_last(path, |line| {
            let metric = serde_json::from_slice::<Metric>(line).ok();
            // Nothing is measured after it.
            if is_last && metric.is_none() {
                divergence = divergence.take().or_else(|| serde_json::from_slice::<Divergence>(line).ok());
            }
            is_last &= metric.is_none();
            metric.filter(|metric| metric.kind == MetricKind::Test)
        });
        let divergence = divergence.or_else(|| test.as_ref().and_then(Divergence::from_metric));
        let test = test.filter(|metric| divergence.as_ref().is_none_or(|found| found.trusts(metric)));
        Self { test, divergence: divergence.map(Diverged::from) }
    }
}
