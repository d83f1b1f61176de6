//! The sets of clusters of a run, and choosing one of them.

use std::sync::Arc;

use deepviz_corpus::{ImageId, Split};
use deepviz_stats::{ClusterSet, Metric, State, Store};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::params::find_checkpoint;
use crate::http::problem::ApiError;
use crate::runs::corpus_params::split;
use crate::runs::listing::CheckpointRef;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
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
    /// The same split, and another set of clusters.
    pub(crate) fn other(&self, layer: String, metric: String) -> Self {
        Self { split: self.split.clone(), layer: Some(layer), metric: Some(metric) }
    }

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

/// A cluster of a checkpoint in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ClusterPath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(crate) run: String,
    /// Index of the checkpoint, or `last`.
    #[param(example = "last")]
    pub(crate) checkpoint: String,
    /// Number of the cluster.
    #[param(example = "3")]
    pub(crate) cluster: usize,
}

/// The cluster of every image of a split at a checkpoint.
pub(crate) struct Assignments {
    pub(crate) checkpoint: CheckpointRef,
    pub(crate) choice: ClusterSelection,
    pub(crate) store: Arc<Store>,
    /// By image, in the order of their ids.
    pub(crate) clusters: Vec<u16>,
    /// By cluster, the images of each class (`mix`), and the images nearest to the centre.
    pub(crate) set: ClusterSet,
    /// The first image of the split.
    pub(crate) first: u32,
}

impl Assignments {
    /// Those that a query names, in blocking code.
    pub(crate) fn find(run: &OpenRun, checkpoint: &str, query: &ClusterQuery) -> Result<Self, ApiError> {
        Self::of_choice(run, find_checkpoint(run, checkpoint)?, query.choose(run)?)
    }

    /// The same for a choice that is complete.
    pub(crate) fn of_choice(
        run: &OpenRun,
        checkpoint: CheckpointRef,
        choice: ClusterSelection,
    ) -> Result<Self, ApiError> {
        let ClusterSelection { split, ref layer, metric } = choice;
        let store = statistics::required(run, split)?;
        let found = store.cluster_assignments(checkpoint.step, split, layer, metric)?;
        let set = store.clusters(checkpoint.step, split, layer, metric)?;
        let (Some(clusters), Some(set)) = (found, set) else {
            if store.confusion(checkpoint.step, split)?.is_some() {
                return Err(no_set(run, checkpoint.index, &choice));
            }
            return Err(statistics::missing_at(run, &store, checkpoint, split)?);
        };
        let first = first_image(run, split);
        Ok(Self { checkpoint, choice, store, clusters, set, first })
    }

    /// The cluster of an image; none where it is not of the split.
    pub(crate) fn of(&self, image: ImageId) -> Option<u16> {
        self.clusters.get(image.0.checked_sub(self.first)? as usize).copied()
    }

    /// How many clusters there are.
    pub(crate) fn count(&self) -> usize {
        self.set.mix.nrows()
    }

    /// 404 where there is no cluster of that number.
    pub(crate) fn check(&self, cluster: usize) -> Result<(), ApiError> {
        if cluster < self.count() {
            return Ok(());
        }
        Err(ApiError::not_found(format!(
            "no cluster {cluster}; {} by {} has 0 to {}",
            self.choice.layer,
            self.choice.metric.name(),
            self.count().saturating_sub(1)
        )))
    }

    /// The images of a cluster, ascending.
    pub(crate) fn members(&self, cluster: usize) -> impl Iterator<Item = ImageId> {
        let is_member = move |found: &u16| usize::from(*found) == cluster;
        (self.first..=u32::MAX)
            .zip(&self.clusters)
            .filter(move |(_, found)| is_member(found))
            .map(|(id, _)| ImageId(id))
    }
}

/// The first image of a split.
pub(crate) fn first_image(run: &OpenRun, split: Split) -> u32 {
    match split {
        Split::Train => 0,
        Split::Test => run.info().corpus.train as u32,
    }
}

/// 409 where a checkpoint with statistics has no such clusters.
pub(crate) fn no_set(run: &OpenRun, checkpoint: usize, choice: &ClusterSelection) -> ApiError {
    let known: Vec<_> =
        cluster_choices(run).iter().map(|choice| format!("{} by {}", choice.layer, choice.metric)).collect();
    statistics::missing(
        run,
        &format!(
            "checkpoint {checkpoint} has no clusters of layer {} by {}; there are {}",
            choice.layer,
            choice.metric.name(),
            known.join(", ")
        ),
    )
}

/// The cluster sets of the newest statistics; what is computed by default where there are none.
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
