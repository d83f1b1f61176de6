//! Images of a corpus as pictures: one, or many in one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{Corpus, ImageId};
use deepviz_render::Grid;
use ndarray::ArrayView3;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::corpora::{CorpusPath, ImagePath, open};
use crate::api::errors::{CorpusErrors, NotModified};
use crate::app::{App, AppState};
use crate::http::cache::CacheSize;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, Content, tag};
use crate::http::response_memory::with_reservation;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::image_id;
use crate::sheet::thumbnail::{thumbnail, thumbnail_shape};
use crate::sheet::uploaded_images::UploadedImage;

/// Images in one atlas.
const MAX_ATLAS_IMAGES: usize = 1_024;
/// Pixels of the picture per pixel of an image, at most.
const MAX_SCALE: usize = 64;

/// The parameters of an image as a picture.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PixelsQuery {
    /// Pixels per pixel, 1 to 64.
    #[param(minimum = 1, maximum = 64)]
    scale: Option<usize>,
    /// The corpus' identity: makes the answer immutable.
    v: Option<String>,
}

/// The images of an atlas, and their layout.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AtlasQuery {
    /// Ids of images separated by commas, 1,024 at most.
    #[param(example = "1,2,3")]
    ids: String,
    /// Images side by side; a near-square sheet unless given.
    #[param(minimum = 1)]
    columns: Option<usize>,
    /// Pixels per pixel, 1 to 64.
    #[param(minimum = 1, maximum = 64)]
    scale: Option<usize>,
    /// The corpus' identity: makes the answer immutable.
    v: Option<String>,
}

/// One image as a picture.
#[utoipa::path(
    get, path = "/api/corpora/{corpus}/images/{image}/pixels", tag = "corpora", params(ImagePath, PixelsQuery),
    responses(
        (status = 200, description = "the answer", body = Vec<u8>, content_type = "image/png"),
        NotModified,
        CorpusErrors,
    )
)]
pub(crate) async fn pixels(
    State(app): State<AppState>,
    PathParams(ImagePath { corpus, image }): PathParams<ImagePath>,
    QueryParams(query): QueryParams<PixelsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let corpus = open(&app, &corpus).await?;
    let images = vec![AtlasImage::find(&app, &corpus, &image)?];
    let sheet = Atlas { images, columns: 1, scale: scale(query.scale)?, is_whole: true, version: query.v };
    picture(&app, corpus, sheet, &headers).await
}

/// Many images side by side, without gaps, in the order of their ids in the query.
#[utoipa::path(
    get, path = "/api/corpora/{corpus}/sheet", tag = "corpora", params(CorpusPath, AtlasQuery),
    responses(
        (status = 200, description = "the answer", body = Vec<u8>, content_type = "image/png"),
        NotModified,
        CorpusErrors,
    )
)]
pub(crate) async fn atlas(
    State(app): State<AppState>,
    PathParams(CorpusPath { corpus }): PathParams<CorpusPath>,
    QueryParams(query): QueryParams<AtlasQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let corpus = open(&app, &corpus).await?;
    let images = query.ids.split(',').map(|id| AtlasImage::find(&app, &corpus, id.trim()));
    let images: Vec<AtlasImage> = images.collect::<Result<_, _>>()?;
    if images.len() > MAX_ATLAS_IMAGES {
        return Err(ApiError::bad(format!("expected at most {MAX_ATLAS_IMAGES} ids, found {}", images.len())));
    }
    let columns = query.columns.unwrap_or_else(|| deepviz_render::near_square_columns(images.len()));
    let sheet = Atlas { images, columns, scale: scale(query.scale)?, is_whole: false, version: query.v };
    picture(&app, corpus, sheet, &headers).await
}

/// An image of the corpus, or one that was sent.
enum AtlasImage {
    Corpus(ImageId),
    Uploaded(Arc<UploadedImage>),
}

