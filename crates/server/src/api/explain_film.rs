//! A film of attribution maps: which parts of an image speak for a class, checkpoint by checkpoint.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::explain::{MapAnswer, MapShape, MethodQuery};
use crate::api::params::RunImagePath;
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::selection::{Axis, Selection};
use crate::sheet::model_input::ModelInput;

/// Checkpoints of one answer at most.
const MAX_CHECKPOINTS: usize = 512;
/// Cells of all maps of an answer together.
const MAX_CELLS: usize = 4 << 20;

/// Which checkpoints.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilmQuery {
    /// Checkpoints: `0,5,10-50:5,last`; all unless given, at most 512.
    checkpoints: Option<String>,
}

/// The maps of an image at several checkpoints.
#[derive(Serialize, ToSchema)]
struct ExplanationFilm {
    image: Option<u32>,
    #[serde(flatten)]
    shape: MapShape,
    /// In order. All explain one class: where none was requested, the one that the last of them predicts.
    maps: Vec<MapAnswer>,
    /// Checkpoints that could not be read, or whose outputs are not finite.
    left_out: Vec<usize>,
}

/// Which parts of an image, of the corpus or one that was sent, speak for a class at each checkpoint.
#[utoipa::path(
    get, path = "/api/runs/{run}/images/{image}/explain", tag = "sheets", params(RunImagePath, MethodQuery, FilmQuery),
    responses(
        (status = 200, description = "the maps", body = ExplanationFilm),
        StatisticsErrors,
    )
)]
pub(crate) async fn explanation_film(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunImagePath>,
    QueryParams(query): QueryParams<MethodQuery>,
    QueryParams(film): QueryParams<FilmQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let input = ModelInput::image(app.images(), &run, &path.image).await?;
    let mut request = query.request(&run)?;
    let listing = run.listing_by(&app.work).await?;
    let selection: Selection = film.checkpoints.as_deref().unwrap_or("*").parse()?;
    let axis = Axis { what: "checkpoint", of: &run.id, count: listing.entries.len() };
    let wanted = selection.bind(axis)?;
    if wanted.len() > MAX_CHECKPOINTS {
        return Err(ApiError::bad(format!("expected at most {MAX_CHECKPOINTS} checkpoints, found {}", wanted.len()))
            .hint("ask for some of them: checkpoints=0-1000:10"));
    }
    let mut left_out: Vec<usize> = wanted.iter().copied().filter(|&index| listing.usable(index).is_err()).collect();
    let usable: Vec<usize> = wanted.into_iter().filter(|index| !left_out.contains(index)).collect();
    let Some(&last) = usable.last() else {
        return Err(ApiError::unusable("none of these checkpoints can be read"));
    };
    // The class of this map is explained by all of them, and its size is that of all.
    let found = app.models.image_map(&run, listing.usable(last)?, (&input, &request)).await?;
    request.class = Some(found.target.class);
    let cells = found.map.values.len() * usable.len();
    if cells > MAX_CELLS {
        let max = MAX_CELLS / found.map.values.len().max(1);
        return Err(ApiError::bad(format!("expected maps of at most {MAX_CELLS} cells together, found {cells}"))
            .hint(format!("ask for at most {max} checkpoints")));
    }
    let _held = app.answers.take(cells * size_of::<f32>() * 2).await?;
    let mut tasks = JoinSet::new();
    for &index in &usable {
        let (app, run, listing, input) = (app.clone(), run.clone(), listing.clone(), input.clone());
        let request = request.clone();
        tasks.spawn(async move {
            let map = app.models.image_map(&run, listing.usable(index)?, (&input, &request)).await;
            Ok::<_, ApiError>((index, map))
        });
    }
    let mut maps = Vec::new();
    while let Some(task) = tasks.join_next().await {
        let (index, map) = task.map_err(|panic| ApiError::internal(format!("work failed: {panic}")))??;
        match map {
            Ok(map) => maps.push(MapAnswer::of(index, &map)),
            // A checkpoint at which training had diverged.
            Err(error) if !error.is_passing() => left_out.push(index),
            Err(error) => return Err(error),
        }
    }
    maps.sort_by_key(MapAnswer::checkpoint);
    left_out.sort_unstable();
    let shape = MapShape::of(request.method, run.network(), &found);
    json(&headers, &ExplanationFilm { image: input.id().map(|id| id.0), shape, maps, left_out })
}
