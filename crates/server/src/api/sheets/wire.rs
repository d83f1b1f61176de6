//! The answers to selections of sheets, other than pictures.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::parts::CheckpointProblem;
use crate::sheet::geometry::{PixelValue, SheetGeometry};

/// One sheet with its values.
#[derive(Serialize, ToSchema)]
pub(crate) struct SheetValues {
    #[serde(flatten)]
    pub(crate) sheet: SheetGeometry,
    /// Filters, channels, rows, columns.
    pub(crate) shape: [usize; 4],
    /// The values in that order, each absent where it is not finite; all absent where there are more than 65,536 (ask
    /// for `format=f32`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Vec<Option<f32>>>,
}

/// Several sheets.
#[derive(Serialize, ToSchema)]
pub(crate) struct SheetList {
    pub(crate) sheets: Vec<SheetLink>,
    /// Checkpoints of the selection that cannot be used.
    pub(crate) problems: Vec<CheckpointProblem>,
}

/// One of several sheets.
#[derive(Serialize, ToSchema)]
pub(crate) struct SheetLink {
    #[serde(flatten)]
    pub(crate) sheet: SheetGeometry,
    /// The picture, relative to the root of the server (no slash at its start, so that a prefix holds).
    pub(crate) url: String,
}

/// The answer to a selection, other than a picture.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "made once an answer, and sent at once")]
pub(crate) enum SheetAnswer {
    /// One sheet and its values: `format=json`.
    Values(SheetValues),
    /// Several sheets.
    List(SheetList),
    /// The value under a pixel: `at=x,y`.
    Pixel(PixelValue),
}
