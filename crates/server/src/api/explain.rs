//! Attribution maps: which parts of an image speak for a class, at a checkpoint.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_attribution::{MapKind, Method};
use deepviz_net::{CheckpointEntry, Network};
use deepviz_render::MapArea;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{NotModified, SentImageErrors, StatisticsErrors};
use crate::api::params::{CheckpointPath, PredictPath};
use crate::app::{App, AppState};
use crate::explain::maps::{ImageMap, MapRequest};
use crate::explain::switched_off::SwitchedOff;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::json_number::all_finite;
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, Content, json_with_policy};
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::class_of;
use crate::runs::open_run::OpenRun;
use crate::sheet::layer_axis::layer_index;
use crate::sheet::model_input::ModelInput;
use crate::sheet::reply::insert;
use crate::upload::image::{ImageBody, sent_image};

/// Pixels that a picture's side has at least, where no scale is given.
const SIDE: usize = 256;
/// Pixels per pixel of the image at most.
const MAX_SCALE: usize = 64;

/// The method of a map, and the class that it explains.
#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MethodQuery {
    /// How the map is made: `layercam` (default), `hirescam`, `gradient`, `smoothgrad`, `integrated`, `occlusion`, and, as
    /// reconstructions that explain nothing, `deconvnet` and `guided`.
    #[param(example = "layercam")]
    method: Option<String>,
    /// The class, by number or name; the predicted one unless given.
    class: Option<String>,
    /// Another class: the difference of the two logits is explained.
    versus: Option<String>,
    /// The layer that `layercam` and `hirescam` are taken at; the deepest of at least 8 x 8 unless given.
    layer: Option<String>,
    /// Units that are switched off: `fc64:39`, `conv1:2,5-7;fc64:39`.
    off: Option<String>,
}

impl MethodQuery {
    /// The request, by numbers.
    pub(crate) fn request(&self, run: &OpenRun) -> Result<MapRequest, ApiError> {
        let method: Method = match &self.method {
            Some(name) => {
                name.parse().map_err(|error: deepviz_attribution::UnknownMethod| ApiError::bad(error.to_string()))?
            }
            None => Method::LayerCam,
        };
        let class = |text: &Option<String>| match text {
            Some(text) => class_of(&run.info().classes, text).map(|class| Some(usize::from(class.0))),
            None => Ok(None),
        };
        let layer = self.layer.as_deref().map(|name| layer_index(run.network(), name)).transpose()?;
        if layer.is_some() && !method.is_of_layer() {
            return Err(ApiError::bad(format!("method {method} is taken at the pixels and has no layer"))
                .hint("leave `layer` out, or ask for layercam or hirescam"));
        }
        let off = SwitchedOff::read(run.network(), self.off.as_deref())?;
        Ok(MapRequest { method, class: class(&self.class)?, versus: class(&self.versus)?, layer, off })
    }
}

/// How the map is answered with.
#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MapFormatQuery {
    /// `json` (default), `png`: the map over the image in grey, or the picture of a reconstruction; `f32`: the values, row
    /// by row, little-endian, their shape in the header `x-deepviz-shape`.
    format: Option<String>,
    /// Of a picture: pixels per pixel of the image, 1 to 64; as many as make its side 256 or more unless given.
    #[param(minimum = 1, maximum = 64)]
    scale: Option<usize>,
    /// Of a picture: the value that has the full colour; the greatest of this map unless given.
    limit: Option<f32>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

/// The part of an image that cells lie over, in its pixels.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(crate) struct CellArea {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

/// What every map of a method has in common.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct MapShape {
    method: &'static str,
    /// Values below zero speak against; else all are zero or more.
    signed: bool,
    /// Draws what passed through the network, and explains nothing.
    reconstruction: bool,
    /// The layer that the map is taken at; absent for methods at the pixels.
    #[schema(required)]
    layer: Option<String>,
    /// Cells of the map.
    rows: usize,
    columns: usize,
    area: CellArea,
}

impl MapShape {
    pub(crate) fn of(method: Method, network: &Network, map: &ImageMap) -> Self {
        let map = &map.map;
        let area = map.area;
        Self {
            method: method.name(),
            signed: map.kind == MapKind::Signed,
            reconstruction: method.is_reconstruction(),
            layer: map.layer.map(|layer| network.layers()[layer].name.clone()),
            rows: map.values.nrows(),
            columns: map.values.ncols(),
            area: CellArea { top: area.top, left: area.left, height: area.height, width: area.width },
        }
    }
}

/// What a map says at one checkpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct MapAnswer {
    checkpoint: usize,
    /// The class whose logit is explained ...
    class: usize,
    /// ... less that of this one.
    #[schema(required)]
    versus: Option<usize>,
    /// The logit, or the difference of the two.
    explained: f32,
    /// The class that the network answers with.
    predicted: usize,
    logits: Vec<Option<f32>>,
    /// Of `integrated`: how far the sum of the map is from the difference to the mean image, as a share of that.
    #[schema(required)]
    completeness_error: Option<f32>,
    /// The cells row by row; absent where they are not finite.
    values: Vec<Option<f32>>,
}

impl MapAnswer {
    pub(crate) const fn checkpoint(&self) -> usize {
        self.checkpoint
    }

    pub(crate) fn of(checkpoint: usize, found: &ImageMap) -> Self {
        let map = &found.map;
        let greatest = map.logits.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
        Self {
            checkpoint,
            class: found.target.class,
            versus: found.target.versus,
            explained: map.explained,
            predicted: greatest.map_or(0, |(class, _)| class),
            logits: all_finite(&map.logits),
            completeness_error: map.completeness_error.filter(|error| error.is_finite()),
            values: map.values.iter().map(|value| value.is_finite().then_some(*value)).collect(),
        }
    }
}

