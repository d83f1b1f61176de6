//! From a bound selection to its answer: a picture, numbers, a list, or what lies under a pixel.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use ndarray::Array4;

use super::query::{Axes, Format, LookQuery};
use super::{CheckpointProblem, SheetAnswer, SheetLink, SheetList, SheetValues, parts};
use crate::app::{App, Shared};
use crate::http::answer_memory::counted;
use crate::http::number::all_finite;
use crate::http::problem::ApiError;
use crate::http::reply::{Content, Keep, json, json_kept};
use crate::http::selection::{Selection, text_from_indices};
use crate::http::text::percent_encoded;
use crate::sheet::bank::Bank;
use crate::sheet::group::GroupWords;
use crate::sheet::layer_axis::select_layers;
use crate::sheet::look::{Look, Over};
use crate::sheet::render::{Rendered, check_work, picture, timeline, values};
use crate::sheet::subject::Subject;
use crate::sheet::wish::{Ground, Tiles, Wish};

/// Values that still fit into a JSON answer.
const MOST_JSON_VALUES: usize = 65_536;
/// Sheets that one answer lists.
const MOST_SHEETS: usize = 4_096;

/// What the layers are applied to, and the words of the query that chose it.
pub(super) struct Applied {
    pub(super) subject: Subject,
    pub(super) words: Option<GroupWords>,
}

/// The selection bound to what there is.
pub(super) struct Bound {
    pub(super) checkpoints: Vec<usize>,
    pub(super) wishes: Vec<Wish>,
    is_point: bool,
}

async fn bind(app: &App, axes: &Axes, look: Look, subject: Option<Subject>) -> Result<Bound, ApiError> {
    let run = app.runs.get(&axes.run)?;
    let listing = run.listing_by(&app.work).await?;
    let checkpoints: Selection = axes.checkpoints.parse()?;
    let indices = listing.select(&run.id, &axes.checkpoints)?;
    let has = |layer: &deepviz_net::Layer| subject.is_some() || Bank::of_weights(layer).is_some();
    let layers = select_layers(run.network(), &axes.layers, has)?;
    let is_point = checkpoints.is_point() && layers.is_point;
    let ground = Ground { run: Arc::clone(&run), listing, subject, look };
    let tiles = Tiles { filters: &axes.filters, channels: &axes.channels };
    let wishes: Vec<_> =
        layers.indices.iter().map(|&layer| Wish::new(ground.clone(), layer, tiles)).collect::<Result<_, _>>()?;
    if indices.len() * wishes.len() > MOST_SHEETS {
        return Err(ApiError::bad(format!(
            "the selection names {} sheets, at most {MOST_SHEETS} are listed at once",
            indices.len() * wishes.len()
        )));
    }
    if let Some(Subject::Group { .. }) = wishes.first().and_then(|wish| wish.subject.as_ref()) {
        let images = wishes.iter().filter_map(|wish| wish.subject.as_ref()).map(Subject::images).sum();
        check_work(images, indices.len())?;
    }
    Ok(Bound { checkpoints: indices, wishes, is_point })
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
            Format::F32 => parts::answer(app, &bound).await,
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
        let values = values(app, wish, entry).await?;
        return json_kept(headers, &SheetAnswer::Pixel(wish.under(index, pixel, &values)?), keep);
    }
    match format {
        Format::Auto | Format::Png => {
            let rendered = picture(app, wish, index).await?;
            Ok(counted(png(&rendered, headers, keep), held))
        }
        Format::Json => {
            let range = timeline(app, wish).await?;
            let values = values(app, wish, entry).await?;
            let sheet = app.work.run_here(wish.load(), || wish.sheet(index, &values, range)).await?;
            let shape = values.dim().into();
            let values = (values.len() <= MOST_JSON_VALUES).then(|| all_finite(&values.into_raw_vec_and_offset().0));
            json_kept(headers, &SheetAnswer::Values(SheetValues { sheet, shape, values }), keep)
        }
        Format::F32 => {
            let values = values(app, wish, entry).await?;
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
    let range = timeline(app, wish).await?;
    let values = values(app, wish, entry).await?;
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

/// A picture with its geometry in the header.
pub(crate) fn png(rendered: &Rendered, headers: &HeaderMap, keep: Keep) -> Response {
    let content = Content { media_type: "image/png", bytes: rendered.png.clone(), tag: rendered.tag.clone() };
    let mut response = content.reply(headers, keep);
    insert(&mut response, "x-deepviz-sheet", &rendered.geometry);
    response
}

pub(crate) fn insert(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// Values as little-endian bytes.
pub(crate) fn bytes_of(values: &Array4<f32>) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The shape of values, as a header words it.
pub(crate) fn shape_of(values: &Array4<f32>) -> String {
    format!("{:?}", values.shape()).replace(' ', "")
}
