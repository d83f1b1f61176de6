//! The geometry of a sheet: its tiles, the meaning of its colours, and the value under a pixel.

use deepviz_render::{Arrangement, GAP_PX, Range, ValuePosition};
use ndarray::Array4;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::json_number::finite;
use crate::http::problem::ApiError;
use crate::sheet::model_input::ModelInput;
use crate::sheet::request::SheetRequest;
use crate::sheet::style::{NormaliseOver, WeightSpace};

/// The geometry of one sheet and the meaning of its colours.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Sheet)]
pub(crate) struct SheetGeometry {
    /// Index of the checkpoint.
    pub(crate) checkpoint: usize,
    /// Name of the layer.
    pub(crate) layer: String,
    /// Id of the image it is applied to; absent for weights and an image in the request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<u32>,
    /// The group of corpus images whose mean it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// The group whose mean is subtracted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minus: Option<String>,
    /// Images that were averaged, in both groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<usize>,
    /// `pixels` where weights are shown as filters over the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) space: Option<WeightSpace>,
    /// Columns of values in a tile.
    pub(crate) tile_width: usize,
    /// Rows of values in a tile.
    pub(crate) tile_height: usize,
    /// Tiles side by side.
    pub(crate) columns: usize,
    /// Tiles one above the other.
    pub(crate) rows: usize,
    /// Transparent pixels between tiles, whatever the scale.
    pub(crate) gap: usize,
    /// Pixels per value.
    pub(crate) scale: usize,
    /// Width of the picture in pixels.
    pub(crate) width: usize,
    /// Height of the sheet in pixels.
    pub(crate) height: usize,
    /// The filters shown (for activations the layer's output channels), in order.
    pub(crate) filters: Vec<usize>,
    /// The channels shown, in the order drawn: those of a colour as red, green, blue.
    pub(crate) channels: Vec<usize>,
    /// True where a tile shows three channels as one colour.
    pub(crate) rgb: bool,
    /// The palette used.
    pub(crate) palette: String,
    /// The values that the colours are scaled over.
    pub(crate) normalise: NormaliseOver,
    /// Least value shown.
    pub(crate) minimum: f32,
    /// Greatest value shown.
    pub(crate) maximum: f32,
    /// The symmetric scale: the ends of a signed palette are minus and plus this value.
    pub(crate) limit: f32,
    /// The values at the two ends of the palette, whichever it is.
    pub(crate) ends: [f32; 2],
    /// The symmetric scale of each filter, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<Vec<f32>>,
    /// The values at the ends of the palette for each filter, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter_ends: Option<Vec<[f32; 2]>>,
}

/// The value under a pixel of a sheet.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PixelValue {
    /// Index of the checkpoint.
    pub(crate) checkpoint: usize,
    /// Name of the layer.
    pub(crate) layer: String,
    /// The filter (for activations the layer's output channel).
    pub(crate) filter: usize,
    /// The channels whose values follow: one, or the three of a colour.
    pub(crate) channels: Vec<usize>,
    /// Row within the tile.
    pub(crate) row: usize,
    /// Column within the tile.
    pub(crate) column: usize,
    /// The value of each of the channels; null where it is not finite.
    pub(crate) values: Vec<Option<f32>>,
}

impl SheetRequest {
    /// The geometry and scale of these values at a checkpoint. `timeline` is their range over all checkpoints, where
    /// colours are scaled over it.
    pub(crate) fn geometry(
        &self,
        checkpoint: usize,
        values: &Array4<f32>,
        timeline: Option<Range>,
    ) -> Result<SheetGeometry, ApiError> {
        self.geometry_within(checkpoint, values, self.style.range_of(values).or_zero(), timeline)
    }

    /// As [`SheetRequest::geometry`], where the values' range is known, as from drawing them.
    pub(crate) fn geometry_within(
        &self,
        checkpoint: usize,
        values: &Array4<f32>,
        range: Range,
        timeline: Option<Range>,
    ) -> Result<SheetGeometry, ApiError> {
        let layout = self.layout()?;
        let filters: Option<Vec<Range>> = (self.style.over == NormaliseOver::Filter)
            .then(|| values.outer_iter().map(|filter| self.style.range_of(filter.iter())).collect());
        let is_signed = self.palette().is_signed();
        let (group, minus) = match &self.input {
            Some(ModelInput::Group { group, minus }) => (Some(group), minus.as_ref()),
            _ => (None, None),
        };
        Ok(SheetGeometry {
            checkpoint,
            layer: self.layer().name.clone(),
            image: self.input.as_ref().and_then(ModelInput::id).map(|id| id.0),
            group: group.map(|group| group.text.clone()),
            minus: minus.map(|minus| minus.text.clone()),
            images: group.and(self.input.as_ref()).map(ModelInput::images),
            space: self.is_in_pixels().then_some(WeightSpace::Pixels),
            tile_width: layout.tile.width,
            tile_height: layout.tile.height,
            columns: layout.columns,
            rows: layout.rows,
            gap: GAP_PX,
            scale: layout.scale,
            width: layout.width_px(),
            height: layout.height_px(),
            filters: self.filters.clone(),
            channels: self.drawn_channels(),
            rgb: layout.arrangement == Arrangement::Colour,
            palette: self.palette().to_string(),
            normalise: self.style.over,
            minimum: range.minimum,
            maximum: range.maximum,
            limit: timeline.unwrap_or(range).limit(),
            ends: timeline.unwrap_or(range).ends(is_signed),
            limits: filters.as_ref().map(|filters| filters.iter().map(Range::limit).collect()),
            filter_ends: filters.map(|filters| filters.iter().map(|range| range.ends(is_signed)).collect()),
        })
    }

    /// The value under a pixel; 404 on a gap and outside.
    pub(crate) fn pixel_value(
        &self,
        checkpoint: usize,
        [x, y]: [usize; 2],
        values: &Array4<f32>,
    ) -> Result<PixelValue, ApiError> {
        let layout = self.layout()?;
        let Some(ValuePosition { filter, channel, row, column }) = layout.position_at(x, y) else {
            return Err(ApiError::not_found(format!("no value lies under pixel {x},{y}")).hint(format!(
                "the sheet is {} x {} pixels, with gaps of {GAP_PX} between its tiles",
                layout.width_px(),
                layout.height_px()
            )));
        };
        let shown =
            if layout.arrangement == Arrangement::Colour { 0..self.channels.len() } else { channel..channel + 1 };
        let mut values: Vec<_> =
            shown.clone().map(|channel| values[[filter, channel, row, column]]).map(finite).collect();
        if self.is_reversed() {
            values.reverse();
        }
        Ok(PixelValue {
            checkpoint,
            layer: self.layer().name.clone(),
            filter: self.filters[filter],
            channels: self.drawn_channels()[shown].to_vec(),
            row,
            column,
            values,
        })
    }
}
