//! The style of a sheet, and reading it from a query.

use deepviz_render::{Palette, Range};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::ApiError;

/// What the colours are scaled over.
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
    /// How far the scales reach, 50 to 100; `None` leaves it to the pictures.
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

/// Pixels per value that anybody could want.
const MOST_SCALE: usize = 64;

/// The style parameters of a query, as they were written.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    pub(crate) normalise: Option<&'a str>,
    pub(crate) palette: Option<&'a str>,
    pub(crate) scale: Option<usize>,
    pub(crate) columns: Option<usize>,
    pub(crate) percentile: Option<f32>,
}

/// The style that a query asks for.
pub(crate) fn sheet_style(words: Words<'_>) -> Result<SheetStyle, ApiError> {
    let over = match words.normalise {
        None | Some("sheet") => NormaliseOver::Sheet,
        Some("filter") => NormaliseOver::Filter,
        Some("timeline") => NormaliseOver::Timeline,
        Some(other) => {
            return Err(ApiError::bad(format!("unknown normalisation `{other}`; expected sheet, filter or timeline")));
        }
    };
    let palette = match words.palette {
        None | Some("auto") => None,
        Some(word) => Some(word.parse()?),
    };
    let scale = words.scale.unwrap_or(1);
    if !(1..=MOST_SCALE).contains(&scale) {
        return Err(ApiError::bad(format!("expected a scale of 1 to {MOST_SCALE}, found {scale}")));
    }
    if words.columns == Some(0) {
        return Err(ApiError::bad("expected 1 or more columns, found 0"));
    }
    if words.percentile.is_some_and(|percentile| !(50.0..=100.0).contains(&percentile)) {
        return Err(ApiError::bad("expected a percentile of 50 to 100"));
    }
    let percentile = words.percentile;
    Ok(SheetStyle { percentile, over, palette, scale, columns: words.columns })
}
