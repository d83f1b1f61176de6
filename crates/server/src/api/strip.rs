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
use crate::app::{App, Shared};
use crate::http::answer_memory::{Counted, counted};
use crate::http::extract::{Params, Segments};
use crate::http::problem::{ApiError, Problem};
use crate::http::reply::Keep;
use crate::http::selection::text_from_indices;
use crate::http::work::Load;
use crate::sheet::bank::Bank;
use crate::sheet::group::GroupWords;
use crate::sheet::layer_axis::select_layers;
use crate::sheet::look::{Over, Words, look};
use crate::sheet::render::{Rendered, check_work, rendered, timeline, values};
use crate::sheet::reply::png;
use crate::sheet::subject::Subject;
use crate::sheet::wish::{Ground, Sheet, Tiles, Wish};

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
    #[param(value_type = Option<Over>)]
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
    get, path = "/api/runs/{run}/layers/{layer}/strip", tag = "sheets", params(LayerPath, StripQuery, GroupWords),
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
    State(app): State<Shared>,
    Segments(LayerPath { run, layer }): Segments<LayerPath>,
    Params(query): Params<StripQuery>,
    Params(words): Params<GroupWords>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let look = look(Words {
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
    let subject = match &query.apply {
        Some(image) => {
            let subject = Subject::read(&app.corpora, &run, image, &words).await?;
            check_work(subject.images(), indices.len())?;
            Some(subject)
        }
        None => None,
    };
    let has = |layer: &deepviz_net::Layer| subject.is_some() || Bank::of_weights(layer).is_some();
    let layers = select_layers(run.network(), &layer, has)?;
    let [layer] = layers.indices[..] else {
        return Err(ApiError::bad(format!("expected one layer, found the selection `{layer}`")));
    };
    let ground = Ground { run: Arc::clone(&run), listing: Arc::clone(&listing), subject, look };
    let tiles =
        Tiles { filters: query.filters.as_deref().unwrap_or("*"), channels: query.channels.as_deref().unwrap_or("*") };
    let wish = Wish::new(ground, layer, tiles)?;
    let cost = wish.cost(indices.len())?;
    let held = app.answers.take(cost.bytes).await?;
    let rendered = picture(&app, &wish, (&indices, &held)).await?;
    let last = indices.last().map(|&index| listing.entries[index].hash.as_str()).unwrap_or_default();
    let is_settled = look.over != Over::Timeline || !run.is_live();
    let keep = Keep::by_hash(query.v.as_deref().filter(|_| is_settled && !last.is_empty()), last);
    Ok(counted(png(&rendered, &headers, keep), held))
}

/// Indices of checkpoints, and what their strip holds.
type Wanted<'a> = (&'a [usize], &'a Counted);

async fn picture(app: &App, wish: &Wish, (indices, held): Wanted<'_>) -> Result<Arc<Rendered>, ApiError> {
    let range = timeline(&app.models, wish).await?;
    let key = format!("strip/{}/{}/{}", wish.listing.digest, text_from_indices(indices), wish.key());
    app.cache.get(key, draw(app, wish, (indices, held), range)).await
}

async fn draw(app: &App, wish: &Wish, (indices, held): Wanted<'_>, range: Option<Range>) -> Result<Rendered, ApiError> {
    let (mut checkpoints, mut sheets, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let load = Load::of_size(wish.cost(indices.len())?.pixels);
    for &index in indices {
        let found = match wish.listing.usable(index) {
            Ok(entry) => values(&app.models, wish, entry).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(values) => {
                checkpoints.push(index);
                sheets.push(wish.drawn(values));
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
    let (wish, held) = (wish.clone(), held.clone());
    app.work
        .run(load, move || {
            let _held = held;
            let views: Vec<_> = sheets.iter().map(ndarray::Array4::view).collect();
            let picture = deepviz_render::strip(&views, &wish.style(range))?;
            let all = picture.ranges.iter().fold(Range::EMPTY, |sum, range| sum.union(*range));
            let mut sheet = wish.sheet(checkpoints[0], &sheets[0], range)?;
            (sheet.minimum, sheet.maximum) = (all.minimum, all.maximum);
            sheet.limits = Some(picture.ranges.iter().map(|own| range.unwrap_or(*own).limit()).collect());
            sheet.limit = range.unwrap_or(all).limit();
            sheet.ends = range.unwrap_or(all).ends(wish.palette().is_signed());
            sheet.filter_ends = None;
            let ranges = picture.ranges.iter().map(|range| [range.minimum, range.maximum]).collect();
            rendered(picture.png, &Strip { sheet, checkpoints, ranges, problems })
        })
        .await
}
