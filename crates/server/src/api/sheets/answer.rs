//! From a bound selection to its answer: a picture, numbers, a list, or what lies under a pixel.

use axum::http::HeaderMap;
use axum::response::Response;

use crate::api::parts::CheckpointProblem;
use crate::api::sheets::bound::{Bound, bind};
use crate::api::sheets::multipart;
use crate::api::sheets::query::{Format, SheetPath, StyleQuery};
use crate::api::sheets::wire::{SheetAnswer, SheetLink, SheetList, SheetValues};
use crate::app::{App, AppState};
use crate::http::json_number::all_finite;
use crate::http::percent_encoding::percent_encoded;
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, Content, json, json_with_policy};
use crate::http::response_memory::counted;
use crate::http::selection::text_from_indices;
use crate::sheet::image_group::GroupQuery;
use crate::sheet::model_input::ModelInput;
use crate::sheet::render::{picture, timeline, values};
use crate::sheet::reply::{bytes_of, insert, png, shape_of};
use crate::sheet::request::SheetRequest;
use crate::sheet::style::NormaliseOver;

/// Values that still fit into a JSON answer.
const MOST_JSON_VALUES: usize = 65_536;

/// What the layers are applied to, and the words of the query that chose it.
pub(super) struct Applied {
    pub(super) input: ModelInput,
    pub(super) group_query: Option<GroupQuery>,
}

pub(super) async fn answer(
    app: &AppState,
    axes: &SheetPath,
    query: &StyleQuery,
    applied: Option<Applied>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let (style, format) = (query.style()?, query.format()?);
    let (input, group_query) = applied.map_or((None, None), |applied| (Some(applied.input), applied.group_query));
    let bound = bind(app, axes, style, input).await?;
    let pixel = query.pixel()?;
    if !bound.is_point {
        return match format {
            _ if pixel.is_some() => Err(ApiError::bad("a pixel lies on one sheet; the selection names a set")
                .hint("select one checkpoint and one layer")),
            Format::Png => Err(ApiError::bad("png holds one sheet; the selection names a set").hint(
                "select one checkpoint and one layer, leave the format out for a list of sheets, or ask for f32",
            )),
            Format::F32 => multipart::answer(app, &bound).await,
            Format::Auto | Format::Json => list(app, &bound, (query, group_query.as_ref()), headers).await,
        };
    }
    let (request, index) = (&bound.requests[0], bound.checkpoints[0]);
    let entry = request.listing.usable(index)?;
    // The scale over a timeline that still grows is not the last word.
    let is_settled = style.over != NormaliseOver::Timeline || !request.run.is_live();
    let cache_policy = CachePolicy::by_hash(query.v.as_deref().filter(|_| is_settled), &entry.hash);
    let held = match (pixel, format) {
        (None, Format::Auto | Format::Png) => app.answers.take(request.cost(1)?.bytes).await?,
        // The values, and what is made of them.
        _ => app.answers.take(8 * request.values()).await?,
    };
    if let Some(pixel) = pixel {
        let values = values(&app.models, request, entry).await?;
        return json_with_policy(headers, &SheetAnswer::Pixel(request.under(index, pixel, &values)?), cache_policy);
    }
    match format {
        Format::Auto | Format::Png => {
            let rendered = picture(&app.models, request, index).await?;
            Ok(counted(png(&rendered, headers, cache_policy), held))
        }
        Format::Json => {
            let range = timeline(&app.models, request).await?;
            let values = values(&app.models, request, entry).await?;
            let sheet = app.work.run_here(request.work_kind(), || request.sheet(index, &values, range)).await?;
            let shape = values.dim().into();
            let values = (values.len() <= MOST_JSON_VALUES).then(|| all_finite(&values.into_raw_vec_and_offset().0));
            json_with_policy(headers, &SheetAnswer::Values(SheetValues { sheet, shape, values }), cache_policy)
        }
        Format::F32 => {
            let values = values(&app.models, request, entry).await?;
            let content = || Ok(Content::new("application/octet-stream", bytes_of(&values)));
            let mut response = app.work.run_here(request.work_kind(), content).await?.reply(headers, cache_policy);
            insert(&mut response, "x-deepviz-shape", &shape_of(&values));
            Ok(counted(response, held))
        }
    }
}

/// How sheets are to look, and which images stand for a group.
type Asked<'a> = (&'a StyleQuery, Option<&'a GroupQuery>);

async fn list(app: &App, bound: &Bound, asked: Asked<'_>, headers: &HeaderMap) -> Result<Response, ApiError> {
    let (mut sheets, mut problems) = (Vec::new(), Vec::new());
    let bytes =
        bound.requests.iter().map(SheetRequest::listed_bytes).sum::<usize>().saturating_mul(bound.checkpoints.len());
    let held = app.answers.take(bytes).await?;
    for &index in &bound.checkpoints {
        for request in &bound.requests {
            match link(app, request, index, asked).await {
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
    Ok(counted(response, held))
}

async fn link(
    app: &App,
    request: &SheetRequest,
    index: usize,
    (query, group_query): Asked<'_>,
) -> Result<SheetLink, ApiError> {
    let entry = request.listing.usable(index)?;
    let range = timeline(&app.models, request).await?;
    let values = values(&app.models, request, entry).await?;
    let sheet = app.work.run_here(request.work_kind(), || request.sheet(index, &values, range)).await?;
    let apply = match &request.input {
        None => String::new(),
        Some(ModelInput::CorpusImage { id, .. }) => format!("/apply/{}", id.0),
        Some(ModelInput::Group { group, .. }) => format!("/apply/{}", percent_encoded(&group.text)),
        Some(ModelInput::SentImage { .. }) => {
            return Err(ApiError::bad("an uploaded image is applied at one checkpoint and one layer at a time"));
        }
    };
    let mut url = format!(
        "api/runs/{}/checkpoints/{index}/layers/{}/filters/{}/channels/{}{apply}?v={}",
        percent_encoded(&request.run.id),
        percent_encoded(&request.layer().name),
        text_from_indices(&request.filters),
        text_from_indices(&request.channels),
        entry.hash,
    );
    for (name, value) in [("normalise", &query.normalise), ("palette", &query.palette)] {
        if let Some(value) = value {
            url.extend(["&", name, "=", value]);
        }
    }
    for (name, value) in [("scale", query.scale), ("columns", query.columns)] {
        if let Some(value) = value {
            url.extend(["&", name, "=", &value.to_string()]);
        }
    }
    if let Some(percentile) = query.percentile {
        url.extend(["&percentile=", &percentile.to_string()]);
    }
    if let (Some(ModelInput::Group { minus, .. }), Some(group_query)) = (&request.input, group_query) {
        let minus = minus.as_ref().map(|minus| percent_encoded(&minus.text));
        let limit = group_query.limit.map(|limit| limit.to_string());
        for (name, value) in [("minus", minus), ("split", group_query.split.clone()), ("limit", limit)] {
            if let Some(value) = value {
                url.extend(["&", name, "=", &value]);
            }
        }
    }
    Ok(SheetLink { sheet, url })
}
