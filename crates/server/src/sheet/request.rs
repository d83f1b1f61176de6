//! A request for a sheet (layer, filters, channels, perhaps an image), checked against the run, and its geometry.

use std::sync::Arc;

use deepviz_net::{Layer, recipe::ChannelOrder};
use deepviz_render::{Arrangement, GAP_PX, Layout, MAX_PIXELS, Normalise, Palette, Place, Range, Style};
use ndarray::{Array4, Axis as Dim};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::json_number::finite;
use crate::http::problem::ApiError;
use crate::http::selection::{Axis, Selection, text_from_indices};
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::{Listing, OpenRun};
use crate::sheet::kernel_shape::KernelShape;
use crate::sheet::model_input::ModelInput;
use crate::sheet::style::{NormaliseOver, SheetStyle};

/// A request for the sheet of one layer, checked against the run.
#[derive(Clone)]
pub(crate) struct SheetRequest {
    pub(crate) run: Arc<OpenRun>,
    pub(crate) listing: Arc<Listing>,
    pub(crate) layer: usize,
    pub(crate) filters: Vec<usize>,
    pub(crate) channels: Vec<usize>,
    pub(crate) input: Option<ModelInput>,
    pub(crate) style: SheetStyle,
}

/// The geometry of one sheet and the meaning of its colours.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Sheet {
    /// Index of the checkpoint.
    pub(crate) checkpoint: usize,
    /// Name of the layer.
    pub(crate) layer: String,
    /// The corpus image it is applied to; absent for weights and uploads.
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
    /// Whether a tile shows three channels as one colour.
    pub(crate) rgb: bool,
    /// The palette used.
    pub(crate) palette: String,
    /// What the colours are scaled over.
    pub(crate) normalise: NormaliseOver,
    /// Least value shown.
    pub(crate) minimum: f32,
    /// Greatest value shown.
    pub(crate) maximum: f32,
    /// The symmetric scale: the ends of a signed palette are minus and plus this value.
    pub(crate) limit: f32,
    /// The values at the two ends of the palette, whichever it is.
    #[schema(required = false)]
    pub(crate) ends: [f32; 2],
    /// The symmetric scale of each filter, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<Vec<f32>>,
    /// The values at the ends of the palette for each filter, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter_ends: Option<Vec<[f32; 2]>>,
}

/// What lies under a pixel of a sheet.
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

/// What a picture takes while it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PictureCost {
    pub(crate) pixels: usize,
    pub(crate) bytes: usize,
}

/// What sheets of several layers have in common.
#[derive(Clone)]
pub(crate) struct SheetContext {
    pub(crate) run: Arc<OpenRun>,
    pub(crate) listing: Arc<Listing>,
    pub(crate) input: Option<ModelInput>,
    pub(crate) style: SheetStyle,
}

/// Which tiles of a layer, as selections.
#[derive(Clone, Copy)]
pub(crate) struct TileSelection<'a> {
    pub(crate) filters: &'a str,
    pub(crate) channels: &'a str,
}

impl SheetRequest {
    /// The tiles of a layer, if it has them.
    pub(crate) fn new(context: SheetContext, layer: usize, tiles: TileSelection<'_>) -> Result<Self, ApiError> {
        let SheetContext { run, listing, input, style } = context;
        let mut request = Self { run, listing, layer, filters: Vec::new(), channels: Vec::new(), input, style };
        let (kernels, of) = (request.kernel_shape(), format!("layer {}", request.layer().name));
        let bind = |what, text: &str, count| text.parse::<Selection>()?.bind(Axis { what, of: &of, count });
        request.filters = bind("filter", tiles.filters, kernels.filters)?;
        request.channels = bind("channel", tiles.channels, kernels.channels)?;
        Ok(request)
    }

    pub(crate) fn layer(&self) -> &Layer {
        &self.run.network().layers()[self.layer]
    }

    /// The layout of all there is to choose from.
    pub(crate) fn kernel_shape(&self) -> KernelShape {
        match &self.input {
            Some(_) => KernelShape::of_output(self.layer()),
            // A layer without weights has been refused when the selection was read.
            None => KernelShape::of_weights(self.layer()).unwrap_or_else(|| KernelShape::of_output(self.layer())),
        }
    }

    /// Colour where the filters look at colours, grey for what a layer makes of an image, else blue to orange.
    pub(crate) fn palette(&self) -> Palette {
        if let Some(palette) = self.style.palette {
            return palette;
        }
        match self.input {
            Some(ModelInput::Group { minus: Some(_), .. }) => return Palette::Diverging,
            Some(_) => return Palette::Grey,
            None => {}
        }
        if self.sees_colours() { Palette::Rgb } else { Palette::Diverging }
    }

    /// Whether the weights are of a layer that looks at the three colours of an image, and all three are shown.
    fn sees_colours(&self) -> bool {
        let sees_image = self.input.is_none() && self.layer().inputs.first() == Some(&0);
        sees_image && self.kernel_shape().channels == 3 && self.channels == [0, 1, 2]
    }

    /// Whether the colours of a tile are drawn from the last channel to the first: the network sees blue first.
    fn is_reversed(&self) -> bool {
        self.palette() == Palette::Rgb && self.sees_colours() && self.run.network().channel_order() == ChannelOrder::Bgr
    }

