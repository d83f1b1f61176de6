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
    Sheet,
    Filter,
    Timeline,
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
const MOST_SCALE: usize = 64;

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
        if !(1..=MOST_SCALE).contains(&scale) {
            return Err(ApiError::bad(format!("expected a scale of 1 to {MOST_SCALE}, found {scale}")));
        }
        if self.columns == Some(0) {
            return Err(ApiError::bad("expected 1 or more columns, found 0"));
        }
        if self.percentile.is_some_and(|percentile| !(50.0..=100.0).contains(&percentile)) {
            return Err(ApiError::bad("expected a percentile of 50 to 100"));
        }
        Ok(SheetStyle { percentile: self.percentile, over, palette, scale, columns: self.columns })
    }
}
