//! From a bound selection to its answer: a picture, numbers, a list, or what lies under a pixel.

use axum::http::HeaderMap;
use axum::response::Response;

use crate::api::parts::CheckpointProblem;
use crate::api::sheets::bound::{Bound, bind};
use crate::api::sheets::multipart;
use crate::api::sheets::query::{Axes, Format, LookQuery};
use crate::api::sheets::wire::{SheetAnswer, SheetLink, SheetList, SheetValues};
use crate::app::{App, Shared};
use crate::http::answer_memory::counted;
use crate::http::number::all_finite;
use crate::http::problem::ApiError;
use crate::http::reply::{Content, Keep, json, json_kept};
use crate::http::selection::text_from_indices;
use crate::http::text::percent_encoded;
use crate::sheet::group::GroupWords;
use crate::sheet::look::Over;
use crate::sheet::render::{picture, timeline, values};
use crate::sheet::reply::{bytes_of, insert, png, shape_of};
use crate::sheet::subject::Subject;
use crate::sheet::wish::Wish;

/// Values that still fit into a JSON answer.
const MOST_JSON_VALUES: usize = 65_536;

/// What the layers are applied to, and the words of the query that chose it.
pub(super) struct Applied {
    pub(super) subject: Subject,
    pub(super) words: Option<GroupWords>,
}

pub(super) async fn answer(
    app: &Shared,
    axes: &Axes,
    query: &LookQuery,
    applied: Option<Applied>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let (look, format) = (query.look()?, query.format()?);
    let (subject, words) = applied.map_or((None, None), |applied| (Some(applied.subject), applied.words));
    let bound = bind(app, axes, look, subject).await?;
    let pixel = query.pixel()?;
    if !bound.is_point {
        return match format {
            _ if pixel.is_some() => Err(ApiError::bad("a pixel lies on one sheet; the selection names a set")
                .hint("select one checkpoint and one layer")),
            Format::Png => Err(ApiError::bad("png holds one sheet; the selection names a set").hint(
                "select one checkpoint and one layer, leave the format out for a list of sheets, or ask for f32",
            )),
            Format::F32 => multipart::answer(app, &bound).await,
            Format::Auto | Format::Json => list(app, &bound, (query, words.as_ref()), headers).await,
        };
    }
    let (wish, index) = (&bound.wishes[0], bound.checkpoints[0]);
    let entry = wish.listing.usable(index)?;
    // The scale over a timeline that still grows is not the last word.
    let is_settled = look.over != Over::Timeline || !wish.run.is_live();
    let keep = Keep::by_hash(query.v.as_deref().filter(|_| is_settled), &entry.hash);
    let held = match (pixel, format) {
        (None, Format::Auto | Format::Png) => app.answers.take(wish.cost(1)?.bytes).await?,
        // The values, and what is made of them.
        _ => app.answers.take(8 * wish.values()).await?,
    };
    if let Some(pixel) = pixel {
        let values = values(&app.models, wish, entry).await?;
        return json_kept(headers, &SheetAnswer::Pixel(wish.under(index, pixel, &values)?), keep);
    }
    match format {
        Format::Auto | Format::Png => {
            let rendered = picture(&app.models, wish, index).await?;
            Ok(counted(png(&rendered, headers, keep), held))
        }
        Format::Json => {
            let range = timeline(&app.models, wish).await?;
            let values = values(&app.models, wish, entry).await?;
            let sheet = app.work.run_here(wish.load(), || wish.sheet(index, &values, range)).await?;
            let shape = values.dim().into();
            let values = (values.len() <= MOST_JSON_VALUES).then(|| all_finite(&values.into_raw_vec_and_offset().0));
            json_kept(headers, &SheetAnswer::Values(SheetValues { sheet, shape, values }), keep)
        }
        Format::F32 => {
            let values = values(&app.models, wish, entry).await?;
            let content = || Ok(Content::new("application/octet-stream", bytes_of(&values)));
            let mut response = app.work.run_here(wish.load(), content).await?.reply(headers, keep);
            insert(&mut response, "x-deepviz-shape", &shape_of(&values));
            Ok(counted(response, held))
        }
    }
}

/// How sheets are to look, and which images stand for a group.
type Asked<'a> = (&'a LookQuery, Option<&'a GroupWords>);

async fn list(app: &App, bound: &Bound, asked: Asked<'_>, headers: &HeaderMap) -> Result<Response, ApiError> {
    let (mut sheets, mut problems) = (Vec::new(), Vec::new());
    let bytes = bound.wishes.iter().map(Wish::listed_bytes).sum::<usize>().saturating_mul(bound.checkpoints.len());
    let held = app.answers.take(bytes).await?;
    for &index in &bound.checkpoints {
        for wish in &bound.wishes {
            match link(app, wish, index, asked).await {
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

async fn link(app: &App, wish: &Wish, index: usize, (query, words): Asked<'_>) -> Result<SheetLink, ApiError> {
    let entry = wish.listing.usable(index)?;
    let range = timeline(&app.models, wish).await?;
    let values = values(&app.models, wish, entry).await?;
    let sheet = app.work.run_here(wish.load(), || wish.sheet(index, &values, range)).await?;
    let apply = match &wish.subject {
        None => String::new(),
        Some(Subject::Known { id, .. }) => format!("/apply/{}", id.0),
        Some(Subject::Group { group, .. }) => format!("/apply/{}", percent_encoded(&group.text)),
        Some(Subject::Sent { .. }) => {
            return Err(ApiError::bad("an uploaded image is applied at one checkpoint and one layer at a time"));
        }
    };
    let mut url = format!(
        "api/runs/{}/checkpoints/{index}/layers/{}/filters/{}/channels/{}{apply}?v={}",
        percent_encoded(&wish.run.id),
        percent_encoded(&wish.layer().name),
        text_from_indices(&wish.filters),
        text_from_indices(&wish.channels),
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
    if let (Some(Subject::Group { minus, .. }), Some(words)) = (&wish.subject, words) {
        let minus = minus.as_ref().map(|minus| percent_encoded(&minus.text));
        let limit = words.limit.map(|limit| limit.to_string());
        for (name, value) in [("minus", minus), ("split", words.split.clone()), ("limit", limit)] {
            if let Some(value) = value {
                url.extend(["&", name, "=", &value]);
            }
        }
    }
    Ok(SheetLink { sheet, url })
}
