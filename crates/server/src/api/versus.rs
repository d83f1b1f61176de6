//! Two groups of images side by side, with their difference.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_render::Range;
use ndarray::{Array4, Axis};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::checkpoint_layer::CheckpointLayer;
use crate::api::errors::{NotModified, StatisticsErrors};
use crate::api::params::CheckpointLayerPath;
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, Content, json_with_policy};
use crate::http::response_memory::with_reservation;
use crate::http::work_pool::WorkKind;
use crate::sheet::geometry::SheetGeometry;
use crate::sheet::image_group::GroupQuery;
use crate::sheet::model_input::ModelInput;
use crate::sheet::render::{Picture, values};
use crate::sheet::reply::{bytes_of, insert, png};
use crate::sheet::request::SheetRequest;
use crate::sheet::style::{SheetStyle, StyleQuery};

/// The parameters of a comparison of two groups.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VersusQuery {
    /// The first group: `class:3`, `class:cat`, `images:1,4,10-19`.
    #[param(example = "class:3")]
    a: String,
    /// The second group.
    #[param(example = "class:5")]
    b: String,
    /// The layer's output channels, as a selection; all of them unless given.
    filters: Option<String>,
    /// As for sheets; `diverging` unless given.
    palette: Option<String>,
    /// Pixels per value, 1 to 64.
    #[param(minimum = 1, maximum = 64)]
    scale: Option<usize>,
    /// Tiles side by side.
    #[param(minimum = 1)]
    columns: Option<usize>,
    /// The percentile at which the colours end, 50 to 100, as for sheets.
    #[param(minimum = 50, maximum = 100)]
    percentile: Option<f32>,
    /// `png` (default), `json` (the mean of each filter) or `f32` (raw values: three sheets).
    format: Option<String>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

/// Two groups and their difference, one below the other.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersusAnswer {
    #[serde(flatten)]
    sheet: SheetGeometry,
    /// The two groups from top to bottom; below them the first minus the second. Each is `height` pixels.
    groups: [String; 2],
    /// Least and greatest value of each of the three.
    ranges: Vec<[f32; 2]>,
    /// For each filter its mean over the first group, over the second, and the difference.
    means: Vec<[f32; 3]>,
}

/// Two groups of images: the mean activations of each, and the first minus the second, on one common scale.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/versus",
    params(CheckpointLayerPath, VersusQuery, GroupQuery),
    responses(
        (status = 200, description = "a picture of three sheets one below the other, geometry in `x-deepviz-sheet`; or numbers",
         content((Vec<u8> = "image/png"), (VersusAnswer = "application/json"), (Vec<u8> = "application/octet-stream"))),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn versus(
    State(app): State<AppState>,
    PathParams(path): PathParams<CheckpointLayerPath>,
    QueryParams(query): QueryParams<VersusQuery>,
    QueryParams(group): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let style = query.style()?;
    let layer = CheckpointLayer::find(&app, &path).await?;
    let entry = layer.listing.usable(layer.index)?;
    let group = GroupQuery { minus: None, ..group };
    let request = async |text: &str| {
        let input = ModelInput::read(app.images(), &layer.run, text, &group).await?;
        layer.request(input, style, query.filters.as_deref())
    };
    let first = request(&query.a).await?;
    let cost = first.cost(3)?;
    let held = app.answers.take(cost.bytes).await?;
    let mut parts = vec![values(&app.models, &first, entry).await?];
    parts.push(values(&app.models, &request(&query.b).await?, entry).await?);
    parts.push(&parts[0] - &parts[1]);
    let cache_policy = CachePolicy::by_hash(query.v.as_deref(), &entry.hash);
    let comparison = Comparison { request: first, index: layer.index, parts, groups: [query.a, query.b] };
    match query.format.as_deref() {
        None | Some("png") => {
            let working = held.clone();
            let draw = move || {
                let _held = working;
                comparison.draw()
            };
            let drawn = app.work.run(WorkKind::of_size(cost.pixels), draw).await?;
            Ok(with_reservation(png(&drawn, &headers, cache_policy), held))
        }
        Some("json") => json_with_policy(&headers, &comparison.numbers()?, cache_policy),
        Some("f32") => Ok(with_reservation(comparison.raw(&headers, cache_policy), held)),
        Some(other) => Err(ApiError::bad(format!("unknown format `{other}`; expected png, json or f32"))),
    }
}

impl VersusQuery {
    fn style(&self) -> Result<SheetStyle, ApiError> {
        let palette = self.palette.clone().or_else(|| Some("diverging".to_owned()));
        let Self { scale, columns, percentile, .. } = *self;
        StyleQuery { scale, palette, columns, percentile, ..StyleQuery::default() }.style()
    }
}

/// Two sheets and their difference.
struct Comparison {
    request: SheetRequest,
    index: usize,
    parts: Vec<Array4<f32>>,
    groups: [String; 2],
}

impl Comparison {
    fn range(&self) -> Range {
        self.parts.iter().fold(Range::EMPTY, |sum, part| sum.union(self.request.style.range_of(part)))
    }

    fn numbers(&self) -> Result<VersusAnswer, ApiError> {
        let mut sheet = self.request.geometry(self.index, &self.parts[0], Some(self.range()))?;
        (sheet.image, sheet.group, sheet.images) = (None, None, None);
        let means = (0..self.request.filters.len()).map(|filter| {
            [0, 1, 2].map(|part| self.parts[part].index_axis(Axis(0), filter).mean().unwrap_or_default())
        });
        let ranges = self.parts.iter().map(|part| {
            let range = Range::of(part).or_zero();
            [range.minimum, range.maximum]
        });
        Ok(VersusAnswer { sheet, groups: self.groups.clone(), ranges: ranges.collect(), means: means.collect() })
    }

    fn draw(&self) -> Result<Picture, ApiError> {
        let views: Vec<_> = self.parts.iter().map(Array4::view).collect();
        let mut style = self.request.render_style(None);
        style.normalise = deepviz_render::Normalise::Range(self.range());
        let picture = deepviz_render::strip(&views, &style)?;
        Picture::new(picture.png, &self.numbers()?)
    }

    fn raw(&self, headers: &HeaderMap, cache_policy: CachePolicy) -> Response {
        let bytes: Vec<u8> = self.parts.iter().flat_map(bytes_of).collect();
        let shape: Vec<usize> = [self.parts.len()].into_iter().chain(self.parts[0].shape().iter().copied()).collect();
        let mut response = Content::new("application/octet-stream", bytes).reply(headers, cache_policy);
        insert(&mut response, "x-deepviz-shape", &format!("{shape:?}").replace(' ', ""));
        response
    }
}
