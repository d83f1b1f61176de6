//! Class views: which class each filter prefers, and two groups of images side by side with their difference.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_render::{Range, Tint};
use ndarray::{Array4, Axis};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::{ApiError, Problem};
use crate::http::reply::{CachePolicy, Content, json_with_policy};
use crate::http::response_memory::counted;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::{Listing, OpenRun};
use crate::sheet::aggregate::LayerSelectivity;
use crate::sheet::image_group::{ClassSample, GroupQuery};
use crate::sheet::layer_axis::layer_index;
use crate::sheet::model_input::{ModelInput, fitting_corpus};
use crate::sheet::render::{Picture, rendered, values};
use crate::sheet::reply::{bytes_of, insert, png};
use crate::sheet::request::{Sheet, SheetContext, SheetRequest, TileSelection};
use crate::sheet::style::{NormaliseOver, Words, sheet_style};

/// A checkpoint and a layer in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MomentPath {
    /// Id of the run.
    #[param(example = "my-run")]
    run: String,
    /// Index of the checkpoint, or `last`.
    #[param(example = "last")]
    checkpoint: String,
    /// Name of the layer.
    #[param(example = "conv1")]
    layer: String,
}

/// How a class view is drawn and sent.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClassQuery {
    /// The layer's output channels, as a selection; all of them unless given.
    filters: Option<String>,
    /// What lightness is scaled over: `filter` (default) or `sheet`.
    #[param(value_type = Option<NormaliseOver>)]
    normalise: Option<String>,
    /// Pixels per value, 1 to 64.
    #[param(minimum = 1, maximum = 64)]
    scale: Option<usize>,
    /// Tiles side by side.
    #[param(minimum = 1)]
    columns: Option<usize>,
    /// `png` (default) or `json` (the numbers).
    format: Option<String>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

/// Two groups.
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
    /// How far the colours reach, 50 to 100, as for sheets.
    #[param(minimum = 50, maximum = 100)]
    percentile: Option<f32>,
    /// `png` (default), `json` (the mean of each filter) or `f32` (raw values: three sheets).
    format: Option<String>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

/// The combined picture: hue is the class a filter prefers, saturation how strongly.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreferenceAnswer {
    #[serde(flatten)]
    sheet: Sheet,
    /// `test` or `train`.
    split: String,
    /// Every class with its colour.
    classes: Vec<ClassColour>,
    /// The filters shown, in order.
    preferences: Vec<FilterPreference>,
}

/// A class and its colour at full saturation.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClassColour {
    class: usize,
    name: String,
    /// `#rrggbb`
    colour: String,
    /// Images that were averaged.
    images: usize,
}

/// Which class a filter prefers.
#[derive(Serialize, ToSchema)]
pub(crate) struct FilterPreference {
    filter: usize,
    /// The class whose images activate it most, on average.
    class: usize,
    /// The class selectivity index, 0 to 1: the greatest mean against the mean of the others.
    strength: f32,
    /// Mean activation by class; null where the split has no image of it.
    means: Vec<Option<f32>>,
}

/// Two groups and their difference, one below the other.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersusAnswer {
    #[serde(flatten)]
    sheet: Sheet,
    /// The two groups from top to bottom; below them the first minus the second. Each is `height` pixels.
    groups: [String; 2],
    /// Least and greatest value of each of the three.
    ranges: Vec<[f32; 2]>,
    /// For each filter its mean over the first group, over the second, and the difference.
    means: Vec<[f32; 3]>,
}

/// A moment of a layer, with the images of its run.
struct CheckpointLayer {
    run: Arc<OpenRun>,
    listing: Arc<Listing>,
    index: usize,
    layer: usize,
}

async fn checkpoint_layer(app: &AppState, path: &MomentPath) -> Result<CheckpointLayer, ApiError> {
    let run = app.runs.get(&path.run)?;
    let listing = run.listing_by(&app.work).await?;
    let (index, _) = listing.point(&run.id, &path.checkpoint)?;
    let layer = layer_index(run.network(), &path.layer)?;
    Ok(CheckpointLayer { run, listing, index, layer })
}