impl AtlasImage {
    fn find(app: &App, corpus: &Corpus, id: &str) -> Result<Self, ApiError> {
        Ok(match app.uploaded_images.find(id)? {
            Some(image) => Self::Uploaded(image),
            None => Self::Corpus(image_id(corpus, id)?),
        })
    }

    /// The part of the cache key that stands for its pixels.
    fn key(&self) -> String {
        match self {
            Self::Corpus(id) => id.0.to_string(),
            Self::Uploaded(image) => image.hash.clone(),
        }
    }

    fn pixels<'a>(&'a self, corpus: &'a Corpus) -> Option<ArrayView3<'a, u8>> {
        match self {
            Self::Corpus(id) => corpus.pixels(*id),
            Self::Uploaded(image) => Some(image.pixels.view()),
        }
    }
}

/// Images that are drawn side by side in one picture.
struct Atlas {
    images: Vec<AtlasImage>,
    columns: usize,
    scale: usize,
    /// True where images are drawn at their own size instead of as tiles of one size.
    is_whole: bool,
    /// The identity of the corpus in the address, which makes the answer immutable.
    version: Option<String>,
}

impl Atlas {
    /// Pixels that are examined or drawn, whichever are more.
    fn pixels(&self, corpus: &Corpus) -> usize {
        let sizes =
            self.images.iter().filter_map(|image| image.pixels(corpus)).map(|image| image.dim().1 * image.dim().2);
        let (count, greatest, sum) =
            sizes.fold((0, 0, 0), |(count, greatest, sum), size| (count + 1, size.max(greatest), sum + size));
        let tile =
            if self.is_whole { greatest } else { thumbnail_shape(corpus).height * thumbnail_shape(corpus).width };
        sum.max((count * tile).saturating_mul(self.scale * self.scale))
    }
}

struct CachedPng(axum::body::Bytes, String);

impl CacheSize for CachedPng {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

async fn picture(app: &App, corpus: Arc<Corpus>, atlas: Atlas, headers: &HeaderMap) -> Result<Response, ApiError> {
    let cache_policy = CachePolicy::by_hash(atlas.version.as_deref(), corpus.identity());
    let ids: Vec<String> = atlas.images.iter().map(AtlasImage::key).collect();
    let whole = if atlas.is_whole { "/whole" } else { "" };
    let key = format!("images/{}/{}/{}/{}{whole}", corpus.identity(), atlas.columns, atlas.scale, ids.join(","));
    let pixels = atlas.pixels(&corpus);
    // In four channels, and the file, which may be as large.
    let held = app.answers.take(pixels.saturating_mul(8)).await?;
    let working = held.clone();
    let png = app
        .cache
        .get(key, async {
            app.work
                .run(WorkKind::of_size(pixels), move || {
                    let _held = working;
                    let shape = thumbnail_shape(&corpus);
                    let images = atlas.images.iter().filter_map(|image| image.pixels(&corpus));
                    let tiles: Vec<_> = images
                        .map(|image| if atlas.is_whole { image.into() } else { thumbnail(image, shape) })
                        .collect();
                    let images: Vec<_> = tiles.iter().map(ndarray::ArrayBase::view).collect();
                    let png = deepviz_render::atlas(&images, Grid { columns: atlas.columns, scale: atlas.scale })?;
                    let tag = tag(&[&png]);
                    Ok(CachedPng(png.into(), tag))
                })
                .await
        })
        .await?;
    let content = Content { media_type: "image/png", bytes: png.0.clone(), tag: png.1.clone() };
    Ok(with_reservation(content.reply(headers, cache_policy), held))
}

fn scale(wanted: Option<usize>) -> Result<usize, ApiError> {
    let scale = wanted.unwrap_or(1);
    if (1..=MAX_SCALE).contains(&scale) {
        return Ok(scale);
    }
    Err(ApiError::bad(format!("expected a scale of 1 to {MAX_SCALE}, found {scale}")))
}
