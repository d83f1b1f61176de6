//! The query language: checkpoints x layers x filters x channels, as weights or applied to an image.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::{App, Shared, Subject};
use crate::bank::{Bank, select_layers};
use crate::extract::{Params, Segments};
use crate::look::{Look, Over, Words, look};
use crate::problem::{ApiError, Problem};
use crate::reply::{Content, Keep, json, json_kept};
use crate::selection::{Selection, text_from_indices};
use crate::sheets::{Ground, Rendered, Sheet, Tiles, Wish, picture, timeline, values};
use crate::text::percent_encoded;
use crate::upload;

/// Values that still fit into a JSON answer.
const MOST_JSON_VALUES: usize = 65_536;
/// Sheets that one answer lists.
const MOST_SHEETS: usize = 4_096;

/// The four axes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Axes {
    /// Id of the run.
    run: String,
    /// Checkpoints: `3`, `1,4,9`, `2-7`, `10-40:5`, `last`, `*`.
    checkpoints: String,
    /// Names of layers, separated by commas, or `*`.
    layers: String,
    /// Filters, as a selection; of activations the layer's output channels.
    filters: String,
    /// Channels, as a selection; `*` for activations.
    channels: String,
}

/// The four axes and an image of the corpus.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AppliedAxes {
    /// Id of the run.
    run: String,
    /// Checkpoints, as a selection.
    checkpoints: String,
    /// Names of layers, separated by commas, or `*`.
    layers: String,
    /// The layer's output channels, as a selection.
    filters: String,
    /// `*`.
    channels: String,
    /// Id of the image.
    image: String,
}

/// How sheets are drawn and sent.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LookQuery {
    /// What colours are scaled over: `sheet` (default), `filter` or `timeline`.
    #[param(value_type = Option<Over>)]
    normalise: Option<String>,
    /// Pixels per value, 1 to 64.
    #[param(minimum = 1, maximum = 64)]
    scale: Option<usize>,
    /// `auto` (default), `grey`, `rgb`, `diverging`, `diverging-light`, `sequential`, `sequential-light`.
    palette: Option<String>,
    /// Tiles side by side where they form a grid.
    #[param(minimum = 1)]
    columns: Option<usize>,
    /// `png` (default for one sheet), `json` (geometry, and values where there are few) or `f32` (raw values).
    format: Option<String>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Auto,
    Png,
    Json,
    F32,
}

impl LookQuery {
    fn look(&self) -> Result<Look, ApiError> {
        look(Words {
            normalise: self.normalise.as_deref(),
            palette: self.palette.as_deref(),
            scale: self.scale,
            columns: self.columns,
        })
    }

    fn format(&self) -> Result<Format, ApiError> {
        match self.format.as_deref() {
            None => Ok(Format::Auto),
            Some("png") => Ok(Format::Png),
            Some("json") => Ok(Format::Json),
            Some("f32") => Ok(Format::F32),
            Some(other) => Err(ApiError::bad(format!("unknown format `{other}`; expected png, json or f32"))),
        }
    }
}

/// One sheet with its values.
#[derive(Serialize, ToSchema)]
pub(crate) struct SheetValues {
    #[serde(flatten)]
    sheet: Sheet,
    /// Filters, channels, rows, columns.
    shape: [usize; 4],
    /// The values in that order; absent where there are more than 65,536 (ask for `format=f32`).
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<f32>>,
}

/// Several sheets.
#[derive(Serialize, ToSchema)]
pub(crate) struct SheetList {
    sheets: Vec<SheetLink>,
    /// Checkpoints of the selection that cannot be used.
    problems: Vec<CheckpointProblem>,
}

/// One of several sheets.
#[derive(Serialize, ToSchema)]
pub(crate) struct SheetLink {
    #[serde(flatten)]
    sheet: Sheet,
    /// The picture, relative to the root of the server (no slash at its start, so that a prefix holds).
    url: String,
}

/// A gap on the timeline.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckpointProblem {
    pub(crate) checkpoint: usize,
    pub(crate) problem: String,
}

