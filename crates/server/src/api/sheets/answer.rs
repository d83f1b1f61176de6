//! From the parameters of a request to its answer: a picture, numbers, a list, or the value under a pixel.

use axum::http::HeaderMap;
use axum::response::Response;

use crate::api::parts::CheckpointProblem;
use crate::api::sheets::bound::{BoundSheets, bind};
use crate::api::sheets::link::address;
use crate::api::sheets::multipart;
use crate::api::sheets::params::{Format, SheetParams};
use crate::api::sheets::wire::{SheetAnswer, SheetLink, SheetList, SheetValues};
use crate::app::{App, AppState};
use crate::http::json_number::all_finite;
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, Content, json, json_with_policy};
use crate::http::response_memory::with_reservation;
use crate::sheet::render::{ResolvedSheet, picture, values};
use crate::sheet::reply::{bytes_of, insert, png, shape_of};
use crate::sheet::request::SheetRequest;

/// Values that still fit into a JSON answer.
const MAX_JSON_VALUES: usize = 65_536;

/// One sheet, and the form in which it is requested.
struct OneSheet<'a> {
    request: &'a SheetRequest,
    checkpoint: usize,
    format: Format,
    /// `[x, y]`, where the value under a pixel is requested instead.
    pixel: Option<[usize; 2]>,
    cache_policy: CachePolicy,
}

pub(super) async fn answer(app: &AppState, mut params: SheetParams, headers: &HeaderMap) -> Result<Response, ApiError> {
    let (format, pixel) = (params.output.format()?, params.output.pixel()?);
    let bound = bind(app, &mut params).await?;
    if bound.is_point {
        let (request, checkpoint) = (&bound.requests[0], bound.checkpoints[0]);
        let entry = request.listing.usable(checkpoint)?;
        let version = params.output.v.as_deref().filter(|_| request.has_settled_scale());
        let cache_policy = CachePolicy::by_hash(version, &entry.hash);
        return one(app, OneSheet { request, checkpoint, format, pixel, cache_policy }, headers).await;
    }
    match format {
        _ if pixel.is_some() => Err(ApiError::bad("a pixel lies on one sheet; the selection names a set")
            .hint("select one checkpoint and one layer")),
        Format::Png => Err(ApiError::bad("png holds one sheet; the selection names a set")
            .hint("select one checkpoint and one layer, leave the format out for a list of sheets, or ask for f32")),
        Format::F32 => multipart::answer(app, &bound).await,
        Format::Auto | Format::Json => list(app, &bound, &params, headers).await,
    }
}

async fn one(app: &App, sheet: OneSheet<'_>, headers: &HeaderMap) -> Result<Response, ApiError> {
    let OneSheet { request, checkpoint, format, pixel, cache_policy } = sheet;
    let held = match (pixel, format) {
        (None, Format::Auto | Format::Png) => app.answers.take(request.cost(1)?.bytes).await?,
        // The values, and what is made of them.
        _ => app.answers.take(8 * request.values()).await?,
    };
    if let Some(pixel) = pixel {
        let values = values(&app.models, request, request.listing.usable(checkpoint)?).await?;
        let value = SheetAnswer::Pixel(request.pixel_value(checkpoint, pixel, &values)?);
        return json_with_policy(headers, &value, cache_policy);
    }
    match format {
        Format::Auto | Format::Png => {
            let picture = picture(&app.models, request, checkpoint).await?;
            Ok(with_reservation(png(&picture, headers, cache_policy), held))
        }
        Format::Json => {
            let resolved = ResolvedSheet::read(&app.models, request, checkpoint).await?;
            let sheet = app.work.run_here(request.work_kind(), || resolved.geometry()).await?;
            let values = resolved.values;
            let shape = values.dim().into();
            let values = (values.len() <= MAX_JSON_VALUES).then(|| all_finite(&values.into_raw_vec_and_offset().0));
            json_with_policy(headers, &SheetAnswer::Values(SheetValues { sheet, shape, values }), cache_policy)
        }
        Format::F32 => {
            let values = values(&app.models, request, request.listing.usable(checkpoint)?).await?;
            let content = || Ok(Content::new("application/octet-stream", bytes_of(&values)));
            let mut response = app.work.run_here(request.work_kind(), content).await?.reply(headers, cache_policy);
            insert(&mut response, "x-deepviz-shape", &shape_of(&values));
            Ok(with_reservation(response, held))
        }
    }
}

async fn list(app: &App, bound: &BoundSheets, params: &SheetParams, headers: &HeaderMap) -> Result<Response, ApiError> {
    let (mut sheets, mut problems) = (Vec::new(), Vec::new());
    let bytes =
        bound.requests.iter().map(SheetRequest::listed_bytes).sum::<usize>().saturating_mul(bound.checkpoints.len());
    let held = app.answers.take(bytes).await?;
    for &index in &bound.checkpoints {
        for request in &bound.requests {
            match link(app, request, index, params).await {
                Ok(sheet) => sheets.push(sheet),
                Err(error) if error.status() == 422 => {
                    problems.push(CheckpointProblem { checkpoint: index, problem: error.to_string() });
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    let response = json(headers, &SheetAnswer::List(SheetList { sheets, problems }))?;
    Ok(with_reservation(response, held))
}

async fn link(app: &App, request: &SheetRequest, index: usize, params: &SheetParams) -> Result<SheetLink, ApiError> {
    let resolved = ResolvedSheet::read(&app.models, request, index).await?;
    let sheet = app.work.run_here(request.work_kind(), || resolved.geometry()).await?;
    Ok(SheetLink { sheet, url: address(params, request, index)? })
}
