//! The sets of clusters of a run, and choosing one of them.

use deepviz_corpus::Split;
use deepviz_stats::{Metric, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::problem::ApiError;
use crate::runs::corpus_params::split;
use crate::runs::open_run::OpenRun;
use crate::sheet::layer_axis::layer_index;

/// A layer and a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ClusterChoice {
    pub(crate) layer: String,
    pub(crate) metric: String,
}

/// The parameters that choose clusters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClusterQuery {
    /// `test` (default) or `train`.
    split: Option<String>,
    /// Name of a layer; the features before the last layer unless given.
    layer: Option<String>,
    /// `cosine`, `euclidean` or `standardised`; what was computed for the layer unless given.
    metric: Option<String>,
}

/// The clusters that a request is about.
pub(crate) struct ClusterSelection {
    pub(crate) split: Split,
    pub(crate) layer: String,
    pub(crate) metric: Metric,
}

impl ClusterQuery {
    /// The clusters that the query names, completed from those that were computed.
    pub(crate) fn choose(&self, run: &OpenRun) -> Result<ClusterSelection, ApiError> {
        let split = split(self.split.as_deref())?;
        if let Some(layer) = &self.layer {
            layer_index(run.network(), layer)?;
        }
        let metric = |word: &str| {
            word.parse::<Metric>().map_err(|_| {
                ApiError::bad(format!("unknown metric `{word}`; expected cosine, euclidean or standardised"))
            })
        };
        let wanted = self.metric.as_deref().map(metric).transpose()?;
        let choices = cluster_choices(run);
        let fits = |layer: &str, name: &str| {
            self.layer.as_deref().is_none_or(|wanted| wanted == layer)
                && wanted.is_none_or(|wanted| wanted.name() == name)
        };
        let found = choices.iter().find(|choice| fits(&choice.layer, &choice.metric));
        let first = found.or(choices.first());
        let layer = self.layer.clone().or_else(|| first.map(|choice| choice.layer.clone()));
        let metric = match (wanted, first) {
            (Some(metric), _) => metric,
            (None, Some(choice)) => metric(&choice.metric)?,
            (None, None) => Metric::Cosine,
        };
        Ok(ClusterSelection { split, layer: layer.unwrap_or_default(), metric })
    }
}

/// The cluster sets of the newest statistics; what is computed unless told otherwise where there are none.
pub(crate) fn cluster_choices(run: &OpenRun) -> Vec<ClusterChoice> {
    let name = |index: usize| run.network().layers()[index].name.clone();
    let features = ClusterChoice { layer: name(run.network().features()), metric: "cosine".to_owned() };
    let logits = ClusterChoice { layer: name(run.network().logits()), metric: "euclidean".to_owned() };
    let found = computed_choices(run).unwrap_or_default();
    if found.is_empty() {
        return vec![features, logits];
    }
    let (mut first, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|choice| *choice == features);
    first.extend(rest);
    first
}

fn computed_choices(run: &OpenRun) -> Option<Vec<ClusterChoice>> {
    let store = run.store().ok().flatten()?;
    let unit = store.units().ok()?.into_iter().rfind(|unit| unit.state == State::Ready)?;
    let sets = store.cluster_sets(unit.step, unit.split).ok()?;
    let choice =
        |set: deepviz_stats::ClusterSetInfo| ClusterChoice { layer: set.layer, metric: set.metric.name().to_owned() };
    Some(sets.into_iter().map(choice).collect())
}
