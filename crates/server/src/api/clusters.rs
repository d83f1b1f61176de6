//! Groups of images that a layer finds alike.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{Corpus, ImageId};
use deepviz_stats::{ClusterSet, Lineage, cluster_names};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::cluster_choice::{ClusterQuery, ClusterSelection, no_set};
use crate::api::errors::{QueryErrors, StatisticsErrors};
use crate::api::params::{CheckpointPath, RunPath, find_checkpoint};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_cache::matching;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::runs::wire::SplitName;

/// Clusters at one checkpoint.
#[expect(clippy::struct_field_names, reason = "the answer's field is named so in the interface")]
#[derive(Serialize, ToSchema)]
struct Clusters {
    checkpoint: usize,
    split: SplitName,
    layer: String,
    metric: String,
    images: u64,
    /// Sum of the squared distances of all images to their centres.
    inertia: f64,
    /// The checkpoint that `from` speaks of; absent at the first.
    #[schema(required)]
    previous: Option<usize>,
    clusters: Vec<Cluster>,
}

/// A group of images; its index is the same at every checkpoint.
#[derive(Serialize, ToSchema)]
struct Cluster {
    index: usize,
    /// From its commonest classes; no two of a checkpoint are equal.
    name: String,
    size: u32,
    /// In which clusters its members were at the checkpoint before, most first.
    from: Vec<ClusterSource>,
    /// Images by true class.
    mix: Vec<u32>,
    /// The images nearest to the centre.
    nearest: Vec<NearestImage>,
}

/// Members that came from the same cluster.
#[derive(Serialize, ToSchema)]
#[schema(as = Source)]
struct ClusterSource {
    cluster: usize,
    images: u32,
}

/// An image near a centre.
#[derive(Serialize, ToSchema)]
#[schema(as = Near)]
struct NearestImage {
    id: u32,
    distance: f32,
    /// Absent as long as the corpus is not open.
    #[schema(required)]
    true_class: Option<u16>,
}

/// Clusters at every checkpoint that has them.
#[derive(Serialize, ToSchema)]
struct ClusterHistory {
    split: SplitName,
    layer: String,
    metric: String,
    checkpoints: Vec<usize>,
    sizes: Vec<Vec<u32>>,
    /// Share of each cluster's commonest class.
    purity: Vec<Vec<f32>>,
}

/// Clusters of a checkpoint: sizes, classes, and the images nearest to each centre.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/clusters", tag = "statistics",
    params(CheckpointPath, ClusterQuery),
    responses(
        (status = 200, description = "the answer", body = Clusters),
        StatisticsErrors,
    )
)]
pub(crate) async fn clusters(
    State(app): State<AppState>,
    PathParams(CheckpointPath { run, checkpoint }): PathParams<CheckpointPath>,
    QueryParams(query): QueryParams<ClusterQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let corpus = matching(&run, &app.corpora.of_run(&run)).ok();
    let answer = app
        .work
        .run(WorkKind::Render, move || {
            let checkpoint = find_checkpoint(&run, &checkpoint)?;
            let choice = query.choose(&run)?;
            let store = statistics::required(&run, choice.split)?;
            match store.clusters(checkpoint.step, choice.split, &choice.layer, choice.metric)? {
                Some(set) => {
                    let lineage = store.cluster_lineage(checkpoint.step, choice.split, &choice.layer, choice.metric)?;
                    let found = FoundClusters { checkpoint: checkpoint.index, choice, set, lineage };
                    Ok(answer_of(&run, found, corpus.as_deref()))
                }
                None if store.confusion(checkpoint.step, choice.split)?.is_some() => {
                    Err(no_set(&run, checkpoint.index, &choice))
                }
                None => Err(statistics::missing_at(&run, &store, checkpoint, choice.split)?),
            }
        })
        .await?;
    json(&headers, &answer)
}

/// A cluster set, and where its members came from.
struct FoundClusters {
    checkpoint: usize,
    choice: ClusterSelection,
    set: ClusterSet,
    lineage: Option<Lineage>,
}

fn sources(lineage: Option<&Lineage>, cluster: usize) -> Vec<ClusterSource> {
    let Some(lineage) = lineage.filter(|lineage| cluster < lineage.images.nrows()) else { return Vec::new() };
    let counts = lineage.images.row(cluster);
    let mut sources: Vec<ClusterSource> = counts
        .iter()
        .enumerate()
        .filter(|&(_, &images)| images > 0)
        .map(|(cluster, &images)| ClusterSource { cluster, images })
        .collect();
    sources.sort_by_key(|source| (std::cmp::Reverse(source.images), source.cluster));
    sources
}

fn answer_of(run: &OpenRun, found: FoundClusters, corpus: Option<&Corpus>) -> Clusters {
    let FoundClusters { checkpoint, choice, set, lineage } = found;
    let sizes = set.sizes();
    let mut names = cluster_names(&set.mix, &run.info().classes).into_iter();
    let class = |id: ImageId| corpus.and_then(|corpus| corpus.label(id)).map(|class| class.0);
    let clusters = sizes.iter().enumerate().map(|(index, &size)| Cluster {
        index,
        name: names.next().unwrap_or_default(),
        size,
        from: sources(lineage.as_ref(), index),
        mix: set.mix.row(index).to_vec(),
        nearest: set.nearest[index]
            .iter()
            .map(|near| NearestImage { id: near.image.0, distance: near.distance, true_class: class(near.image) })
            .collect(),
    });
    Clusters {
        checkpoint,
        split: choice.split.into(),
        layer: choice.layer,
        metric: choice.metric.name().to_owned(),
        images: sizes.iter().map(|&size| u64::from(size)).sum(),
        inertia: set.inertia,
        clusters: clusters.collect(),
        previous: lineage.as_ref().and_then(|lineage| run.listing().ok()?.index_of(lineage.previous_step)),
    }
}

/// Sizes and purities of the clusters at every checkpoint that has them.
#[utoipa::path(
    get, path = "/api/runs/{run}/clusters", tag = "statistics", params(RunPath, ClusterQuery),
    responses(
        (status = 200, description = "the answer", body = ClusterHistory),
        QueryErrors,
    )
)]
pub(crate) async fn cluster_history(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<ClusterQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let history = app.work.run(WorkKind::Render, move || history_of(&run, &query)).await?;
    json(&headers, &history)
}

fn history_of(run: &OpenRun, query: &ClusterQuery) -> Result<ClusterHistory, ApiError> {
    let choice = query.choose(run)?;
    let by_step = match run.store()? {
        Some(store) => store.cluster_history(choice.split, &choice.layer, choice.metric)?,
        None => Vec::new(),
    };
    let listing = run.listing()?;
    let mut history = ClusterHistory {
        split: choice.split.into(),
        layer: choice.layer,
        metric: choice.metric.name().to_owned(),
        checkpoints: Vec::new(),
        sizes: Vec::new(),
        purity: Vec::new(),
    };
    for clusters in by_step {
        let Some(index) = listing.index_of(clusters.step) else { continue };
        let commonest = clusters.mix.outer_iter().map(|mix| mix.iter().copied().max().unwrap_or_default());
        let purity = commonest.zip(&clusters.sizes).map(|(count, &size)| count as f32 / size.max(1) as f32);
        history.purity.push(purity.collect());
        history.checkpoints.push(index);
        history.sizes.push(clusters.sizes);
    }
    Ok(history)
}