/// Weights of the selected layers as pictures.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}",
    params(Axes, LookQuery),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`; several: their list",
         content((Vec<u8> = "image/png"), (SheetList = "application/json"), (Vec<u8> = "application/octet-stream"))),
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

/// The same selection of what the layers make of a corpus image.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}/apply/{image}",
    params(AppliedAxes, LookQuery),
    responses(
        (status = 200, description = "as for weights",
         content((Vec<u8> = "image/png"), (SheetList = "application/json"), (Vec<u8> = "application/octet-stream"))),
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
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let AppliedAxes { run, checkpoints, layers, filters, channels, image } = axes;
    let subject = app.subject(&*app.runs.get(&run)?, &image).await?;
    let axes = Axes { run, checkpoints, layers, filters, channels };
    answer(&app, &axes, &query, Some(subject), &headers).await
}

/// The same selection of what the layers make of an image that is sent.
#[utoipa::path(
    post, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}/apply",
    params(Axes, LookQuery),
    request_body(content = Vec<u8>, content_type = "image/*", description = "a PNG, JPEG or WebP file"),
    responses(
        (status = 200, description = "one sheet: a picture, its geometry in `x-deepviz-sheet`",
         content((Vec<u8> = "image/png"), (SheetValues = "application/json"), (Vec<u8> = "application/octet-stream"))),
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
    body: Bytes,
) -> Result<Response, ApiError> {
    let subject = upload::subject(&app, &*app.runs.get(&axes.run)?, body).await?;
    answer(&app, &axes, &query, Some(subject), &headers).await
}

/// The selection bound to what there is.
struct Bound {
    checkpoints: Vec<usize>,
    wishes: Vec<Wish>,
    is_point: bool,
}

async fn bind(app: &App, axes: &Axes, look: Look, subject: Option<Subject>) -> Result<Bound, ApiError> {
    let run = app.runs.get(&axes.run)?;
    let listing = run.listing_by(&app.work).await?;
    let checkpoints: Selection = axes.checkpoints.parse()?;
    let indices = listing.select(&run.id, &axes.checkpoints)?;
    let has = |layer: &deepviz_net::Layer| subject.is_some() || Bank::of_weights(layer).is_some();
    let layers = select_layers(run.network(), &axes.layers, has)?;
    let is_point = checkpoints.is_point() && layers.len() == 1 && axes.layers != "*";
    let ground = Ground { run: Arc::clone(&run), listing, subject, look };
    let tiles = Tiles { filters: &axes.filters, channels: &axes.channels };
    let wishes: Vec<_> =
        layers.iter().map(|&layer| Wish::new(ground.clone(), layer, tiles)).collect::<Result<_, _>>()?;
    if indices.len() * wishes.len() > MOST_SHEETS {
        return Err(ApiError::bad(format!(
            "the selection names {} sheets, at most {MOST_SHEETS} are listed at once",
            indices.len() * wishes.len()
        )));
    }
    Ok(Bound { checkpoints: indices, wishes, is_point })
}

async fn answer(
    app: &App,
    axes: &Axes,
    query: &LookQuery,
    subject: Option<Subject>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let (look, format) = (query.look()?, query.format()?);
    let bound = bind(app, axes, look, subject).await?;
    if !bound.is_point {
        if matches!(format, Format::Png | Format::F32) {
            return Err(ApiError::bad("png and f32 hold one sheet; the selection names a set")
                .hint("select one checkpoint and one layer, or leave the format out for a list of sheets"));
        }
        return list(app, &bound, query, headers).await;
    }
    let (wish, index) = (&bound.wishes[0], bound.checkpoints[0]);
    let entry = wish.listing.usable(index)?;
    // The scale over a timeline that still grows is not the last word.
    let is_settled = look.over != Over::Timeline || !wish.run.is_live();
    let keep = Keep::by_hash(query.v.as_deref().filter(|_| is_settled), &entry.hash);
    match format {
        Format::Auto | Format::Png => {
            let rendered = picture(app, wish, index).await?;
            Ok(png(&rendered, headers, keep))
        }
        Format::Json => {
            let range = timeline(app, wish).await?;
            let values = values(app, wish, entry).await?;
            let sheet = wish.sheet(index, &values, range)?;
            let shape = values.dim().into();
            let values = (values.len() <= MOST_JSON_VALUES).then(|| values.into_raw_vec_and_offset().0);
            json_kept(headers, &SheetValues { sheet, shape, values }, keep)
        }
        Format::F32 => {
            let values = values(app, wish, entry).await?;
            let shape: [usize; 4] = values.dim().into();
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let mut response = Content::new("application/octet-stream", bytes).reply(headers, keep);
            insert(&mut response, "x-deepviz-shape", &format!("{shape:?}").replace(' ', ""));
            Ok(response)
        }
    }
}

async fn list(app: &App, bound: &Bound, query: &LookQuery, headers: &HeaderMap) -> Result<Response, ApiError> {
    let (mut sheets, mut problems) = (Vec::new(), Vec::new());
    for &index in &bound.checkpoints {
        for wish in &bound.wishes {
            match link(app, wish, index, query).await {
                Ok(sheet) => sheets.push(sheet),
                Err(error) if error.status() == 422 => {
                    problems.push(CheckpointProblem { checkpoint: index, problem: error.to_string() });
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    json(headers, &SheetList { sheets, problems })
}

async fn link(app: &App, wish: &Wish, index: usize, query: &LookQuery) -> Result<SheetLink, ApiError> {
    let entry = wish.listing.usable(index)?;
    let range = timeline(app, wish).await?;
    let values = values(app, wish, entry).await?;
    let sheet = wish.sheet(index, &values, range)?;
    let apply = match wish.subject.as_ref().map(Subject::id) {
        None => String::new(),
        Some(Some(id)) => format!("/apply/{}", id.0),
        Some(None) => {
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
    Ok(SheetLink { sheet, url })
}

/// A picture with its geometry in the header.
pub(crate) fn png(rendered: &Rendered, headers: &HeaderMap, keep: Keep) -> Response {
    let content = Content { media_type: "image/png", bytes: rendered.png.clone(), tag: rendered.tag.clone() };
    let mut response = content.reply(headers, keep);
    insert(&mut response, "x-deepviz-sheet", &rendered.geometry);
    response
}

fn insert(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
