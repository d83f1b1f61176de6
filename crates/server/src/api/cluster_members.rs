//! The images of a cluster, page by page, and where they are in other sets of clusters.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{Corpus, ImageId};
use deepviz_stats::{Neighbour, cluster_names};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::cluster_choice::{Assignments, ClusterPath, ClusterQuery};
use crate::api::errors::StatisticsErrors;
use crate::api::params::{DEFAULT_LIMIT, limit, next_cursor, offset};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_cache::matching;
use crate::runs::open_run::OpenRun;
use crate::runs::wire::SplitName;

/// A page of a cluster's images.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MembersQuery {
    /// Images at most, up to 10,000; 48 unless given.
    limit: Option<usize>,
    /// The start of the page: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Some images of a cluster: those nearest to its centre first, the others by id.
#[derive(Serialize, ToSchema)]
struct ClusterMembers {
    checkpoint: usize,
    split: SplitName,
    layer: String,
    metric: String,
    cluster: usize,
    total: usize,
    items: Vec<ClusterMember>,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An image of a cluster.
#[derive(Serialize, ToSchema)]
struct ClusterMember {
    id: u32,
    /// Absent as long as the corpus is not open.
    #[schema(required)]
    true_class: Option<u16>,
    /// Absent where the statistics were replaced just now.
    #[schema(required)]
    predicted: Option<u16>,
    /// To the centre; known of the nearest images only.
    #[schema(required)]
    distance: Option<f32>,
}

/// The images of a cluster: the nearest to its centre first, the others by id.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/clusters/{cluster}/images", tag = "statistics",
    params(ClusterPath, ClusterQuery, MembersQuery),
    responses(
        (status = 200, description = "the answer", body = ClusterMembers),
        StatisticsErrors,
    )
)]
pub(crate) async fn members(
    State(app): State<AppState>,
    PathParams(path): PathParams<ClusterPath>,
    QueryParams(query): QueryParams<ClusterQuery>,
    QueryParams(page): QueryParams<MembersQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let corpus = matching(&run, &app.corpora.of_run(&run)).ok();
    let page = (offset(page.cursor.as_deref())?, limit(page.limit, DEFAULT_LIMIT)?);
    let answer = move || {
        let found = Assignments::find(&run, &path.checkpoint, &query)?;
        found.check(path.cluster)?;
        members_of(&found, path.cluster, page, corpus.as_deref())
    };
    json(&headers, &app.work.run(WorkKind::Render, answer).await?)
}

fn members_of(
    found: &Assignments,
    cluster: usize,
    (offset, limit): (usize, usize),
    corpus: Option<&Corpus>,
) -> Result<ClusterMembers, ApiError> {
    let Assignments { checkpoint, choice, store, set, .. } = found;
    let nearest: &[Neighbour] = set.nearest.get(cluster).map_or(&[], Vec::as_slice);
    let known: BTreeSet<ImageId> = nearest.iter().map(|near| near.image).collect();
    let first = nearest.iter().map(|near| (near.image, Some(near.distance)));
    let rest = found.members(cluster).filter(|image| !known.contains(image)).map(|image| (image, None));
    let all: Vec<(ImageId, Option<f32>)> = first.chain(rest).collect();
    let predicted = store.predicted_classes(checkpoint.step, choice.split)?.unwrap_or_default();
    let item = |&(image, distance): &(ImageId, Option<f32>)| ClusterMember {
        id: image.0,
        true_class: corpus.and_then(|corpus| corpus.label(image)).map(|class| class.0),
        // A damaged file may name images of another split.
        predicted: image.0.checked_sub(found.first).and_then(|position| predicted.get(position as usize)).copied(),
        distance,
    };
    let items: Vec<ClusterMember> = all.iter().skip(offset).take(limit).map(item).collect();
    Ok(ClusterMembers {
        checkpoint: checkpoint.index,
        split: choice.split.into(),
        layer: choice.layer.clone(),
        metric: choice.metric.name().to_owned(),
        cluster,
        total: all.len(),
        next_cursor: next_cursor(offset, items.len(), all.len()),
        items,
    })
}

/// The other set of clusters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OverlapQuery {
    /// Name of the layer there.
    to_layer: String,
    /// `cosine`, `euclidean` or `standardised`.
    to_metric: String,
}

/// The clusters of another set that a cluster's images are in, at the same checkpoint.
#[derive(Serialize, ToSchema)]
struct ClusterOverlap {
    checkpoint: usize,
    split: SplitName,
    layer: String,
    metric: String,
    cluster: usize,
    images: usize,
    to_layer: String,
    to_metric: String,
    /// Those that have some of the images, the most first.
    parts: Vec<OverlapPart>,
}

/// Images that two clusters have in common.
#[derive(Serialize, ToSchema)]
struct OverlapPart {
    /// Number of the cluster there.
    cluster: usize,
    name: String,
    /// Its most frequent class.
    class: usize,
    /// Images that are in both.
    images: usize,
    /// All images of that cluster.
    size: usize,
}

/// Where the images of a cluster are in another set of clusters: another layer or metric at the same checkpoint.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/clusters/{cluster}/overlap", tag = "statistics",
    params(ClusterPath, ClusterQuery, OverlapQuery),
    responses(
        (status = 200, description = "the answer", body = ClusterOverlap),
        StatisticsErrors,
    )
)]
pub(crate) async fn overlap(
    State(app): State<AppState>,
    PathParams(path): PathParams<ClusterPath>,
    QueryParams(query): QueryParams<ClusterQuery>,
    QueryParams(to): QueryParams<OverlapQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let answer = app.work.run(WorkKind::Render, move || overlap_of(&run, &path, &query, to)).await?;
    json(&headers, &answer)
}

fn overlap_of(
    run: &OpenRun,
    path: &ClusterPath,
    query: &ClusterQuery,
    to: OverlapQuery,
) -> Result<ClusterOverlap, ApiError> {
    let here = Assignments::find(run, &path.checkpoint, query)?;
    here.check(path.cluster)?;
    let there = query.other(to.to_layer, to.to_metric).choose(run)?;
    let there = Assignments::of_choice(run, here.checkpoint, there)?;
    let (choice, mix) = (&there.choice, &there.set.mix);
    let mut counts = vec![0; there.count()];
    for image in here.members(path.cluster) {
        if let Some(count) = there.of(image).and_then(|cluster| counts.get_mut(usize::from(cluster))) {
            *count += 1;
        }
    }
    let names = cluster_names(mix, &run.info().classes);
    let part = |(cluster, images): (usize, usize)| {
        let classes = mix.row(cluster);
        OverlapPart {
            cluster,
            name: names[cluster].clone(),
            // The first of equals.
            class: classes.iter().enumerate().rev().max_by_key(|(_, count)| **count).map_or(0, |(class, _)| class),
            images,
            size: classes.sum() as usize,
        }
    };
    let images = counts.iter().sum();
    let mut parts: Vec<OverlapPart> =
        counts.into_iter().enumerate().filter(|(_, images)| *images > 0).map(part).collect();
    parts.sort_by_key(|part| (Reverse(part.images), part.cluster));
    Ok(ClusterOverlap {
        checkpoint: here.checkpoint.index,
        split: here.choice.split.into(),
        layer: here.choice.layer,
        metric: here.choice.metric.name().to_owned(),
        cluster: path.cluster,
        images,
        to_layer: choice.layer.clone(),
        to_metric: choice.metric.name().to_owned(),
        parts,
    })
}
