//! The query language: checkpoints x layers x filters x channels, as weights or applied to an image.

mod answer;
mod bound;
mod multipart;
mod query;
mod wire;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::app::Shared;
use crate::http::extract::{Params, Segments};
use crate::http::problem::{ApiError, Problem};
use crate::sheet::group::GroupWords;
use crate::sheet::subject::Subject;
use crate::upload::image::{Sent, sent_subject};
use answer::{Applied, answer};
use query::{AppliedAxes, Axes, FilterQuery, LookQuery, RestQuery, ShortAxes};
use wire::SheetAnswer;

/// Weights of the selected layers as pictures.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}",
    params(Axes, LookQuery),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`; several: their list",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"),
                 (Vec<u8> = "multipart/mixed"))),
        (status = 304, description = "the client has it"),
        (status = 400, description = "the question cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such thing", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a file on disk cannot be used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn weight_sheets(
    State(app): State<Shared>,
    Segments(axes): Segments<Axes>,
    Params(query): Params<LookQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, &axes, &query, None, &headers).await
}

/// The same selection of what the layers make of a corpus image, or on average of a class or of any images.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}/apply/{image}",
    params(AppliedAxes, LookQuery, GroupWords),
    responses(
        (status = 200, description = "as for weights",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"),
                 (Vec<u8> = "multipart/mixed"))),
        (status = 304, description = "the client has it"),
        (status = 400, description = "the question cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such thing", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "statistics or images that are needed are not there (yet)", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a file on disk cannot be used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn applied_sheets(
    State(app): State<Shared>,
    Segments(axes): Segments<AppliedAxes>,
    Params(query): Params<LookQuery>,
    Params(words): Params<GroupWords>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let AppliedAxes { run, checkpoints, layers, filters, channels, image } = axes;
    let subject = Subject::read(&app.corpora, &*app.runs.get(&run)?, &image, &words).await?;
    let axes = Axes { run, checkpoints, layers, filters, channels };
    answer(&app, &axes, &query, Some(Applied { subject, words: Some(words) }), &headers).await
}

/// The same selection of what the layers make of an image that is sent.
#[utoipa::path(
    post, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}/apply",
    params(Axes, LookQuery),
    request_body(content = Vec<u8>, content_type = "image/*", description = "an image file: PNG, JPEG, WebP, BMP, GIF, TIFF or PNM"),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"))),
        (status = 400, description = "the question cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such thing", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "the upload is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "the upload is not an image", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a file on disk cannot be used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sent_sheets(
    State(app): State<Shared>,
    Segments(axes): Segments<Axes>,
    Params(query): Params<LookQuery>,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Result<Response, ApiError> {
    let subject = sent_subject(&app.work, &*app.runs.get(&axes.run)?, body).await?;
    answer(&app, &axes, &query, Some(Applied { subject, words: None }), &headers).await
}

/// Sheets of whole layers: everything that is not said is everything there is.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}",
    params(ShortAxes, RestQuery, LookQuery, GroupWords),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`; several: their list",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"),
                 (Vec<u8> = "multipart/mixed"))),
        (status = 304, description = "the client has it"),
        (status = 400, description = "the question cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such thing", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "statistics or images that are needed are not there (yet)", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a file on disk cannot be used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn layer_sheets(
    State(app): State<Shared>,
    Segments(ShortAxes { run, checkpoints, layers }): Segments<ShortAxes>,
    Params(rest): Params<RestQuery>,
    Params(query): Params<LookQuery>,
    Params(words): Params<GroupWords>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let RestQuery { filters, channels, apply } = rest;
    let subject = match &apply {
        Some(image) => {
            let subject = Subject::read(&app.corpora, &*app.runs.get(&run)?, image, &words).await?;
            Some(Applied { subject, words: Some(words) })
        }
        None => None,
    };
    let all = || "*".to_owned();
    let (filters, channels) = (filters.unwrap_or_else(all), channels.unwrap_or_else(all));
    answer(&app, &Axes { run, checkpoints, layers, filters, channels }, &query, subject, &headers).await
}

/// Whole layers applied to an image that is sent.
#[utoipa::path(
    post, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/apply",
    params(ShortAxes, FilterQuery, LookQuery),
    request_body(content = Vec<u8>, content_type = "image/*", description = "an image file: PNG, JPEG, WebP, BMP, GIF, TIFF or PNM"),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"))),
        (status = 400, description = "the question cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such thing", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "the upload is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "the upload is not an image", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a file on disk cannot be used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sent_layer_sheets(
    State(app): State<Shared>,
    Segments(ShortAxes { run, checkpoints, layers }): Segments<ShortAxes>,
    Params(FilterQuery { filters }): Params<FilterQuery>,
    Params(query): Params<LookQuery>,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Result<Response, ApiError> {
    let subject = sent_subject(&app.work, &*app.runs.get(&run)?, body).await?;
    let filters = filters.unwrap_or_else(|| "*".to_owned());
    let axes = Axes { run, checkpoints, layers, filters, channels: "*".to_owned() };
    answer(&app, &axes, &query, Some(Applied { subject, words: None }), &headers).await
}
