//! The query language: checkpoints x layers x filters x channels, as weights or applied to an image.

mod answer;
mod bound;
mod multipart;
mod query;
mod wire;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::{ApiError, Problem};
use crate::sheet::image_group::GroupQuery;
use crate::sheet::model_input::ModelInput;
use crate::upload::image::{ImageBody, sent_image};
use answer::{Applied, answer};
use query::{AppliedSheetPath, LayerSheetsQuery, LayersPath, SentLayerQuery, SheetPath, StyleQuery};
use wire::SheetAnswer;

/// Weights of the selected layers as pictures.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}",
    params(SheetPath, StyleQuery),
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
    State(app): State<AppState>,
    PathParams(axes): PathParams<SheetPath>,
    QueryParams(query): QueryParams<StyleQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, &axes, &query, None, &headers).await
}

/// The same selection of what the layers make of a corpus image, or on average of a class or of any images.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}/apply/{image}",
    params(AppliedSheetPath, StyleQuery, GroupQuery),
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
    State(app): State<AppState>,
    PathParams(axes): PathParams<AppliedSheetPath>,
    QueryParams(query): QueryParams<StyleQuery>,
    QueryParams(group_query): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let AppliedSheetPath { run, checkpoints, layers, filters, channels, image } = axes;
    let input = ModelInput::read(&app.corpora, &*app.runs.get(&run)?, &image, &group_query).await?;
    let axes = SheetPath { run, checkpoints, layers, filters, channels };
    answer(&app, &axes, &query, Some(Applied { input, group_query: Some(group_query) }), &headers).await
}

/// The same selection of what the layers make of an image that is sent.
#[utoipa::path(
    post, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}/apply",
    params(SheetPath, StyleQuery),
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
    State(app): State<AppState>,
    PathParams(axes): PathParams<SheetPath>,
    QueryParams(query): QueryParams<StyleQuery>,
    headers: HeaderMap,
    ImageBody(body): ImageBody,
) -> Result<Response, ApiError> {
    let input = sent_image(&app.work, &*app.runs.get(&axes.run)?, body).await?;
    answer(&app, &axes, &query, Some(Applied { input, group_query: None }), &headers).await
}

/// Sheets of whole layers: everything that is not said is everything there is.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}",
    params(LayersPath, LayerSheetsQuery, StyleQuery, GroupQuery),
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
    State(app): State<AppState>,
    PathParams(LayersPath { run, checkpoints, layers }): PathParams<LayersPath>,
    QueryParams(rest): QueryParams<LayerSheetsQuery>,
    QueryParams(query): QueryParams<StyleQuery>,
    QueryParams(group_query): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let LayerSheetsQuery { filters, channels, apply } = rest;
    let input = match &apply {
        Some(image) => {
            let input = ModelInput::read(&app.corpora, &*app.runs.get(&run)?, image, &group_query).await?;
            Some(Applied { input, group_query: Some(group_query) })
        }
        None => None,
    };
    let all = || "*".to_owned();
    let (filters, channels) = (filters.unwrap_or_else(all), channels.unwrap_or_else(all));
    answer(&app, &SheetPath { run, checkpoints, layers, filters, channels }, &query, input, &headers).await
}

/// Whole layers applied to an image that is sent.
#[utoipa::path(
    post, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/apply",
    params(LayersPath, SentLayerQuery, StyleQuery),
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
    State(app): State<AppState>,
    PathParams(LayersPath { run, checkpoints, layers }): PathParams<LayersPath>,
    QueryParams(SentLayerQuery { filters }): QueryParams<SentLayerQuery>,
    QueryParams(query): QueryParams<StyleQuery>,
    headers: HeaderMap,
    ImageBody(body): ImageBody,
) -> Result<Response, ApiError> {
    let input = sent_image(&app.work, &*app.runs.get(&run)?, body).await?;
    let filters = filters.unwrap_or_else(|| "*".to_owned());
    let axes = SheetPath { run, checkpoints, layers, filters, channels: "*".to_owned() };
    answer(&app, &axes, &query, Some(Applied { input, group_query: None }), &headers).await
}
