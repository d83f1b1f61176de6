//! The class that each filter of a layer prefers, as a picture and in numbers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_render::Tint;
use ndarray::Array4;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::checkpoint_layer::CheckpointLayer;
use crate::api::errors::{NotModified, StatisticsErrors};
use crate::api::params::CheckpointLayerPath;
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, json_with_policy};
use crate::http::response_memory::with_reservation;
use crate::http::work_pool::WorkKind;
use crate::runs::wire::SplitName;
use crate::sheet::aggregate::{ClassImages, LayerSelectivity};
use crate::sheet::geometry::SheetGeometry;
use crate::sheet::image_group::{ClassSample, GroupQuery};
use crate::sheet::model_input::{ModelInput, fitting_corpus};
use crate::sheet::render::Picture;
use crate::sheet::reply::png;
use crate::sheet::request::SheetRequest;
use crate::sheet::style::{NormaliseOver, SheetStyle, StyleQuery};

/// The parameters of a picture of preferences.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClassQuery {
    /// The layer's output channels, as a selection; all of them unless given.
    filters: Option<String>,
    /// The values that lightness is scaled over: `filter` (default) or `sheet`.
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

/// The combined picture: hue is the class a filter prefers, saturation how strongly.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreferenceAnswer {
    #[serde(flatten)]
    sheet: SheetGeometry,
    /// `test` or `train`.
    split: SplitName,
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

/// The class that a filter prefers.
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

/// The filters of a layer coloured by class: hue is the class whose images activate a filter most, saturation the
/// strength of that preference, lightness the mean activation for that class.
#[utoipa::path(
    get, tag = "sheets",
    path = "/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/preference",
    params(CheckpointLayerPath, ClassQuery, GroupQuery),
    responses(
        (status = 200, description = "a picture, its geometry and numbers in `x-deepviz-sheet` (without the means); or the numbers",
         content((Vec<u8> = "image/png"), (PreferenceAnswer = "application/json"))),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn preference(
    State(app): State<AppState>,
    PathParams(path): PathParams<CheckpointLayerPath>,
    QueryParams(query): QueryParams<ClassQuery>,
    QueryParams(group): QueryParams<GroupQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (style, is_json) = (query.style()?, query.is_json()?);
    let layer = CheckpointLayer::find(&app, &path).await?;
    let corpus = fitting_corpus(&app.corpora, &layer.run).await?;
    let sample = ClassSample::of_all(&group, corpus.classes().len())?;
    // Any image stands for activations as opposed to weights: the layout is that of the layer's output.
    let input = ModelInput::CorpusImage { corpus: Arc::clone(&corpus), id: deepviz_corpus::ImageId(0) };
    let request = layer.request(input, style, query.filters.as_deref())?;
    let cost = request.cost(1)?;
    let held = app.answers.take(cost.bytes).await?;
    let entry = layer.listing.usable(layer.index)?;
    let images = ClassImages { corpus: &corpus, sample };
    let found = app.models.selectivity(&layer.run, entry, layer.layer, images).await?;
    let names = corpus.classes().to_vec();
    let view = SelectivityView { request, index: layer.index, found, names, split: sample.split.into() };
    let cache_policy = CachePolicy::by_hash(query.v.as_deref(), &entry.hash);
    if is_json {
        return json_with_policy(&headers, &view.numbers()?, cache_policy);
    }
    let key = format!("tinted/{}/{}/{}/{}", entry.hash, view.request.key(), sample.split, sample.limit);
    let working = held.clone();
    let draw = move || {
        let _held = working;
        view.draw()
    };
    let drawn = app.cache.get(key, app.work.run(WorkKind::of_size(cost.pixels), draw)).await?;
    Ok(with_reservation(png(&drawn, &headers, cache_policy), held))
}

impl ClassQuery {
    fn style(&self) -> Result<SheetStyle, ApiError> {
        let normalise = self.normalise.clone().or_else(|| Some("filter".to_owned()));
        let query = StyleQuery { normalise, scale: self.scale, columns: self.columns, ..StyleQuery::default() };
        let style = query.style()?;
        if style.over == NormaliseOver::Timeline {
            return Err(ApiError::bad("expected the normalisation filter or sheet, found timeline"));
        }
        Ok(style)
    }

    fn is_json(&self) -> Result<bool, ApiError> {
        match self.format.as_deref() {
            None | Some("png") => Ok(false),
            Some("json") => Ok(true),
            Some(other) => Err(ApiError::bad(format!("unknown format `{other}`; expected png or json"))),
        }
    }
}

/// A layer's preferences, ready to be drawn.
struct SelectivityView {
    request: SheetRequest,
    index: usize,
    found: Arc<LayerSelectivity>,
    names: Vec<String>,
    split: SplitName,
}

impl SelectivityView {
    fn hue(&self, class: usize) -> f32 {
        class as f32 / self.names.len().max(1) as f32
    }

    fn values(&self) -> Result<Array4<f32>, ApiError> {
        self.request.sheet_shape().pick(&self.found.maps, &self.request.filters, &self.request.channels)
    }

    fn numbers(&self) -> Result<PreferenceAnswer, ApiError> {
        let mut sheet = self.request.geometry(self.index, &self.values()?, None)?;
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
            split: self.split,
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
        // A header is too short for every mean; the JSON is not.
        numbers.preferences.iter_mut().for_each(|preference| preference.means.clear());
        Picture::new(picture.png, &numbers)
    }
}
