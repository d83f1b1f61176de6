//! The axes of a request bound to what there is: one wish for each layer.

use std::sync::Arc;

use crate::api::sheets::query::Axes;
use crate::app::App;
use crate::http::problem::ApiError;
use crate::http::selection::Selection;
use crate::sheet::bank::Bank;
use crate::sheet::layer_axis::select_layers;
use crate::sheet::look::Look;
use crate::sheet::render::check_work;
use crate::sheet::subject::Subject;
use crate::sheet::wish::{Ground, Tiles, Wish};

/// Sheets that one answer lists.
const MOST_SHEETS: usize = 4_096;

/// The selection bound to what there is.
pub(super) struct Bound {
    pub(super) checkpoints: Vec<usize>,
    pub(super) wishes: Vec<Wish>,
    pub(super) is_point: bool,
}

pub(super) async fn bind(app: &App, axes: &Axes, look: Look, subject: Option<Subject>) -> Result<Bound, ApiError> {
    let run = app.runs.get(&axes.run)?;
    let listing = run.listing_by(&app.work).await?;
    let checkpoints: Selection = axes.checkpoints.parse()?;
    let indices = listing.select(&run.id, &axes.checkpoints)?;
    let has = |layer: &deepviz_net::Layer| subject.is_some() || Bank::of_weights(layer).is_some();
    let layers = select_layers(run.network(), &axes.layers, has)?;
    let is_point = checkpoints.is_point() && layers.is_point;
    let ground = Ground { run: Arc::clone(&run), listing, subject, look };
    let tiles = Tiles { filters: &axes.filters, channels: &axes.channels };
    let wishes: Vec<_> =
        layers.indices.iter().map(|&layer| Wish::new(ground.clone(), layer, tiles)).collect::<Result<_, _>>()?;
    if indices.len() * wishes.len() > MOST_SHEETS {
        return Err(ApiError::bad(format!(
            "the selection names {} sheets, at most {MOST_SHEETS} are listed at once",
            indices.len() * wishes.len()
        )));
    }
    if let Some(Subject::Group { .. }) = wishes.first().and_then(|wish| wish.subject.as_ref()) {
        let images = wishes.iter().filter_map(|wish| wish.subject.as_ref()).map(Subject::images).sum();
        check_work(images, indices.len())?;
    }
    Ok(Bound { checkpoints: indices, wishes, is_point })
}
