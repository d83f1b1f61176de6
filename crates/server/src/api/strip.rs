//! Many checkpoints of a layer in one picture, for scrubbing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_render::Range;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::params::LayerPath;
use crate::api::parts::CheckpointProblem;
use crate::app::{App, AppState};
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::{ApiError, Problem};
use crate::http::reply::CachePolicy;
use crate::http::response_memory::{ResponseMemory, counted};
use crate::http::selection::text_from_indices;
use crate::http::work_pool::WorkKind;
use crate::sheet::image_group::GroupQuery;
use crate::sheet::kernel_shape::KernelShape;
use crate::sheet::layer_axis::select_layers;
use crate::sheet::model_input::ModelInput;
use crate::sheet::render::{Picture, check_work, rendered, timeline, values};
use crate::sheet::reply::png;
use crate::sheet::request::{Sheet, SheetContext, SheetRequest, TileSelection};
use crate::sheet::style::{NormaliseOver, Words, sheet_style};

/// What is drawn, and how.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StripQuery {
    /// Checkpoints, as a selection; all of them unless given.
    checkpoints: Option<String>,
    /// Filters, as a selection; all of them unless given.
    filters: Option<String>,
    /// Channels, as a selection; all of them unless given.
    channels: Option<String>,
    /// Activations instead of weights, of an image of the corpus (its id) or on average of a group: `class:3`,
    /// `class:cat`, `images:1,4,10-19`.
    apply: Option<String>,
    /// `sheet` (default), `filter` or `timeline`.
    #[param(value_type = Option<NormaliseOver>)]
    normalise: Option<String>,
    /// As for sheets.
    palette: Option<String>,
    /// Pixels per value, 1 to 64.
    #[param(minimum = 1, maximum = 64)]
    scale: Option<usize>,
    /// Tiles side by side where they form a grid.
    #[param(minimum = 1)]
    columns: Option<usize>,
    /// How far the colours reach, 50 to 100, as for sheets.
    #[param(minimum = 50, maximum = 100)]
    percentile: Option<f32>,
    /// The hash of the last checkpoint: makes the answer immutable.
    v: Option<String>,
}

/// The geometry of each sheet (the first one's numbers), and what differs from sheet to sheet.
#[derive(Serialize, ToSchema)]
struct Strip {
    #[serde(flatten)]
    sheet: Sheet,
    /// The checkpoints from top to bottom, each `height` pixels.
    checkpoints: Vec<usize>,
    /// Least and greatest value of each.
    ranges: Vec<[f32; 2]>,
    /// Checkpoints of the selection that cannot be used.
    problems: Vec<CheckpointProblem>,
}

/// A layer's sheets at many checkpoints, one below the other; geometry in `x-deepviz-sheet`.
#[utoipa::path(
    get, path = "/api/runs/{run}/layers/{layer}/strip", tag = "sheets", params(LayerPath, StripQuery, GroupQuery),
    responses(
        (status = 200, description = "the answer", body = Vec<u8>, content_type = "image/png"),
        (status = 304, description = "the client has it"),
        (status = 400, description = "the question cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such thing", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "statistics or images that are needed are not there (yet)", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a file on disk cannot be used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn strip(
    State(app): State<AppState>,
    PathParams(LayerPath { run, layer }): PathParams<LayerPath>,
    QueryParams(query): QueryParams<StripQuery>,
    QueryParams(group_query): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let style = sheet_style(Words {
        normalise: query.normalise.as_deref(),
        palette: query.palette.as_deref(),
        scale: query.scale,
        columns: query.columns,
        percentile: query.percentile,
    })?;
    let run = app.runs.get(&run)?;
    let listing = run.listing_by(&app.work).await?;
    let text = query.checkpoints.as_deref().unwrap_or("*");
    let indices = listing.select(&run.id, text)?;
    let input = match &query.apply {
        Some(image) => {
            let input = ModelInput::read(&app.corpora, &run, image, &group_query).await?;
            check_work(input.images(), indices.len())?;
            Some(input)
        }
        None => None,
    };
    let has = |layer: &deepviz_net::Layer| input.is_some() || KernelShape::of_weights(layer).is_some();
    let layers = select_layers(run.network(), &layer, has)?;
    let [layer] = layers.indices[..] else {
        return Err(ApiError::bad(format!("expected one layer, found the selection `{layer}`")));
    };
    let context = SheetContext { run: Arc::clone(&run), listing: Arc::clone(&listing), input, style };
    let tiles = TileSelection {
        filters: query.filters.as_deref().unwrap_or("*"),
        channels: query.channels.as_deref().unwrap_or("*"),
    };
    let request = SheetRequest::new(context, layer, tiles)?;
    let cost = request.cost(indices.len())?;
    let held = app.answers.take(cost.bytes).await?;
    let rendered = picture(&app, &request, (&indices, &held)).await?;
    let last = indices.last().map(|&index| listing.entries[index].hash.as_str()).unwrap_or_default();
    let is_settled = style.over != NormaliseOver::Timeline || !run.is_live();
    let cache_policy = CachePolicy::by_hash(query.v.as_deref().filter(|_| is_settled && !last.is_empty()), last);
    Ok(counted(png(&rendered, &headers, cache_policy), held))
}

/// Indices of checkpoints, and what their strip holds.
type Wanted<'a> = (&'a [usize], &'a ResponseMemory);

async fn picture(app: &App, request: &SheetRequest, (indices, held): Wanted<'_>) -> Result<Arc<Picture>, ApiError> {
    let range = timeline(&app.models, request).await?;
    let key = format!("strip/{}/{}/{}", request.listing.digest, text_from_indices(indices), request.key());
    app.cache.get(key, draw(app, request, (indices, held), range)).await
}

async fn draw(
    app: &App,
    request: &SheetRequest,
    (indices, held): Wanted<'_>,
    range: Option<Range>,
) -> Result<Picture, ApiError> {
    let (mut checkpoints, mut sheets, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let kind = WorkKind::of_size(request.cost(indices.len())?.pixels);
    for &index in indices {
        let found = match request.listing.usable(index) {
            Ok(entry) => values(&app.models, request, entry).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(values) => {
                checkpoints.push(index);
                sheets.push(request.drawn(values));
            }
            Err(error) if error.status() == 422 => {
                problems.push(CheckpointProblem { checkpoint: index, problem: error.to_string() });
            }
            Err(error) => return Err(error),
        }
    }
    if sheets.is_empty() {
        let reason = problems.first().map(|problem| problem.problem.clone()).unwrap_or_default();
        return Err(ApiError::unusable(format!("none of the selected checkpoints can be used: {reason}")));
    }
    let (request, held) = (request.clone(), held.clone());
    app.work
        .run(kind, move || {
            let _held = held;
            let views: Vec<_> = sheets.iter().map(ndarray::Array4::view).collect();
            let picture = deepviz_render::strip(&views, &request.render_style(range))?;
            let all = picture.ranges.iter().fold(Range::EMPTY, |sum, range| sum.union(*range));
            let mut sheet = request.sheet(checkpoints[0], &sheets[0], range)?;
            (sheet.minimum, sheet.maximum) = (all.minimum, all.maximum);
            sheet.limits = Some(picture.ranges.iter().map(|own| range.unwrap_or(*own).limit()).collect());
            sheet.limit = range.unwrap_or(all).limit();
            sheet.ends = range.unwrap_or(all).ends(request.palette().is_signed());
            sheet.filter_ends = None;
            let ranges = picture.ranges.iter().map(|range| [range.minimum, range.maximum]).collect();
            rendered(picture.png, &Strip { sheet, checkpoints, ranges, problems })
        })
        .await
}