/// The filters of a layer coloured by class: hue is the class whose images activate a filter most, saturation the
/// strength of that preference, lightness the mean activation for that class.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/preference",
    params(MomentPath, ClassQuery, GroupQuery),
    responses(
        (status = 200, description = "a picture, its geometry and numbers in `x-deepviz-sheet` (without the means); or the numbers",
         content((Vec<u8> = "image/png"), (PreferenceAnswer = "application/json"))),
        (status = 304, description = "the client has it"),
        (status = 400, description = "the question cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such thing", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "statistics or images that are needed are not there (yet)", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a file on disk cannot be used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn preference(
    State(app): State<AppState>,
    PathParams(path): PathParams<MomentPath>,
    QueryParams(query): QueryParams<ClassQuery>,
    QueryParams(group_query): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let style = sheet_style(Words {
        normalise: query.normalise.as_deref().or(Some("filter")),
        palette: None,
        scale: query.scale,
        columns: query.columns,
        percentile: None,
    })?;
    if style.over == NormaliseOver::Timeline {
        return Err(ApiError::bad("expected the normalisation filter or sheet, found timeline"));
    }
    let is_json = match query.format.as_deref() {
        None | Some("png") => false,
        Some("json") => true,
        Some(other) => return Err(ApiError::bad(format!("unknown format `{other}`; expected png or json"))),
    };
    let CheckpointLayer { run, listing, index, layer } = checkpoint_layer(&app, &path).await?;
    let corpus = fitting_corpus(&app.corpora, &run).await?;
    let sample = ClassSample::of_all(&group_query, corpus.classes().len())?;
    // Any image stands for activations as opposed to weights: the layout is that of the layer's output.
    let input = ModelInput::CorpusImage { corpus: Arc::clone(&corpus), id: deepviz_corpus::ImageId(0) };
    let context = SheetContext { run: Arc::clone(&run), listing: Arc::clone(&listing), input: Some(input), style };
    let tiles = TileSelection { filters: query.filters.as_deref().unwrap_or("*"), channels: "*" };
    let request = SheetRequest::new(context, layer, tiles)?;
    let cost = request.cost(1)?;
    let held = app.answers.take(cost.bytes).await?;
    let entry = listing.usable(index)?;
    let found = app.models.preferences(&run, entry, layer, (&corpus, sample)).await?;
    let names = corpus.classes().to_vec();
    let answer = SelectivityView { request, index, found, names, split: sample.split.to_string() };
    let cache_policy = CachePolicy::by_hash(query.v.as_deref(), &entry.hash);
    if is_json {
        return json_with_policy(&headers, &answer.numbers()?, cache_policy);
    }
    let key = format!("tinted/{}/{}/{}/{}", entry.hash, answer.request.key(), sample.split, sample.limit);
    let working = held.clone();
    let draw = move || {
        let _held = working;
        answer.draw()
    };
    let drawn = app.cache.get(key, app.work.run(WorkKind::of_size(cost.pixels), draw)).await?;
    Ok(counted(png(&drawn, &headers, cache_policy), held))
}

/// A layer's preferences, ready to be drawn.
struct SelectivityView {
    request: SheetRequest,
    index: usize,
    found: Arc<LayerSelectivity>,
    names: Vec<String>,
    split: String,
}

impl SelectivityView {
    fn hue(&self, class: usize) -> f32 {
        class as f32 / self.names.len().max(1) as f32
    }

    fn values(&self) -> Result<Array4<f32>, ApiError> {
        self.request.kernel_shape().pick(&self.found.maps, &self.request.filters, &self.request.channels)
    }

    fn numbers(&self) -> Result<PreferenceAnswer, ApiError> {
        let mut sheet = self.request.sheet(self.index, &self.values()?, None)?;
        (sheet.image, sheet.palette) = (None, "classes".to_owned());
        let classes = self.names.iter().enumerate().map(|(class, name)| {
            let [r, g, b] = Tint { hue: self.hue(class), saturation: 1.0 }.colour(1.0);
            let images = self.found.images.get(class).copied().unwrap_or_default();
            ClassColour { class, name: name.clone(), colour: format!("#{r:02x}{g:02x}{b:02x}"), images }
        });
        let preferences = self.request.filters.iter().map(|&filter| {
            let found = &self.found.filters[filter];
            FilterPreference { filter, class: found.class, strength: found.index, means: found.means.clone() }
        });
        Ok(PreferenceAnswer {
            sheet,
            split: self.split.clone(),
            classes: classes.collect(),
            preferences: preferences.collect(),
        })
    }

    fn draw(&self) -> Result<Picture, ApiError> {
        let tints = self.request.filters.iter().map(|&filter| {
            let found = &self.found.filters[filter];
            Tint { hue: self.hue(found.class), saturation: found.index }
        });
        let tints: Vec<_> = tints.collect();
        let picture = deepviz_render::tinted(self.values()?.view(), &tints, &self.request.render_style(None))?;
        let mut numbers = self.numbers()?;
        // A header has not the room for every mean; the JSON has.
        numbers.preferences.iter_mut().for_each(|preference| preference.means.clear());
        rendered(picture.png, &numbers)
    }
}

/// Two groups of images: the mean activations of each, and the first minus the second, on one common scale.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/versus",
    params(MomentPath, VersusQuery, GroupQuery),
    responses(
        (status = 200, description = "a picture of three sheets one below the other, geometry in `x-deepviz-sheet`; or numbers",
         content((Vec<u8> = "image/png"), (VersusAnswer = "application/json"), (Vec<u8> = "application/octet-stream"))),
        (status = 304, description = "the client has it"),
        (status = 400, description = "the question cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is no such thing", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "statistics or images that are needed are not there (yet)", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a file on disk cannot be used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn versus(
    State(app): State<AppState>,
    PathParams(path): PathParams<MomentPath>,
    QueryParams(query): QueryParams<VersusQuery>,
    QueryParams(group_query): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let style = sheet_style(Words {
        normalise: None,
        palette: query.palette.as_deref().or(Some("diverging")),
        scale: query.scale,
        columns: query.columns,
        percentile: query.percentile,
    })?;
    let CheckpointLayer { run, listing, index, layer } = checkpoint_layer(&app, &path).await?;
    let entry = listing.usable(index)?;
    let tiles = TileSelection { filters: query.filters.as_deref().unwrap_or("*"), channels: "*" };
    let mut parts = Vec::with_capacity(3);
    let mut request = None;
    let (mut kind, mut held) = (WorkKind::Render, None);
    for group in [&query.a, &query.b] {
        let group_query = GroupQuery { minus: None, ..group_query.clone() };
        let input = ModelInput::read(&app.corpora, &run, group, &group_query).await?;
        let context = SheetContext { run: Arc::clone(&run), listing: Arc::clone(&listing), input: Some(input), style };
        let part = SheetRequest::new(context, layer, tiles)?;
        if request.is_none() {
            let cost = part.cost(3)?;
            (kind, held) = (WorkKind::of_size(cost.pixels), app.answers.take(cost.bytes).await?);
        }
        parts.push(values(&app.models, &part, entry).await?);
        request.get_or_insert(part);
    }
    let request = request.ok_or_else(|| ApiError::internal("two groups, and none was drawn"))?;
    parts.push(&parts[0] - &parts[1]);
    let cache_policy = CachePolicy::by_hash(query.v.as_deref(), &entry.hash);
    let comparison = Comparison { request, index, parts, groups: [query.a, query.b] };
    match query.format.as_deref() {
        None | Some("png") => {
            let working = held.clone();
            let draw = move || {
                let _held = working;
                comparison.draw()
            };
            let drawn = app.work.run(kind, draw).await?;
            Ok(counted(png(&drawn, &headers, cache_policy), held))
        }
        Some("json") => json_with_policy(&headers, &comparison.numbers()?, cache_policy),
        Some("f32") => {
            let bytes: Vec<u8> = comparison.parts.iter().flat_map(bytes_of).collect();
            let shape: Vec<usize> = [3].into_iter().chain(comparison.parts[0].shape().iter().copied()).collect();
            let mut response = Content::new("application/octet-stream", bytes).reply(&headers, cache_policy);
            insert(&mut response, "x-deepviz-shape", &format!("{shape:?}").replace(' ', ""));
            Ok(counted(response, held))
        }
        Some(other) => Err(ApiError::bad(format!("unknown format `{other}`; expected png, json or f32"))),
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
        let mut sheet = self.request.sheet(self.index, &self.parts[0], Some(self.range()))?;
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
        rendered(picture.png, &self.numbers()?)
    }
}
