//! The query language: checkpoints x layers x filters x channels, as weights or applied to an image.

mod answer;
mod bound;
mod link;
mod multipart;
mod params;
mod wire;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::api::errors::{NotModified, QueryErrors, SentImageErrors, StatisticsErrors};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::sheet::image_group::GroupQuery;
use crate::sheet::style::StyleQuery;
use crate::upload::image::ImageBody;
use answer::answer;
use params::{
    AppliedSheetPath, Apply, LayerSheetsQuery, LayersPath, OutputQuery, SentLayerQuery, SheetParams, SheetPath,
};
use wire::SheetAnswer;

/// Weights of the selected layers as pictures.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}",
    params(SheetPath, StyleQuery, OutputQuery),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`; several: their list",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"),
                 (Vec<u8> = "multipart/mixed"))),
        NotModified,
        QueryErrors,
    )
)]
pub(crate) async fn weight_sheets(
    State(app): State<AppState>,
    PathParams(path): PathParams<SheetPath>,
    QueryParams(style): QueryParams<StyleQuery>,
    QueryParams(output): QueryParams<OutputQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let params = SheetParams { path, apply: Apply::Weights, group: GroupQuery::default(), style, output };
    answer(&app, params, &headers).await
}

/// The same selection of what the layers make of a corpus image, or on average of a class or of any images.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}/apply/{image}",
    params(AppliedSheetPath, StyleQuery, OutputQuery, GroupQuery),
    responses(
        (status = 200, description = "as for weights",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"),
                 (Vec<u8> = "multipart/mixed"))),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn applied_sheets(
    State(app): State<AppState>,
    PathParams(path): PathParams<AppliedSheetPath>,
    QueryParams(style): QueryParams<StyleQuery>,
    QueryParams(output): QueryParams<OutputQuery>,
    QueryParams(group): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let AppliedSheetPath { run, checkpoints, layers, filters, channels, image } = path;
    let path = SheetPath { run, checkpoints, layers, filters, channels };
    answer(&app, SheetParams { path, apply: Apply::Corpus(image), group, style, output }, &headers).await
}

/// The same selection of what the layers make of an image that is sent.
#[utoipa::path(
    post, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}/apply",
    params(SheetPath, StyleQuery, OutputQuery),
    request_body(content = Vec<u8>, content_type = "image/*", description = "an image file: PNG, JPEG, WebP, BMP, GIF, TIFF or PNM"),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"))),
        SentImageErrors,
    )
)]
pub(crate) async fn sent_sheets(
    State(app): State<AppState>,
    PathParams(path): PathParams<SheetPath>,
    QueryParams(style): QueryParams<StyleQuery>,
    QueryParams(output): QueryParams<OutputQuery>,
    headers: HeaderMap,
    ImageBody(body): ImageBody,
) -> Result<Response, ApiError> {
    let params = SheetParams { path, apply: Apply::Sent(body), group: GroupQuery::default(), style, output };
    answer(&app, params, &headers).await
}

/// Sheets of whole layers: filters and channels that are not given are all of them.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}",
    params(LayersPath, LayerSheetsQuery, StyleQuery, OutputQuery, GroupQuery),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`; several: their list",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"),
                 (Vec<u8> = "multipart/mixed"))),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn layer_sheets(
    State(app): State<AppState>,
    PathParams(path): PathParams<LayersPath>,
    QueryParams(rest): QueryParams<LayerSheetsQuery>,
    QueryParams(style): QueryParams<StyleQuery>,
    QueryParams(output): QueryParams<OutputQuery>,
    QueryParams(group): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let LayerSheetsQuery { filters, channels, apply } = rest;
    let apply = apply.map_or(Apply::Weights, Apply::Corpus);
    let path = SheetPath::of_layers(path, filters, channels);
    answer(&app, SheetParams { path, apply, group, style, output }, &headers).await
}

/// Whole layers applied to an image that is sent.
#[utoipa::path(
    post, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/apply",
    params(LayersPath, SentLayerQuery, StyleQuery, OutputQuery),
    request_body(content = Vec<u8>, content_type = "image/*", description = "an image file: PNG, JPEG, WebP, BMP, GIF, TIFF or PNM"),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`",
         content((Vec<u8> = "image/png"), (SheetAnswer = "application/json"), (Vec<u8> = "application/octet-stream"))),
        SentImageErrors,
    )
)]
pub(crate) async fn sent_layer_sheets(
    State(app): State<AppState>,
    PathParams(path): PathParams<LayersPath>,
    QueryParams(SentLayerQuery { filters }): QueryParams<SentLayerQuery>,
    QueryParams(style): QueryParams<StyleQuery>,
    QueryParams(output): QueryParams<OutputQuery>,
    headers: HeaderMap,
    ImageBody(body): ImageBody,
) -> Result<Response, ApiError> {
    let path = SheetPath::of_layers(path, filters, None);
    let params = SheetParams { path, apply: Apply::Sent(body), group: GroupQuery::default(), style, output };
    answer(&app, params, &headers).await
}
