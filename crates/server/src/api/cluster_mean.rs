//! The mean image of a cluster, and of the images that are not in it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_render::Grid;
use deepviz_stats::captions::ImageTable;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::cluster_choice::{Assignments, ClusterPath, ClusterQuery};
use crate::api::errors::{NotModified, StatisticsErrors};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, Content};
use crate::http::work_pool::WorkKind;
use crate::sheet::mean_image::ClusteredImages;

/// Pixels per pixel at most: tiles have 128 pixels a side and less.
const MAX_SCALE: usize = 8;

/// The picture.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MeanQuery {
    /// `members` (default), or `rest`: all other images of the split.
    of: Option<String>,
    /// Pixels per pixel, 1 to 8; 1 unless given.
    #[param(minimum = 1, maximum = 8)]
    scale: Option<usize>,
}

/// The mean image of a cluster, or of the images that are not in it.
///
/// Images of different sizes are made tiles of one size first, as in sheets of images. Of splits with more than 2 GiB of
/// pixels the images that captions measure are taken.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/clusters/{cluster}/mean", tag = "statistics",
    params(ClusterPath, ClusterQuery, MeanQuery),
    responses(
        (status = 200, description = "the answer", body = Vec<u8>, content_type = "image/png"),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn mean(
    State(app): State<AppState>,
    PathParams(path): PathParams<ClusterPath>,
    QueryParams(query): QueryParams<ClusterQuery>,
    QueryParams(picture): QueryParams<MeanQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let is_inside = match picture.of.as_deref() {
        None | Some("members") => true,
        Some("rest") => false,
        Some(word) => return Err(ApiError::bad(format!("unknown images `{word}`; expected members or rest"))),
    };
    let scale = picture.scale.unwrap_or(1);
    if !(1..=MAX_SCALE).contains(&scale) {
        return Err(ApiError::bad(format!("expected a scale of 1 to {MAX_SCALE}, found {scale}")));
    }
    let run = app.runs.get(&path.run)?;
    let corpus = app.corpora.images_of(&run).await?;
    let cluster = path.cluster;
    let clustered = {
        let corpus = Arc::clone(&corpus);
        let find = move || {
            let found = Assignments::find(&run, &path.checkpoint, &query)?;
            found.check(cluster)?;
            let mut hasher = blake3::Hasher::new();
            for cluster in &found.clusters {
                hasher.update(&cluster.to_le_bytes());
            }
            let split = found.choice.split;
            let images = ImageTable::chosen(&corpus, corpus.range(split)).into_iter();
            Ok(ClusteredImages {
                key: format!("image-sums/{}/{split}/{}", corpus.identity(), hasher.finalize().to_hex()),
                images: images.filter_map(|image| Some((image, found.of(image)?))).collect(),
                count: found.count(),
            })
        };
        app.work.run(WorkKind::Render, find).await?
    };
    let sums = app.image_measurements.sums(&corpus, clustered).await?;
    let draw = move || {
        let mean = sums.mean(cluster, is_inside);
        let mean = mean.ok_or_else(|| ApiError::not_found(format!("cluster {cluster} has no images to average")))?;
        Ok(deepviz_render::atlas(&[mean.view()], Grid { columns: 1, scale })?)
    };
    let png = app.work.run(WorkKind::Render, draw).await?;
    Ok(Content::new("image/png", png).reply(&headers, CachePolicy::Revalidate))
}