/// The map of an image.
#[derive(Serialize, ToSchema)]
struct Explanation {
    #[serde(flatten)]
    shape: MapShape,
    #[serde(flatten)]
    map: MapAnswer,
}

/// Which parts of an image, of the corpus or one that was sent, speak for a class at a checkpoint.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/explain/{image}", tag = "sheets",
    params(PredictPath, MethodQuery, MapFormatQuery),
    responses(
        (status = 200, description = "the map", content(
            (Explanation = "application/json"), (Vec<u8> = "image/png"), (Vec<u8> = "application/octet-stream"))),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn explain(
    State(app): State<AppState>,
    PathParams(path): PathParams<PredictPath>,
    QueryParams(query): QueryParams<MethodQuery>,
    QueryParams(format): QueryParams<MapFormatQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let input = ModelInput::image(app.images(), &run, &path.image).await?;
    answer(&app, (&run, &path.checkpoint), (input, query, format), &headers).await
}

/// The same of an image that is sent.
#[utoipa::path(
    post, path = "/api/runs/{run}/checkpoints/{checkpoint}/explain", tag = "sheets",
    params(CheckpointPath, MethodQuery, MapFormatQuery),
    request_body(content = Vec<u8>, content_type = "image/*", description = "an image file: PNG, JPEG, WebP, BMP, GIF, TIFF or PNM"),
    responses(
        (status = 200, description = "the map", content(
            (Explanation = "application/json"), (Vec<u8> = "image/png"), (Vec<u8> = "application/octet-stream"))),
        SentImageErrors,
    )
)]
pub(crate) async fn explain_sent(
    State(app): State<AppState>,
    PathParams(path): PathParams<CheckpointPath>,
    QueryParams(query): QueryParams<MethodQuery>,
    QueryParams(format): QueryParams<MapFormatQuery>,
    headers: HeaderMap,
    ImageBody(body): ImageBody,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let input = sent_image(&app.work, &run, body).await?;
    answer(&app, (&run, &path.checkpoint), (input, query, format), &headers).await
}

async fn answer(
    app: &App,
    (run, checkpoint): (&Arc<OpenRun>, &str),
    (input, query, format): (ModelInput, MethodQuery, MapFormatQuery),
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let request = query.request(run)?;
    let listing = run.listing_by(&app.work).await?;
    let (index, _) = listing.point(&run.id, checkpoint)?;
    let entry: &CheckpointEntry = listing.usable(index)?;
    let policy = CachePolicy::by_hash(format.v.as_deref(), &entry.hash);
    let found = app.models.image_map(run, entry, (&input, &request)).await?;
    match format.format.as_deref() {
        None | Some("json") => {
            let shape = MapShape::of(request.method, run.network(), &found);
            json_with_policy(headers, &Explanation { shape, map: MapAnswer::of(index, &found) }, policy)
        }
        Some("png") => {
            let scale = format.scale;
            if scale.is_some_and(|scale| !(1..=MAX_SCALE).contains(&scale)) {
                return Err(ApiError::bad(format!(
                    "expected a scale of 1 to {MAX_SCALE}, found {}",
                    scale.unwrap_or(0)
                )));
            }
            let draw = move || draw(&input, &found, (scale, format.limit));
            let png = app.work.run(WorkKind::RenderLarge, draw).await?;
            Ok(Content::new("image/png", png).reply(headers, policy))
        }
        Some("f32") => {
            let values = &found.map.values;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let mut response = Content::new("application/octet-stream", bytes).reply(headers, policy);
            insert(&mut response, "x-deepviz-shape", &format!("[{},{}]", values.nrows(), values.ncols()));
            Ok(response)
        }
        Some(other) => Err(ApiError::bad(format!("unknown format `{other}`; expected json, png or f32"))),
    }
}

/// The map over the image in grey, or the picture of a reconstruction with zero in the middle.
fn draw(
    input: &ModelInput,
    found: &ImageMap,
    (scale, limit): (Option<usize>, Option<f32>),
) -> Result<Vec<u8>, ApiError> {
    let image = input.view()?;
    let (_, height, width) = image.dim();
    let scale = scale.unwrap_or_else(|| SIDE.div_ceil(height.max(width).max(1)));
    let greatest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0_f32, |max, value| max.max(value.abs()));
    if let Some(picture) = &found.map.picture {
        let limit = limit.unwrap_or_else(|| greatest(&mut picture.iter().copied()));
        let byte = |value: &f32| (127.5 + 127.5 * (value / limit).clamp(-1.0, 1.0)).round() as u8;
        let bytes = picture.map(byte);
        let grid = deepviz_render::Grid { columns: 1, scale };
        return Ok(deepviz_render::atlas(&[bytes.view()], grid)?);
    }
    let map = &found.map;
    let area = map.area;
    let area = MapArea { top: area.top, left: area.left, height: area.height, width: area.width };
    let limit = limit.unwrap_or_else(|| greatest(&mut map.values.iter().copied()));
    // What was sent may have other channels than grey and colour; then its first stands for it.
    let shown = if matches!(image.dim().0, 1 | 3) { image } else { image.slice_move(ndarray::s![..1, .., ..]) };
    Ok(deepviz_render::overlay(shown, (map.values.view(), area), limit, scale)?)
}
