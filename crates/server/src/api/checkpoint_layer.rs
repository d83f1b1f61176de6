//! A layer at a checkpoint, for the routes that compare classes (class selectivity, one class against another).

use std::sync::Arc;

use crate::api::params::CheckpointLayerPath;
use crate::app::App;
use crate::http::problem::ApiError;
use crate::runs::listing::Listing;
use crate::runs::open_run::OpenRun;
use crate::sheet::layer_axis::layer_index;
use crate::sheet::model_input::ModelInput;
use crate::sheet::request::{SheetContext, SheetRequest, TileSelection};
use crate::sheet::style::SheetStyle;

/// A layer at a checkpoint of a run.
pub(crate) struct CheckpointLayer {
    pub(crate) run: Arc<OpenRun>,
    pub(crate) listing: Arc<Listing>,
    pub(crate) index: usize,
    pub(crate) layer: usize,
}

impl CheckpointLayer {
    /// The layer and the checkpoint that a path names.
    pub(crate) async fn find(app: &App, path: &CheckpointLayerPath) -> Result<Self, ApiError> {
        let run = app.runs.get(&path.run)?;
        let listing = run.listing_by(&app.work).await?;
        let (index, _) = listing.point(&run.id, &path.checkpoint)?;
        let layer = layer_index(run.network(), &path.layer)?;
        Ok(Self { run, listing, index, layer })
    }

    /// A request for what the layer makes of some images.
    pub(crate) fn request(
        &self,
        input: ModelInput,
        style: SheetStyle,
        filters: Option<&str>,
    ) -> Result<SheetRequest, ApiError> {
        let (run, listing) = (Arc::clone(&self.run), Arc::clone(&self.listing));
        let context = SheetContext { run, listing, input: Some(input), style };
        SheetRequest::new(context, self.layer, TileSelection { filters: filters.unwrap_or("*"), channels: "*" })
    }
}
