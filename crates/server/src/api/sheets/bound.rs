//! The axes of a request bound to what there is: one request for each layer.

use std::sync::Arc;

use crate::api::sheets::query::SheetPath;
use crate::app::App;
use crate::http::problem::ApiError;
use crate::http::selection::Selection;
use crate::sheet::kernel_shape::KernelShape;
use crate::sheet::layer_axis::select_layers;
use crate::sheet::model_input::ModelInput;
use crate::sheet::render::check_work;
use crate::sheet::request::{SheetContext, SheetRequest, TileSelection};
use crate::sheet::style::SheetStyle;

/// Sheets that one answer lists.
const MOST_SHEETS: usize = 4_096;

/// The selection bound to what there is.
pub(super) struct Bound {
    pub(super) checkpoints: Vec<usize>,
    pub(super) requests: Vec<SheetRequest>,
    pub(super) is_point: bool,
}

pub(super) async fn bind(
    app: &App,
    axes: &SheetPath,
    style: SheetStyle,
    input: Option<ModelInput>,
) -> Result<Bound, ApiError> {
    let run = app.runs.get(&axes.run)?;
    let listing = run.listing_by(&app.work).await?;
    let checkpoints: Selection = axes.checkpoints.parse()?;
    let indices = listing.select(&run.id, &axes.checkpoints)?;
    let has = |layer: &deepviz_net::Layer| input.is_some() || KernelShape::of_weights(layer).is_some();
    let layers = select_layers(run.network(), &axes.layers, has)?;
    let is_point = checkpoints.is_point() && layers.is_point;
    let context = SheetContext { run: Arc::clone(&run), listing, input, style };
    let tiles = TileSelection { filters: &axes.filters, channels: &axes.channels };
    let requests: Vec<_> = layers
        .indices
        .iter()
        .map(|&layer| SheetRequest::new(context.clone(), layer, tiles))
        .collect::<Result<_, _>>()?;
    if indices.len() * requests.len() > MOST_SHEETS {
        return Err(ApiError::bad(format!(
            "the selection names {} sheets, at most {MOST_SHEETS} are listed at once",
            indices.len() * requests.len()
        )));
    }
    if let Some(ModelInput::Group { .. }) = requests.first().and_then(|request| request.input.as_ref()) {
        let images = requests.iter().filter_map(|request| request.input.as_ref()).map(ModelInput::images).sum();
        check_work(images, indices.len())?;
    }
    Ok(Bound { checkpoints: indices, requests, is_point })
}
