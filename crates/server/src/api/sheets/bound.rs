//! The parameters of a request checked against the run: one sheet for each checkpoint and layer.

use std::sync::Arc;

use deepviz_net::Layer;

use crate::api::sheets::params::{Apply, SheetParams};
use crate::app::App;
use crate::http::problem::ApiError;
use crate::http::selection::Selection;
use crate::runs::open_run::OpenRun;
use crate::sheet::layer_axis::select_layers;
use crate::sheet::model_input::ModelInput;
use crate::sheet::render::check_work;
use crate::sheet::request::{SheetContext, SheetRequest, TileSelection};
use crate::sheet::sheet_shape::SheetShape;
use crate::upload::image::sent_image;

/// Sheets that one answer lists.
const MAX_SHEETS: usize = 4_096;

/// The sheets of a request.
pub(super) struct BoundSheets {
    /// Indices of the checkpoints.
    pub(super) checkpoints: Vec<usize>,
    /// One for each layer.
    pub(super) requests: Vec<SheetRequest>,
    /// The request names one checkpoint and one layer, rather than sets that happen to hold one.
    pub(super) is_point: bool,
}

/// Checks all parameters, and takes out of them the image that was sent.
///
/// # Errors
/// 400 for what cannot be read, 404 for what there is not, 409 where images are needed that are not there.
pub(super) async fn bind(app: &App, params: &mut SheetParams) -> Result<BoundSheets, ApiError> {
    let style = params.style.style()?;
    let run = app.runs.get(&params.path.run)?;
    let input = input(app, &run, params).await?;
    let path = &params.path;
    let listing = run.listing_by(&app.work).await?;
    let selection: Selection = path.checkpoints.parse()?;
    let checkpoints = listing.select(&run.id, &path.checkpoints)?;
    let has_sheet = |layer: &Layer| input.is_some() || SheetShape::of_weights(layer).is_some();
    let layers = select_layers(run.network(), &path.layers, has_sheet)?;
    let is_point = selection.is_point() && layers.is_point;
    let context = SheetContext { run, listing, input, style };
    let tiles = TileSelection { filters: &path.filters, channels: &path.channels };
    let request = |&layer: &usize| SheetRequest::new(context.clone(), layer, tiles);
    let requests: Vec<_> = layers.indices.iter().map(request).collect::<Result<_, _>>()?;
    let sheets = checkpoints.len() * requests.len();
    if sheets > MAX_SHEETS {
        return Err(ApiError::bad(format!(
            "the selection names {sheets} sheets, at most {MAX_SHEETS} are listed at once"
        )));
    }
    if let Some(group @ ModelInput::Group { .. }) = &context.input {
        check_work(group.images() * requests.len(), checkpoints.len())?;
    }
    if requests.iter().any(SheetRequest::is_in_pixels) {
        // Each filter takes a backward pass.
        check_work(requests.iter().map(|request| request.filters.len()).sum(), checkpoints.len())?;
    }
    Ok(BoundSheets { checkpoints, requests, is_point })
}

async fn input(app: &App, run: &Arc<OpenRun>, params: &mut SheetParams) -> Result<Option<ModelInput>, ApiError> {
    match std::mem::take(&mut params.apply) {
        Apply::Weights => Ok(None),
        Apply::Corpus(text) => ModelInput::read(app.images(), run, &text, &params.group).await.map(Some),
        Apply::Sent(file) => sent_image(&app.work, run, file).await.map(Some),
    }
}
