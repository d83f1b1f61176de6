//! Many checkpoints of a layer in one picture, for scrubbing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_render::Range;
use ndarray::Array4;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{NotModified, StatisticsErrors};
use crate::api::params::LayerPath;
use crate::api::parts::CheckpointProblem;
use crate::app::{App, AppState};
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::CachePolicy;
use crate::http::response_memory::{ResponseMemory, with_reservation};
use crate::http::selection::text_from_indices;
use crate::http::work_pool::WorkKind;
use crate::sheet::geometry::SheetGeometry;
use crate::sheet::image_group::GroupQuery;
use crate::sheet::layer_axis::select_layers;
use crate::sheet::model_input::ModelInput;
use crate::sheet::render::{Picture, check_work, timeline, values};
use crate::sheet::reply::png;
use crate::sheet::request::{SheetContext, SheetRequest, TileSelection};
use crate::sheet::sheet_shape::SheetShape;
use crate::sheet::style::StyleQuery;

/// The parameters of a strip.
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
    /// The hash of the last checkpoint: makes the answer immutable.
    v: Option<String>,
}

/// The geometry of each sheet (the first one's numbers), and what differs from sheet to sheet.
#[derive(Serialize, ToSchema)]
struct Strip {
    #[serde(flatten)]
    sheet: SheetGeometry,
    /// The checkpoints from top to bottom, each `height` pixels.
    checkpoints: Vec<usize>,
    /// Least and greatest value of each.
    ranges: Vec<[f32; 2]>,
    /// The values at the two ends of the palette at each.
    checkpoint_ends: Vec<[f32; 2]>,
    /// Checkpoints of the selection that cannot be used.
    problems: Vec<CheckpointProblem>,
}

/// A layer's sheets at many checkpoints, one below the other; geometry in `x-deepviz-sheet`.
#[utoipa::path(
    get, path = "/api/runs/{run}/layers/{layer}/strip", tag = "sheets", params(LayerPath, StripQuery, StyleQuery, GroupQuery),
    responses(
        (status = 200, description = "the answer", body = Vec<u8>, content_type = "image/png"),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn strip(
    State(app): State<AppState>,
    PathParams(LayerPath { run, layer }): PathParams<LayerPath>,
    QueryParams(query): QueryParams<StripQuery>,
    QueryParams(style): QueryParams<StyleQuery>,
    QueryParams(group_query): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let style = style.style()?;
    let run = app.runs.get(&run)?;
    let listing = run.listing_by(&app.work).await?;
    let text = query.checkpoints.as_deref().unwrap_or("*");
    let indices = listing.select(&run.id, text)?;
    let input = match &query.apply {
        Some(image) => {
            let input = ModelInput::read(app.images(), &run, image, &group_query).await?;
            check_work(input.images(), indices.len())?;
            Some(input)
        }
        None => None,
    };
    let has = |layer: &deepviz_net::Layer| input.is_some() || SheetShape::of_weights(layer).is_some();
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
    if request.is_in_pixels() {
        check_work(request.filters.len(), indices.len())?;
    }
    let held = app.answers.take(request.cost(indices.len())?.bytes).await?;
    let strip = StripRequest { sheets: request, checkpoints: indices, held };
    let picture = strip.picture(&app).await?;
    let StripRequest { sheets, checkpoints, held } = strip;
    let last = checkpoints.last().map(|&index| listing.entries[index].hash.as_str()).unwrap_or_default();
    let version = query.v.as_deref().filter(|_| sheets.has_settled_scale() && !last.is_empty());
    Ok(with_reservation(png(&picture, &headers, CachePolicy::by_hash(version, last)), held))
}

/// The sheets of one layer at many checkpoints.
#[derive(Clone)]
struct StripRequest {
    sheets: SheetRequest,
    /// Indices.
    checkpoints: Vec<usize>,
    /// The memory that drawing takes.
    held: ResponseMemory,
}

/// The values that a strip is drawn from.
struct StripValues {
    range: Option<Range>,
    /// Those that can be used, in order.
    checkpoints: Vec<usize>,
    sheets: Vec<Array4<f32>>,
    problems: Vec<CheckpointProblem>,
}

impl StripRequest {
    async fn picture(&self, app: &App) -> Result<Arc<Picture>, ApiError> {
        let range = timeline(&app.models, &self.sheets).await?;
        let digest = &self.sheets.listing.digest;
        let key = format!("strip/{digest}/{}/{}", text_from_indices(&self.checkpoints), self.sheets.key());
        let make = async {
            let kind = WorkKind::of_size(self.sheets.cost(self.checkpoints.len())?.pixels);
            let (strip, values) = (self.clone(), self.values(app, range).await?);
            app.work.run(kind, move || strip.draw(values)).await
        };
        app.cache.get(key, make).await
    }

    async fn values(&self, app: &App, range: Option<Range>) -> Result<StripValues, ApiError> {
        let (mut checkpoints, mut sheets, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for &index in &self.checkpoints {
            let found = match self.sheets.listing.usable(index) {
                Ok(entry) => values(&app.models, &self.sheets, entry).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(values) => {
                    checkpoints.push(index);
                    sheets.push(self.sheets.drawn(values));
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
        Ok(StripValues { range, checkpoints, sheets, problems })
    }

    fn draw(&self, values: StripValues) -> Result<Picture, ApiError> {
        let StripValues { range, checkpoints, sheets, problems } = values;
        let views: Vec<_> = sheets.iter().map(Array4::view).collect();
        let picture = deepviz_render::strip(&views, &self.sheets.render_style(range))?;
        let all = picture.ranges.iter().fold(Range::EMPTY, |sum, range| sum.union(*range));
        let mut sheet = self.sheets.geometry(checkpoints[0], &sheets[0], range)?;
        (sheet.minimum, sheet.maximum) = (all.minimum, all.maximum);
        sheet.limits = Some(picture.ranges.iter().map(|own| range.unwrap_or(*own).limit()).collect());
        sheet.limit = range.unwrap_or(all).limit();
        let is_signed = self.sheets.palette().is_signed();
        sheet.ends = range.unwrap_or(all).ends(is_signed);
        let checkpoint_ends = picture.ranges.iter().map(|own| range.unwrap_or(*own).ends(is_signed)).collect();
        sheet.filter_ends = None;
        let ranges = picture.ranges.iter().map(|range| [range.minimum, range.maximum]).collect();
        Picture::new(picture.png, &Strip { sheet, checkpoints, ranges, checkpoint_ends, problems })
    }
}
