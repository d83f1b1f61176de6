//! The style of a sheet, and reading it from a query.

use deepviz_render::{Palette, Range};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::problem::ApiError;

/// The values that the colours are scaled over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Over)]
pub(crate) enum NormaliseOver {
    /// One range over all values of the sheet.
    Sheet,
    /// A range of its own for each filter.
    Filter,
    /// One range over all checkpoints, so that colours can be compared over the run.
    Timeline,
}

/// What the weights of a layer are filters over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WeightSpace {
    /// The layer's own input.
    #[default]
    Layer,
    /// The pixels: carried through the layers below as if these were linear.
    Pixels,
}

/// The style of a sheet: scale, palette, and what the colours are scaled over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SheetStyle {
    pub(crate) over: NormaliseOver,
    /// `None` chooses by what is shown.
    pub(crate) palette: Option<Palette>,
    pub(crate) scale: usize,
    pub(crate) columns: Option<usize>,
    /// The percentile at which the scales end, 50 to 100; `None` leaves it to the renderer.
    pub(crate) percentile: Option<f32>,
    pub(crate) space: WeightSpace,
}

impl SheetStyle {
    /// The range of some values, as far as the scales reach.
    pub(crate) fn range_of<'a>(&self, values: impl IntoIterator<Item = &'a f32>) -> Range {
        match self.percentile {
            Some(percentile) => Range::within(values, percentile),
            None => Range::of(values),
        }
    }
}

/// Pixels per value at most.
const MAX_SCALE: usize = 64;

/// The style in a query.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StyleQuery {
    /// The values that colours are scaled over: `sheet` (default), `filter` or `timeline`.
    #[param(value_type = Option<NormaliseOver>)]
    pub(crate) normalise: Option<String>,
    /// Pixels per value, 1 to 64.
    #[param(minimum = 1, maximum = 64)]
    pub(crate) scale: Option<usize>,
    /// `auto` (default), `grey`, `rgb`, `diverging`, `diverging-light`, `sequential`, `sequential-light`.
    pub(crate) palette: Option<String>,
    /// Tiles side by side where they form a grid.
    #[param(minimum = 1)]
    pub(crate) columns: Option<usize>,
    /// The percentile at which the colours end, 50 to 100: values beyond it have the colour of the ends. 100 leaves
    /// nothing out. Unless given, 99 where there are 256 values and more and zero is in the middle, else 100.
    #[param(minimum = 50, maximum = 100)]
    pub(crate) percentile: Option<f32>,
    /// What weights are shown as filters over: `layer` (default), the layer's own input; or `pixels`: carried through the
    /// layers below as if these were linear, so that a filter of a deep layer is one over the image.
    #[param(value_type = Option<WeightSpace>)]
    pub(crate) space: Option<String>,
}

impl StyleQuery {
    /// The style, checked.
    ///
    /// # Errors
    /// 400 for a word that is unknown, or a number out of range.
    pub(crate) fn style(&self) -> Result<SheetStyle, ApiError> {
        let over = match self.normalise.as_deref() {
            None | Some("sheet") => NormaliseOver::Sheet,
            Some("filter") => NormaliseOver::Filter,
            Some("timeline") => NormaliseOver::Timeline,
            Some(other) => {
                let detail = format!("unknown normalisation `{other}`; expected sheet, filter or timeline");
                return Err(ApiError::bad(detail));
            }
        };
        let palette = match self.palette.as_deref() {
            None | Some("auto") => None,
            Some(word) => Some(word.parse()?),
        };
        let scale = self.scale.unwrap_or(1);
        if !(1..=MAX_SCALE).contains(&scale) {
            return Err(ApiError::bad(format!("expected a scale of 1 to {MAX_SCALE}, found {scale}")));
        }
        if self.columns == Some(0) {
            return Err(ApiError::bad("expected 1 or more columns, found 0"));
        }
        if self.percentile.is_some_and(|percentile| !(50.0..=100.0).contains(&percentile)) {
            return Err(ApiError::bad("expected a percentile of 50 to 100"));
        }
        let space = match self.space.as_deref() {
            None | Some("layer") => WeightSpace::Layer,
            Some("pixels") => WeightSpace::Pixels,
            Some(other) => {
                return Err(ApiError::bad(format!("unknown space `{other}`; expected layer or pixels")));
            }
        };
        Ok(SheetStyle { percentile: self.percentile, over, palette, scale, columns: self.columns, space })
    }
}
