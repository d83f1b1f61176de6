//! Feature visualisation (what a filter would like to see) and inversion (what a layer remembers of an image).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_attribution::ablation;
use deepviz_render::Grid;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::params::RunImagePath;
use crate::app::{App, AppState};
use crate::explain::pictures::{ChosenCheckpoints, MadePictures};
use crate::explain::switched_off::SwitchedOff;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, Content, json};
use crate::http::selection::{Axis, Selection};
use crate::http::work_pool::WorkKind;
use crate::runs::listing::Listing;
use crate::runs::open_run::OpenRun;
use crate::sheet::layer_axis::layer_index;
use crate::sheet::model_input::{ModelInput, fitting_corpus};
use crate::sheet::reply::insert;

/// Pictures of one answer at most: each takes some dozen passes through the network.
const MAX_PICTURES: usize = 128;
/// Pixels per pixel of the network's input at most.
const MAX_SCALE: usize = 16;

/// A filter of a layer in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct LayerFilterPath {
    /// Id of the run.
    #[param(example = "my-run")]
    run: String,
    /// Name of the layer.
    #[param(example = "conv1")]
    layer: String,
    /// Number of the filter.
    #[param(example = "3")]
    filter: usize,
}

/// Which pictures of a filter, and how they are answered with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VisualisationQuery {
    /// Checkpoints: `0,5,10-50:5,last`; the last unless given, at most 128. The optimisation of each
    /// picture starts from the picture of the checkpoint before in this list.
    checkpoints: Option<String>,
    /// What the first one starts from: `noise` (default) or the id of an image, whose features are amplified.
    start: Option<String>,
}

/// How pictures are answered with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PictureQuery {
    /// `png` (default): the pictures side by side without gaps, what they are in the header `x-deepviz-pictures`; or
    /// `json`: that alone.
    format: Option<String>,
    /// Pixels per pixel, 1 to 16; 1 unless given.
    #[param(minimum = 1, maximum = 16)]
    scale: Option<usize>,
}

/// Which pictures of an image, and how they are answered with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InversionQuery {
    /// Checkpoints: `0,5,10-50:5,last`; the last unless given.
    checkpoints: Option<String>,
    /// Names of layers separated by commas; those whose filters can be switched off, behind their nonlinearity, unless
    /// given. Layers times checkpoints are at most 128.
    layers: Option<String>,
    /// Units that are switched off: `fc64:39`, `conv1:2,5-7;fc64:39`.
    off: Option<String>,
}

/// The pictures from left to right, one a layer and checkpoint.
#[derive(Serialize, ToSchema)]
struct PictureFilm {
    /// Pixels of each.
    width: usize,
    height: usize,
    pictures: Vec<PictureInfo>,
}

/// A picture.
#[derive(Serialize, ToSchema)]
struct PictureInfo {
    checkpoint: usize,
    layer: String,
    /// Of a visualisation, the mean of the filter's output over positions, before its nonlinearity; of an inversion, the
    /// squared distance of the layer's outputs from those of the image, as a share of their square.
    #[schema(required)]
    value: Option<f32>,
}

/// Feature visualisation of a filter, at one checkpoint or over time: activation maximisation with the frequencies and
/// colours of the corpus' images.
#[utoipa::path(
    get, path = "/api/runs/{run}/layers/{layer}/filters/{filter}/visualisation", tag = "sheets",
    params(LayerFilterPath, VisualisationQuery, PictureQuery),
    responses(
        (status = 200, description = "the pictures", content((Vec<u8> = "image/png"), (PictureFilm = "application/json"))),
        StatisticsErrors,
    )
)]
pub(crate) async fn visualisation(
    State(app): State<AppState>,
    PathParams(path): PathParams<LayerFilterPath>,
    QueryParams(query): QueryParams<VisualisationQuery>,
    QueryParams(format): QueryParams<PictureQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let layer = layer_index(run.network(), &path.layer)?;
    let filters = run.network().layers()[layer].shape.channels;
    if path.filter >= filters {
        return Err(ApiError::missing("filter", format!("layer {} has filters 0 to {}", path.layer, filters - 1)));
    }
    if layer == 0 {
        return Err(ApiError::bad(format!("layer {} is the image itself", path.layer)));
    }
    let start = match query.start.as_deref() {
        None | Some("noise") => None,
        Some(image) => Some(ModelInput::image(app.images(), &run, image).await?),
    };
    let corpus = fitting_corpus(&app.corpora, &run).await?;
    let listing = run.listing_by(&app.work).await?;
    let checkpoints = chosen(&run, &listing, query.checkpoints.as_deref())?;
    within(checkpoints.len())?;
    let selection = ChosenCheckpoints { run: &run, listing: &listing, checkpoints: &checkpoints };
    let found = app.models.visualisations(selection, (&corpus, layer, path.filter), start.as_ref()).await?;
    let names: Vec<(usize, String)> = checkpoints.iter().map(|&index| (index, path.layer.clone())).collect();
    answer(&app, (found, names), &format, &headers).await
}

