//! Parameters that several routes read from a path or a query.

use deepviz_corpus::Split;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::problem::ApiError;
use crate::runs::corpus_params::split;
use crate::runs::listing::CheckpointRef;
use crate::runs::open_run::OpenRun;

/// Images of a page by default.
pub(crate) const DEFAULT_LIMIT: usize = 48;
/// Images of a page at most.
pub(crate) const MAX_LIMIT: usize = 10_000;

/// The run in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct RunPath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(crate) run: String,
}

/// The layer in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct LayerPath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(crate) run: String,
    /// Name of the layer.
    #[param(example = "conv1")]
    pub(crate) layer: String,
}

/// A checkpoint in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CheckpointPath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(crate) run: String,
    /// Index of the checkpoint, or `last`.
    #[param(example = "last")]
    pub(crate) checkpoint: String,
}

/// A checkpoint and an image in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PredictPath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(crate) run: String,
    /// Index of the checkpoint, or `last`.
    #[param(example = "last")]
    pub(crate) checkpoint: String,
    /// Id of the image.
    #[param(example = "3")]
    pub(crate) image: String,
}

/// An image in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct RunImagePath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(crate) run: String,
    /// Id of the image.
    #[param(example = "3")]
    pub(crate) image: String,
}

/// The split whose images a request is about.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SplitQuery {
    /// `test` (default) or `train`.
    split: Option<String>,
}

impl SplitQuery {
    /// The split that is named.
    pub(crate) fn split(&self) -> Result<Split, ApiError> {
        split(self.split.as_deref())
    }
}

/// The index at which a page begins.
pub(crate) fn offset(cursor: Option<&str>) -> Result<usize, ApiError> {
    match cursor {
        None | Some("") => Ok(0),
        Some(cursor) => cursor
            .parse()
            .map_err(|_| ApiError::bad(format!("unknown cursor `{cursor}`; expected what `next_cursor` said"))),
    }
}

/// The length of a page.
pub(crate) fn limit(wanted: Option<usize>, default: usize) -> Result<usize, ApiError> {
    let limit = wanted.unwrap_or(default);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    Err(ApiError::bad(format!("expected a limit of 1 to {MAX_LIMIT}, found {limit}")))
}

/// The checkpoint of a path, in blocking code.
pub(crate) fn find_checkpoint(run: &OpenRun, checkpoint: &str) -> Result<CheckpointRef, ApiError> {
    let listing = run.listing()?;
    let (index, entry) = listing.point(&run.id, checkpoint)?;
    Ok(CheckpointRef { index, step: entry.step })
}

/// The cursor of the next page, after a page of `items` items from `offset` on.
pub(crate) fn next_cursor(offset: usize, items: usize, total: usize) -> Option<String> {
    let end = offset.saturating_add(items);
    (items > 0 && end < total).then(|| end.to_string())
}

/// A checkpoint and a layer in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CheckpointLayerPath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(crate) run: String,
    /// Index of the checkpoint, or `last`.
    #[param(example = "last")]
    pub(crate) checkpoint: String,
    /// Name of the layer.
    #[param(example = "conv1")]
    pub(crate) layer: String,
}
