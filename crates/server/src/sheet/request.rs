//! A request for a sheet (layer, filters, channels, perhaps an image), checked against the run, and its geometry.

use std::sync::Arc;

use deepviz_attribution::expanded_shape;
use deepviz_net::{Error, Layer, recipe::ChannelOrder};
use deepviz_render::{Arrangement, Layout, MAX_PIXELS, Normalise, Palette, Range, Style};
use ndarray::{Array4, Axis as Dim};

use crate::http::problem::ApiError;
use crate::http::selection::{Axis, Selection, text_from_indices};
use crate::http::work_pool::WorkKind;
use crate::runs::listing::Listing;
use crate::runs::open_run::OpenRun;
use crate::sheet::model_input::ModelInput;
use crate::sheet::sheet_shape::SheetShape;
use crate::sheet::style::{NormaliseOver, SheetStyle, WeightSpace};

/// Values of filters over the image that are computed at once at most: 64 MiB.
const MAX_EXPANDED_VALUES: usize = 1 << 24;

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

/// The pixels and the memory that a picture takes while it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PictureCost {
    pub(crate) pixels: usize,
    pub(crate) bytes: usize,
}

/// The context that sheets of several layers share.
#[derive(Clone)]
pub(crate) struct SheetContext {
    pub(crate) run: Arc<OpenRun>,
    pub(crate) listing: Arc<Listing>,
    pub(crate) input: Option<ModelInput>,
    pub(crate) style: SheetStyle,
}

/// The tiles of a layer, as selections.
#[derive(Clone, Copy)]
pub(crate) struct TileSelection<'a> {
    pub(crate) filters: &'a str,
    pub(crate) channels: &'a str,
}

impl SheetRequest {
    /// A request for tiles of a layer, if it has them.
    pub(crate) fn new(context: SheetContext, layer: usize, tiles: TileSelection<'_>) -> Result<Self, ApiError> {
        let SheetContext { run, listing, input, style } = context;
        let mut request = Self { run, listing, layer, filters: Vec::new(), channels: Vec::new(), input, style };
        request.check_space()?;
        let (sheet_shape, of) = (request.sheet_shape(), format!("layer {}", request.layer().name));
        let bind = |what, text: &str, count| text.parse::<Selection>()?.bind(Axis { what, of: &of, count });
        request.filters = bind("filter", tiles.filters, sheet_shape.filters)?;
        request.channels = bind("channel", tiles.channels, sheet_shape.channels)?;
        request.check_expanded(request.filters.len())?;
        Ok(request)
    }

    /// True for weights as filters over the image.
    pub(crate) fn is_in_pixels(&self) -> bool {
        self.style.space == WeightSpace::Pixels && self.input.is_none()
    }

    /// Refuses to expand `filters` filters to the image where that would exceed the memory limit.
    pub(crate) fn check_expanded(&self, filters: usize) -> Result<(), ApiError> {
        let sheet_shape = self.sheet_shape();
        let each = sheet_shape.channels * sheet_shape.height * sheet_shape.width;
        if !self.is_in_pixels() || filters.saturating_mul(each) <= MAX_EXPANDED_VALUES {
            return Ok(());
        }
        Err(ApiError::bad(format!(
            "{filters} filters of {} over the image are {} values, at most {MAX_EXPANDED_VALUES} are computed at once",
            self.layer().name,
            filters.saturating_mul(each)
        ))
        .hint(format!("select at most {} filters", MAX_EXPANDED_VALUES / each.max(1))))
    }

    /// Refuses `space=pixels` where the layer's weights are not filters over the image.
    fn check_space(&self) -> Result<(), ApiError> {
        if self.style.space == WeightSpace::Layer {
            return Ok(());
        }
        if self.input.is_some() {
            return Err(ApiError::bad("space=pixels is about weights; what a layer makes of an image is its output")
                .hint("leave out space, or the image"));
        }
        let linear = self.run.network().linearised(self.layer);
        linear.map(|_| ()).map_err(|error| {
            let why = match error {
                Error::Network { layer: Some(layer), found, .. } => {
                    format!("they depend on {layer} ({found}), which is no sum of its inputs")
                }
                other => other.to_string(),
            };
            ApiError::bad(format!("the filters of {} are not filters over the image: {why}", self.layer().name))
                .hint("layers before it can be shown with space=pixels")
        })
    }

    pub(crate) fn layer(&self) -> &Layer {
        &self.run.network().layers()[self.layer]
    }

    /// The layout of all filters and channels of the layer.
    pub(crate) fn sheet_shape(&self) -> SheetShape {
        match &self.input {
            Some(_) => SheetShape::of_output(self.layer()),
            None if self.is_in_pixels() => {
                let [channels, height, width] = expanded_shape(self.run.network(), self.layer);
                SheetShape { filters: self.layer().shape.channels, channels, height, width, skipped: 0 }
            }
            // A layer without weights has been refused when the selection was read.
            None => SheetShape::of_weights(self.layer()).unwrap_or_else(|| SheetShape::of_output(self.layer())),
        }
    }

    /// The palette requested; else colour for filters that read colours, grey for outputs, blue to orange for weights.
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

    /// True for weights of a layer that reads the three colours of an image, where all three are shown.
    fn sees_colours(&self) -> bool {
        let sees_image = self.is_in_pixels() || self.input.is_none() && self.layer().inputs.first() == Some(&0);
        sees_image && self.sheet_shape().channels == 3 && self.channels == [0, 1, 2]
    }

    /// True where the colours of a tile are drawn from the last channel to the first: the network reads blue first.
    pub(crate) fn is_reversed(&self) -> bool {
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
    pub(crate) fn drawn_channels(&self) -> Vec<usize> {
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
        let sheet_shape = self.sheet_shape();
        let shape = [self.filters.len(), self.channels.len(), sheet_shape.height, sheet_shape.width];
        Ok(Layout::new(shape, self.arrangement(), self.style.scale, self.style.columns)?)
    }

    /// Values of one sheet.
    pub(crate) fn values(&self) -> usize {
        let sheet_shape = self.sheet_shape();
        self.filters.len() * self.channels.len() * sheet_shape.height * sheet_shape.width
    }

    /// The kind of work that handles the values of one sheet.
    pub(crate) fn work_kind(&self) -> WorkKind {
        WorkKind::of_size(self.values())
    }

    /// Bytes that one sheet takes in a list: its numbers, and those of each filter and channel, in memory and as text.
    pub(crate) fn listed_bytes(&self) -> usize {
        2_048 + 64 * self.filters.len() + 16 * self.channels.len()
    }

    /// The cost of drawing `sheets` sheets as one picture.
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

    /// True where the scale of the colours is final: one over the timeline of a run that still grows is not.
    pub(crate) fn has_settled_scale(&self) -> bool {
        self.style.over != NormaliseOver::Timeline || !self.run.is_live()
    }

    /// The cache key of everything but the checkpoint.
    pub(crate) fn key(&self) -> String {
        let style = &self.style;
        let input = self.input.as_ref().map(ModelInput::key).unwrap_or_default();
        format!(
            "{}/{}/{}/{}/{input}/{:?}/{}/{}/{:?}/{:?}/{:?}",
            self.run.id,
            self.layer,
            text_from_indices(&self.filters),
            text_from_indices(&self.channels),
            style.over,
            self.palette(),
            style.scale,
            style.columns,
            style.percentile,
            style.space,
        )
    }
}