    /// Picked values as they are drawn: the channels of a colour as red, green, blue.
    pub(crate) fn drawn(&self, mut values: Array4<f32>) -> Array4<f32> {
        if self.is_reversed() {
            values.invert_axis(Dim(1));
        }
        values
    }

    /// The channels in the order in which they are drawn.
    fn drawn_channels(&self) -> Vec<usize> {
        let mut channels = self.channels.clone();
        if self.is_reversed() {
            channels.reverse();
        }
        channels
    }

    fn arrangement(&self) -> Arrangement {
        match (self.palette(), self.channels.len()) {
            (Palette::Rgb, _) => Arrangement::Colour,
            (_, 1) => Arrangement::Grid,
            _ => Arrangement::Matrix,
        }
    }

    pub(crate) fn layout(&self) -> Result<Layout, ApiError> {
        let kernels = self.kernel_shape();
        let shape = [self.filters.len(), self.channels.len(), kernels.height, kernels.width];
        Ok(Layout::new(shape, self.arrangement(), self.style.scale, self.style.columns)?)
    }

    /// Values of one sheet.
    pub(crate) fn values(&self) -> usize {
        let kernels = self.kernel_shape();
        self.filters.len() * self.channels.len() * kernels.height * kernels.width
    }

    /// Where work on the values of one sheet belongs.
    pub(crate) fn work_kind(&self) -> WorkKind {
        WorkKind::of_size(self.values())
    }

    /// Bytes that one sheet takes in a list: its numbers, and those of each filter and channel, in memory and as text.
    pub(crate) fn listed_bytes(&self) -> usize {
        2_048 + 64 * self.filters.len() + 16 * self.channels.len()
    }

    /// What drawing so many sheets as one picture takes, refused where no picture is as large.
    pub(crate) fn cost(&self, sheets: usize) -> Result<PictureCost, ApiError> {
        let layout = self.layout()?;
        let pixels = (layout.width_px() * layout.height_px()).saturating_mul(sheets);
        if pixels > MAX_PIXELS {
            return Err(ApiError::bad(format!(
                "the picture would have {pixels} pixels, at most {MAX_PIXELS} are drawn; select fewer checkpoints or \
                 filters, or a smaller scale"
            )));
        }
        let depth = if layout.arrangement == Arrangement::Colour { 4 } else { 1 };
        // The pixels, and the file, which may be as large.
        let bytes = 4 * self.values() * sheets + 2 * depth * pixels;
        Ok(PictureCost { pixels, bytes })
    }

    pub(crate) fn render_style(&self, timeline: Option<Range>) -> Style {
        let normalise = match (self.style.over, timeline) {
            (NormaliseOver::Timeline, Some(range)) => Normalise::Range(range),
            (NormaliseOver::Filter, _) => Normalise::Filter,
            _ => Normalise::Sheet,
        };
        Style {
            arrangement: self.arrangement(),
            normalise,
            palette: self.palette(),
            scale: self.style.scale,
            columns: self.style.columns,
            percentile: self.style.percentile,
        }
    }

    /// The geometry and scale of these values at a checkpoint.
    pub(crate) fn sheet(
        &self,
        checkpoint: usize,
        values: &Array4<f32>,
        timeline: Option<Range>,
    ) -> Result<Sheet, ApiError> {
        self.sheet_within(checkpoint, values, self.style.range_of(values).or_zero(), timeline)
    }

    /// As [`SheetRequest::sheet`], where the values' range is known, as from drawing them.
    pub(crate) fn sheet_within(
        &self,
        checkpoint: usize,
        values: &Array4<f32>,
        range: Range,
        timeline: Option<Range>,
    ) -> Result<Sheet, ApiError> {
        let layout = self.layout()?;
        let filters: Option<Vec<Range>> = (self.style.over == NormaliseOver::Filter)
            .then(|| values.outer_iter().map(|filter| self.style.range_of(filter.iter())).collect());
        let is_signed = self.palette().is_signed();
        let (group, minus) = match &self.input {
            Some(ModelInput::Group { group, minus }) => (Some(group), minus.as_ref()),
            _ => (None, None),
        };
        Ok(Sheet {
            checkpoint,
            layer: self.layer().name.clone(),
            image: self.input.as_ref().and_then(ModelInput::id).map(|id| id.0),
            group: group.map(|group| group.text.clone()),
            minus: minus.map(|minus| minus.text.clone()),
            images: group.and(self.input.as_ref()).map(ModelInput::images),
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

    /// Names everything but the checkpoint.
    pub(crate) fn key(&self) -> String {
        let style = &self.style;
        let input = self.input.as_ref().map(ModelInput::key).unwrap_or_default();
        format!(
            "{}/{}/{}/{}/{input}/{:?}/{}/{}/{:?}/{:?}",
            self.run.id,
            self.layer,
            text_from_indices(&self.filters),
            text_from_indices(&self.channels),
            style.over,
            self.palette(),
            style.scale,
            style.columns,
            style.percentile,
        )
    }

    /// What lies under a pixel; 404 on a gap and outside.
    pub(crate) fn under(
        &self,
        checkpoint: usize,
        [x, y]: [usize; 2],
        values: &Array4<f32>,
    ) -> Result<PixelValue, ApiError> {
        let layout = self.layout()?;
        let Some(Place { filter, channel, row, column }) = layout.place_at(x, y) else {
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
