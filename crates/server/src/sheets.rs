//! From a wish (checkpoint, layer, filters, channels, perhaps an image) to a picture and its geometry.

use std::sync::Arc;

use axum::body::Bytes;
use deepviz_net::{CheckpointEntry, Layer};
use deepviz_render::{Arrangement, GAP_PX, Layout, Normalise, Palette, Range, Style};
use ndarray::Array4;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, Subject};
use crate::bank::{Bank, weights};
use crate::cache::Weigh;
use crate::look::{Look, Over};
use crate::open_run::{Listing, OpenRun};
use crate::problem::ApiError;
use crate::reply::tag;
use crate::selection::{Axis, Selection, text_from_indices};
use crate::work::Load;

/// One sheet that somebody wants, checked against what there is.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) run: Arc<OpenRun>,
    pub(crate) listing: Arc<Listing>,
    pub(crate) layer: usize,
    pub(crate) filters: Vec<usize>,
    pub(crate) channels: Vec<usize>,
    pub(crate) subject: Option<Subject>,
    pub(crate) look: Look,
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
    /// The channels shown, in order.
    pub(crate) channels: Vec<usize>,
    /// Whether a tile shows three channels as one colour.
    pub(crate) rgb: bool,
    /// The palette used.
    pub(crate) palette: String,
    /// What the colours are scaled over.
    pub(crate) normalise: Over,
    /// Least value shown.
    pub(crate) minimum: f32,
    /// Greatest value shown.
    pub(crate) maximum: f32,
    /// The symmetric scale: the ends of the palette are minus and plus this value.
    pub(crate) limit: f32,
    /// The scale of each filter, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<Vec<f32>>,
}

/// A picture that is ready to be sent.
pub(crate) struct Rendered {
    pub(crate) png: Bytes,
    /// The geometry as JSON, for the header.
    pub(crate) geometry: String,
    pub(crate) tag: String,
}

impl Weigh for Rendered {
    fn bytes(&self) -> usize {
        self.png.len() + self.geometry.len()
    }
}

/// The range of every layer over all checkpoints.
pub(crate) struct Ranges(Vec<Range>);

impl Weigh for Ranges {
    fn bytes(&self) -> usize {
        self.0.len() * size_of::<Range>()
    }
}

/// What sheets of several layers have in common.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) run: Arc<OpenRun>,
    pub(crate) listing: Arc<Listing>,
    pub(crate) subject: Option<Subject>,
    pub(crate) look: Look,
}

/// Which tiles of a layer, as selections.
#[derive(Clone, Copy)]
pub(crate) struct Tiles<'a> {
    pub(crate) filters: &'a str,
    pub(crate) channels: &'a str,
}

impl Wish {
    /// The tiles of a layer, if it has them.
    pub(crate) fn new(ground: Ground, layer: usize, tiles: Tiles<'_>) -> Result<Self, ApiError> {
        let Ground { run, listing, subject, look } = ground;
        let mut wish = Self { run, listing, layer, filters: Vec::new(), channels: Vec::new(), subject, look };
        let (bank, of) = (wish.bank(), format!("layer {}", wish.layer().name));
        let bind = |what, text: &str, count| text.parse::<Selection>()?.bind(Axis { what, of: &of, count });
        wish.filters = bind("filter", tiles.filters, bank.filters)?;
        wish.channels = bind("channel", tiles.channels, bank.channels)?;
        Ok(wish)
    }

    pub(crate) fn layer(&self) -> &Layer {
        &self.run.network().layers()[self.layer]
    }

    /// The layout of all there is to choose from.
    pub(crate) fn bank(&self) -> Bank {
        match &self.subject {
            Some(_) => Bank::of_output(self.layer()),
            // A layer without weights has been refused when the selection was read.
            None => Bank::of_weights(self.layer()).unwrap_or_else(|| Bank::of_output(self.layer())),
        }
    }

    /// Colour where the filters look at colours, grey for what a layer makes of an image, else blue to orange.
    fn palette(&self) -> Palette {
        if let Some(palette) = self.look.palette {
            return palette;
        }
        if self.subject.is_some() {
            return Palette::Grey;
        }
        let sees_image = self.layer().inputs.first() == Some(&0);
        if sees_image && self.bank().channels == 3 && self.channels == [0, 1, 2] {
            Palette::Rgb
        } else {
            Palette::Diverging
        }
    }

    fn arrangement(&self) -> Arrangement {
        match (self.palette(), self.channels.len()) {
            (Palette::Rgb, _) => Arrangement::Colour,
            (_, 1) => Arrangement::Grid,
            _ => Arrangement::Matrix,
        }
    }

    fn layout(&self) -> Result<Layout, ApiError> {
        let bank = self.bank();
        let shape = [self.filters.len(), self.channels.len(), bank.height, bank.width];
        Ok(Layout::new(shape, self.arrangement(), self.look.scale, self.look.columns)?)
    }

    pub(crate) fn style(&self, timeline: Option<Range>) -> Style {
        let normalise = match (self.look.over, timeline) {
            (Over::Timeline, Some(range)) => Normalise::Range(range),
            (Over::Filter, _) => Normalise::Filter,
            _ => Normalise::Sheet,
        };
        Style {
            arrangement: self.arrangement(),
            normalise,
            palette: self.palette(),
            scale: self.look.scale,
            columns: self.look.columns,
        }
    }

