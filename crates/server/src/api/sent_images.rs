//! Images that are sent to be looked at: they get an id, by which every route knows them for a while.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::errors::{QueryErrors, SentImageErrors};
use crate::api::params::{RunImagePath, RunPath};
use crate::app::AppState;
use crate::http::extract::PathParams;
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::sheet::uploaded_images::UploadedImage;
use crate::upload::image::{ImageBody, SentPixels, sent_pixels};

/// An image that was sent.
#[derive(Serialize, ToSchema)]
struct SentImage {
    /// From 2,147,483,648 on; images of a corpus are counted from 0. The same pixels have the same id.
    id: u32,
    /// As the network takes it.
    channels: usize,
    height: usize,
    width: usize,
}

impl SentImage {
    fn of(image: &UploadedImage) -> Self {
        let (channels, height, width) = image.pixels.dim();
        Self { id: image.id.0, channels, height, width }
    }
}

/// Sends an image, which is brought to the size of the network's images and gets an id.
///
/// The id is in the place of an image of the corpus: in `predict`, `apply`, `history`, `near`, `units` and the
/// pictures of the corpus. The server keeps the image in memory, for a day after it was last requested and as long as
/// the newer ones leave room in 64 MiB; it is written nowhere.
#[utoipa::path(
    post, path = "/api/runs/{run}/images", tag = "sheets", params(RunPath),
    request_body(content = Vec<u8>, content_type = "image/*", description = "an image file: PNG, JPEG, WebP, BMP, GIF, TIFF or PNM"),
    responses(
        (status = 200, description = "the answer", body = SentImage),
        SentImageErrors,
    )
)]
pub(crate) async fn send(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    headers: HeaderMap,
    ImageBody(body): ImageBody,
) -> Result<Response, ApiError> {
    let SentPixels { pixels, hash } = sent_pixels(&app.work, &*app.runs.get(&run)?, body).await?;
    json(&headers, &SentImage::of(&app.uploaded_images.keep(pixels, hash)))
}

/// An image that was sent, as long as it is kept.
#[utoipa::path(
    get, path = "/api/runs/{run}/images/{image}", tag = "sheets", params(RunImagePath),
    responses(
        (status = 200, description = "the answer", body = SentImage),
        QueryErrors,
    )
)]
pub(crate) async fn sent_image(
    State(app): State<AppState>,
    PathParams(RunImagePath { run, image }): PathParams<RunImagePath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let uploaded = app.uploaded_images.find_for(&run, &image)?.ok_or_else(|| {
        ApiError::bad(format!("expected the id of an image that was sent, 2147483648 and more; found `{image}`"))
            .hint("images of the corpus are at /api/corpora/{corpus}/images/{image}")
    })?;
    json(&headers, &SentImage::of(&uploaded))
}