/// Feature inversion: what layers keep of an image, as pictures whose outputs at the layer are nearest to the image's.
#[utoipa::path(
    get, path = "/api/runs/{run}/images/{image}/inversion", tag = "sheets", params(RunImagePath, InversionQuery, PictureQuery),
    responses(
        (status = 200, description = "the pictures", content((Vec<u8> = "image/png"), (PictureFilm = "application/json"))),
        StatisticsErrors,
    )
)]
pub(crate) async fn inversion(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunImagePath>,
    QueryParams(query): QueryParams<InversionQuery>,
    QueryParams(format): QueryParams<PictureQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let network = run.network();
    let input = ModelInput::image(app.images(), &run, &path.image).await?;
    let corpus = fitting_corpus(&app.corpora, &run).await?;
    let listing = run.listing_by(&app.work).await?;
    let checkpoints = chosen(&run, &listing, query.checkpoints.as_deref())?;
    let layers: Vec<usize> = match &query.layers {
        Some(names) => names.split(',').map(|name| layer_index(network, name)).collect::<Result<_, _>>()?,
        None => ablation::layers(network).into_iter().map(|layer| network.nonlinearity_of(layer)).collect(),
    };
    within(checkpoints.len() * layers.len())?;
    let off = SwitchedOff::read(network, query.off.as_deref())?;
    let selection = ChosenCheckpoints { run: &run, listing: &listing, checkpoints: &checkpoints };
    let found = app.models.inversions(selection, (&corpus, &input), (&layers, &off)).await?;
    let name = |layer: usize| network.layers()[layer].name.clone();
    let of_layer = |&layer: &usize| checkpoints.iter().map(move |&index| (index, name(layer)));
    let names = layers.iter().flat_map(of_layer).collect();
    answer(&app, (found, names), &format, &headers).await
}

fn chosen(run: &OpenRun, listing: &Listing, text: Option<&str>) -> Result<Vec<usize>, ApiError> {
    let selection: Selection = text.unwrap_or("last").parse()?;
    let axis = Axis { what: "checkpoint", of: &run.id, count: listing.entries.len() };
    let checkpoints = selection.bind(axis)?;
    checkpoints.iter().try_for_each(|&index| listing.usable(index).map(|_| ()))?;
    Ok(checkpoints)
}

fn within(pictures: usize) -> Result<(), ApiError> {
    if (1..=MAX_PICTURES).contains(&pictures) {
        return Ok(());
    }
    Err(ApiError::bad(format!("expected 1 to {MAX_PICTURES} pictures, found {pictures}"))
        .hint("ask for fewer checkpoints or layers"))
}

async fn answer(
    app: &App,
    (found, names): (std::sync::Arc<MadePictures>, Vec<(usize, String)>),
    query: &PictureQuery,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let (_, height, width) = found.0.first().map_or((0, 0, 0), |picture| picture.pixels.dim());
    let info = names.into_iter().zip(&found.0).map(|((checkpoint, layer), picture)| PictureInfo {
        checkpoint,
        layer,
        value: picture.value.is_finite().then_some(picture.value),
    });
    let film = PictureFilm { width, height, pictures: info.collect() };
    match query.format.as_deref() {
        Some("json") => json(headers, &film),
        None | Some("png") => {
            let scale = query.scale.unwrap_or(1);
            if !(1..=MAX_SCALE).contains(&scale) {
                return Err(ApiError::bad(format!("expected a scale of 1 to {MAX_SCALE}, found {scale}")));
            }
            let draw = move || {
                let views: Vec<_> = found.0.iter().map(|picture| picture.pixels.view()).collect();
                Ok(deepviz_render::atlas(&views, Grid { columns: views.len(), scale })?)
            };
            let png = app.work.run(WorkKind::RenderLarge, draw).await?;
            let mut response = Content::new("image/png", png).reply(headers, CachePolicy::Revalidate);
            let described = serde_json::to_string(&film).unwrap_or_default();
            insert(&mut response, "x-deepviz-pictures", &described);
            Ok(response)
        }
        Some(other) => Err(ApiError::bad(format!("unknown format `{other}`; expected png or json"))),
    }
}