    /// The geometry and scale of these values at a checkpoint.
    pub(crate) fn sheet(
        &self,
        checkpoint: usize,
        values: &Array4<f32>,
        timeline: Option<Range>,
    ) -> Result<Sheet, ApiError> {
        let layout = self.layout()?;
        let range = Range::of(values).or_zero();
        let limits = (self.look.over == Over::Filter)
            .then(|| values.outer_iter().map(|filter| Range::of(filter.iter()).limit()).collect());
        Ok(Sheet {
            checkpoint,
            layer: self.layer().name.clone(),
            image: self.subject.as_ref().and_then(Subject::id).map(|id| id.0),
            tile_width: layout.tile.width,
            tile_height: layout.tile.height,
            columns: layout.columns,
            rows: layout.rows,
            gap: GAP_PX,
            scale: layout.scale,
            width: layout.width_px(),
            height: layout.height_px(),
            filters: self.filters.clone(),
            channels: self.channels.clone(),
            rgb: layout.arrangement == Arrangement::Colour,
            palette: self.palette().to_string(),
            normalise: self.look.over,
            minimum: range.minimum,
            maximum: range.maximum,
            limit: timeline.unwrap_or(range).limit(),
            limits,
        })
    }

    /// Names everything but the checkpoint.
    pub(crate) fn key(&self) -> String {
        let look = &self.look;
        let subject = self.subject.as_ref().map(Subject::key).unwrap_or_default();
        format!(
            "{}/{}/{}/{}/{subject}/{:?}/{}/{}/{:?}",
            self.run.id,
            self.layer,
            text_from_indices(&self.filters),
            text_from_indices(&self.channels),
            look.over,
            self.palette(),
            look.scale,
            look.columns,
        )
    }
}

/// The picked values of a wish at a checkpoint.
pub(crate) async fn values(app: &App, wish: &Wish, entry: &CheckpointEntry) -> Result<Array4<f32>, ApiError> {
    let bank = wish.bank();
    if let Some(subject) = &wish.subject {
        let activations = app.activations(&wish.run, entry, subject).await?;
        return bank.pick(&activations.layers[wish.layer], &wish.filters, &wish.channels);
    }
    let snapshot = app.snapshot(&wish.run, entry).await?;
    bank.pick(weights(wish.layer(), &snapshot.parameters)?, &wish.filters, &wish.channels)
}

/// One sheet as a picture; the same wish is drawn once.
pub(crate) async fn picture(app: &App, wish: &Wish, index: usize) -> Result<Arc<Rendered>, ApiError> {
    wish.layout()?;
    let entry = wish.listing.usable(index)?;
    let timeline = timeline(app, wish).await?;
    let range = timeline.map(|range| format!("{}..{}", range.minimum, range.maximum)).unwrap_or_default();
    let key = format!("sheet/{}/{index}/{}/{range}", entry.hash, wish.key());
    app.cache
        .get(key, async {
            let values = values(app, wish, entry).await?;
            let wish = wish.clone();
            app.work
                .run(Load::Render, move || {
                    let sheet = wish.sheet(index, &values, timeline)?;
                    let picture = deepviz_render::sheet(values.view(), &wish.style(timeline))?;
                    rendered(picture.png, &sheet)
                })
                .await
        })
        .await
}

/// A picture with its geometry and tag.
pub(crate) fn rendered<T: Serialize>(png: Vec<u8>, geometry: &T) -> Result<Rendered, ApiError> {
    let geometry = serde_json::to_string(geometry).map_err(|error| ApiError::internal(error.to_string()))?;
    let tag = tag(&[png.as_slice(), geometry.as_bytes()].concat());
    Ok(Rendered { png: png.into(), geometry, tag })
}

/// The range of the wish's layer over the whole run, where it asks for that.
pub(crate) async fn timeline(app: &App, wish: &Wish) -> Result<Option<Range>, ApiError> {
    if wish.look.over != Over::Timeline {
        return Ok(None);
    }
    let subject = wish.subject.as_ref().map(Subject::key).unwrap_or_default();
    let key = format!("timeline/{}/{}/{subject}", wish.run.id, wish.listing.digest);
    let ranges = app
        .cache
        .get(key, async {
            let layers = wish.run.network().layers().len();
            let mut all = vec![Range::EMPTY; layers];
            for entry in wish.listing.entries.iter().filter(|entry| entry.problem.is_none()) {
                // A snapshot that turns out to be unreadable is a gap, not the end of the scale.
                let Ok(ranges) = ranges_at(app, wish, entry).await else { continue };
                for (sum, range) in all.iter_mut().zip(ranges) {
                    *sum = sum.union(range);
                }
            }
            Ok(Ranges(all))
        })
        .await?;
    Ok(Some(ranges.0[wish.layer].or_zero()))
}

/// The range of every layer at one checkpoint.
async fn ranges_at(app: &App, wish: &Wish, entry: &CheckpointEntry) -> Result<Vec<Range>, ApiError> {
    if let Some(subject) = &wish.subject {
        let activations = app.activations(&wish.run, entry, subject).await?;
        return Ok(activations.layers.iter().map(Range::of).collect());
    }
    let summary = app.summary(&wish.run, entry).await?;
    Ok(summary.0.iter().map(|layer| layer.as_ref().map_or(Range::EMPTY, |layer| layer.range)).collect())
}
