//! Which layers of two networks see the same.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::Network;
use deepviz_stats::compare::Estimate;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ComparePath, OtherCheckpoint};
use crate::api::errors::StatisticsErrors;
use crate::app::AppState;
use crate::compare::layers::{ComparedLayers, DEFAULT_IMAGES, MAX_IMAGES, MIN_IMAGES};
use crate::compare::sides::Sides;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::runs::wire::SplitName;

/// The second checkpoint, and over how many images.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareLayersQuery {
    /// Id of the second run, B; it may be the same.
    #[param(example = "my-run")]
    b: String,
    /// Index of its checkpoint; its last unless given.
    b_checkpoint: Option<String>,
    /// A layer of A: it alone is compared, with one of B. The Procrustes similarity then has an interval too.
    #[param(example = "conv1")]
    layer: Option<String>,
    /// The layer of B beside it; of the same name unless given.
    b_layer: Option<String>,
    /// Test images of A's corpus (training images where it has none), evenly chosen, 8 to 4,000; 1,000 unless given. Of
    /// networks with many layers there is memory for fewer images: the default is lowered, and more are refused.
    #[param(minimum = 8, maximum = 4000)]
    images: Option<usize>,
}

/// How alike the layers of two networks are.
#[derive(Serialize, ToSchema)]
struct LayerSimilarity {
    checkpoint: usize,
    b: OtherCheckpoint,
    /// Images of A's corpus that both were shown.
    images: usize,
    /// `test`, or `train` where there are no test images.
    split: SplitName,
    layers: SimilarLayers,
    /// Linear CKA without bias, a row a layer of A, a column a layer of B: 1 is the same up to rotation and one factor,
    /// about 0 is nothing in common. Null where a layer does the same with every image.
    #[schema(value_type = Vec<Vec<Option<f64>>>)]
    cka: Vec<Vec<Option<f64>>>,
    /// Intervals of 95 %, from random halves of the images.
    #[schema(value_type = Vec<Vec<Option<[f64; 2]>>>)]
    cka_interval: Vec<Vec<Option<[f64; 2]>>>,
    /// Orthogonal Procrustes similarity, 0 to 1; null too where a layer has more than 512 features.
    #[schema(value_type = Vec<Vec<Option<f64>>>)]
    procrustes: Vec<Vec<Option<f64>>>,
    /// Its interval of 95 % from random halves of the images, where two layers alone are compared. What few images do to
    /// the figure itself, which they make larger, is not in it.
    #[schema(required)]
    procrustes_interval: Option<[f64; 2]>,
    /// For every layer of A the index of the layer of B that it is matched to: of one network the same layer; else the
    /// order is kept, and the sum of CKA, less what distances in depth cost, is greatest. Null where nothing is known.
    proposed: Vec<Option<usize>>,
}

/// The layers of both networks.
#[derive(Serialize, ToSchema)]
struct SimilarLayers {
    a: Vec<SimilarLayer>,
    b: Vec<SimilarLayer>,
    /// Layers with weights that were left out, of A and of B: beyond 32, the others are spread evenly.
    left_out: [usize; 2],
}

/// A layer as it was compared.
#[derive(Serialize, ToSchema)]
struct SimilarLayer {
    layer: String,
    /// Where it was measured: behind the layer's nonlinearity, if it has one.
    measured_at: String,
    /// Rows and columns to which its maps were averaged.
    grid: [usize; 2],
    /// Values by which an image is described.
    features: usize,
}

/// How alike the layers of two checkpoints are, of one run or of two with any networks.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/compare/layers", tag = "compare",
    params(ComparePath, CompareLayersQuery),
    responses(
        (status = 200, description = "the answer", body = LayerSimilarity),
        StatisticsErrors,
    )
)]
pub(crate) async fn compared_layers(
    State(app): State<AppState>,
    PathParams(path): PathParams<ComparePath>,
    QueryParams(query): QueryParams<CompareLayersQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let images = query.images.map(|images| wanted_images(Some(images))).transpose()?;
    let second = (query.b.as_str(), query.b_checkpoint.as_deref());
    let sides = Sides::find(&app, (&path.run, &path.checkpoint), second).await?;
    let pair = match (query.layer.as_deref(), query.b_layer.as_deref()) {
        (None, None) => None,
        (None, Some(_)) => {
            return Err(ApiError::bad("b_layer was given without layer").hint("layer=conv1&b_layer=conv1"));
        }
        (Some(layer), b_layer) => Some([sides.a.layer(layer)?, sides.b.layer(b_layer.unwrap_or(layer))?]),
    };
    let found = sides.similarity(&app, images, pair).await?;
    let map = &found.map;
    json(
        &headers,
        &LayerSimilarity {
            checkpoint: sides.a.checkpoint,
            b: (&sides.b).into(),
            images: found.images,
            split: found.split.into(),
            layers: SimilarLayers {
                a: named(&found.a, sides.a.run.network()),
                b: named(&found.b, sides.b.run.network()),
                left_out: [found.a.left_out, found.b.left_out],
            },
            cka: rows(&map.cka, |estimate| estimate.value),
            cka_interval: rows(&map.cka, |estimate: Estimate| estimate.interval),
            procrustes: rows(&map.procrustes, |value| value),
            procrustes_interval: found.procrustes_interval,
            proposed: map.opposite.clone(),
        },
    )
}

/// The requested number of images.
pub(super) fn wanted_images(images: Option<usize>) -> Result<usize, ApiError> {
    let images = images.unwrap_or(DEFAULT_IMAGES);
    if (MIN_IMAGES..=MAX_IMAGES).contains(&images) {
        return Ok(images);
    }
    Err(ApiError::bad(format!("expected {MIN_IMAGES} to {MAX_IMAGES} images, found {images}")))
}

fn named(layers: &ComparedLayers, network: &Network) -> Vec<SimilarLayer> {
    let name = |index: usize| network.layers()[index].name.clone();
    let named = layers.layers.iter().map(|layer| SimilarLayer {
        layer: name(layer.of.layer),
        measured_at: name(layer.of.measured_at),
        grid: layer.grid,
        features: layer.features,
    });
    named.collect()
}

fn rows<T: Copy, U>(of: &Array2<Option<T>>, value: impl Fn(T) -> U) -> Vec<Vec<Option<U>>> {
    of.outer_iter().map(|row| row.iter().map(|found| found.map(&value)).collect()).collect()
}
