//! The parameters of a request for sheets, as they are written in its path and query.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::problem::ApiError;
use crate::sheet::image_group::GroupQuery;
use crate::sheet::style::StyleQuery;
use crate::upload::image::ImageFile;

/// The four axes of a selection of sheets.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SheetPath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(super) run: String,
    /// Checkpoints: `3`, `1,4,9`, `2-7`, `10-40:5`, `last`, `*`.
    #[param(example = "last")]
    pub(super) checkpoints: String,
    /// Layers: names, `conv1,conv2`, `conv1-conv3`, `last`, `*`, `*:2`.
    #[param(example = "conv1")]
    pub(super) layers: String,
    /// Filters, as a selection; of activations the layer's output channels.
    #[param(example = "*")]
    pub(super) filters: String,
    /// Channels, as a selection; `*` for activations.
    #[param(example = "*")]
    pub(super) channels: String,
}

/// Two axes in a path; the others default to everything.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct LayersPath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(super) run: String,
    /// Checkpoints: `3`, `1,4,9`, `2-7`, `10-40:5`, `last`, `*`.
    #[param(example = "last")]
    pub(super) checkpoints: String,
    /// Layers: names, `conv1,conv2`, `conv1-conv3`, `last`, `*`, `*:2`.
    #[param(example = "conv1")]
    pub(super) layers: String,
}

/// The other axes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LayerSheetsQuery {
    /// Filters, as a selection; all of them unless given.
    pub(super) filters: Option<String>,
    /// Channels, as a selection; all of them unless given.
    pub(super) channels: Option<String>,
    /// Activations instead of weights, of an image of the corpus (its id) or on average of a group: `class:3`,
    /// `class:cat`, `images:1,4,10-19`.
    pub(super) apply: Option<String>,
}

/// The other axes, of an image that is sent.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SentLayerQuery {
    /// The layer's output channels, as a selection; all of them unless given.
    pub(super) filters: Option<String>,
}

/// The four axes and an image of the corpus.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AppliedSheetPath {
    /// Id of the run.
    #[param(example = "my-run")]
    pub(super) run: String,
    /// Checkpoints, as a selection.
    #[param(example = "last")]
    pub(super) checkpoints: String,
    /// Names of layers, separated by commas, or `*`.
    #[param(example = "conv1")]
    pub(super) layers: String,
    /// The layer's output channels, as a selection.
    #[param(example = "*")]
    pub(super) filters: String,
    /// `*`.
    #[param(example = "*")]
    pub(super) channels: String,
    /// Id of the image; or `class:3`, `class:cat`, `images:1,4,10-19` for the mean over a group.
    #[param(example = "3")]
    pub(super) image: String,
}

/// The form of the answer.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OutputQuery {
    /// `png` (default for one sheet), `json` (geometry, and values where there are few) or `f32` (raw values; of
    /// several sheets `multipart/mixed`).
    pub(super) format: Option<String>,
    /// A pixel of the sheet, `x,y`: the answer is the value under it, and its place in the layer.
    pub(super) at: Option<String>,
    /// The checkpoint's hash: makes the answer immutable.
    pub(super) v: Option<String>,
}

/// The form of an answer that a query asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Auto,
    Png,
    Json,
    F32,
}

impl OutputQuery {
    /// The pixel whose value is requested, `[x, y]`.
    pub(super) fn pixel(&self) -> Result<Option<[usize; 2]>, ApiError> {
        let Some(text) = &self.at else { return Ok(None) };
        let read = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        match text.split_once(',').and_then(|(x, y)| Some([read(x)?, read(y)?])) {
            Some(pixel) => Ok(Some(pixel)),
            None => Err(ApiError::bad(format!("expected a pixel such as at=12,40; found `{text}`"))),
        }
    }

    /// The form of the answer.
    pub(super) fn format(&self) -> Result<Format, ApiError> {
        match self.format.as_deref() {
            None => Ok(Format::Auto),
            Some("png") => Ok(Format::Png),
            Some("json") => Ok(Format::Json),
            Some("f32") => Ok(Format::F32),
            Some(other) => Err(ApiError::bad(format!("unknown format `{other}`; expected png, json or f32"))),
        }
    }
}

impl SheetPath {
    /// Layers with these filters and channels, or all of them.
    pub(super) fn of_layers(path: LayersPath, filters: Option<String>, channels: Option<String>) -> Self {
        let LayersPath { run, checkpoints, layers } = path;
        let all = || "*".to_owned();
        let (filters, channels) = (filters.unwrap_or_else(all), channels.unwrap_or_else(all));
        Self { run, checkpoints, layers, filters, channels }
    }
}

/// All parameters of a request for sheets.
pub(super) struct SheetParams {
    pub(super) path: SheetPath,
    pub(super) apply: Apply,
    pub(super) group: GroupQuery,
    pub(super) style: StyleQuery,
    pub(super) output: OutputQuery,
}

/// The input that the layers are applied to.
#[derive(Default)]
pub(super) enum Apply {
    /// Nothing: their weights are shown.
    #[default]
    Weights,
    /// An image of the corpus by its id, or a group of them.
    Corpus(String),
    /// An image that was sent.
    Sent(ImageFile),
}
