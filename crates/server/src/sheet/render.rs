//! Renders a sheet (tiles of a layer's filters or feature maps) to a PNG, and tells where its tiles are.

use std::sync::Arc;

use axum::body::Bytes;
use deepviz_net::CheckpointEntry;
use deepviz_render::Range;
use ndarray::Array4;
use serde::Serialize;

use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::reply::tag;
use crate::http::work_pool::WorkKind;
use crate::sheet::geometry::SheetGeometry;
use crate::sheet::image_group::MAX_FORWARD_IMAGES;
use crate::sheet::model_input::ModelInput;
use crate::sheet::models::Models;
use crate::sheet::request::SheetRequest;
use crate::sheet::sheet_shape::{SheetShape, weights};
use crate::sheet::style::NormaliseOver;

/// A picture that is ready to be sent.
pub(crate) struct Picture {
    pub(crate) png: Bytes,
    /// The geometry as JSON, for the header.
    pub(crate) geometry: String,
    pub(crate) tag: String,
}

impl Picture {
    /// A picture with its geometry, and the tag of both.
    pub(crate) fn new<T: Serialize>(mut png: Vec<u8>, geometry: &T) -> Result<Self, ApiError> {
        // It may stay in the cache for long: without the spare capacity that it grew into.
        png.shrink_to_fit();
        let geometry = serde_json::to_string(geometry).map_err(|error| ApiError::internal(error.to_string()))?;
        let tag = tag(&[&png, geometry.as_bytes()]);
        Ok(Self { png: png.into(), geometry, tag })
    }
}

impl CacheSize for Picture {
    fn bytes(&self) -> usize {
        self.png.len() + self.geometry.len()
    }
}

/// The range of every layer over all checkpoints.
pub(crate) struct LayerRanges(Vec<Range>);

impl CacheSize for LayerRanges {
    fn bytes(&self) -> usize {
        self.0.len() * size_of::<Range>()
    }
}

/// The values of the filters and channels that a request selects, at a checkpoint.
pub(crate) async fn values(
    models: &Models,
    request: &SheetRequest,
    entry: &CheckpointEntry,
) -> Result<Array4<f32>, ApiError> {
    match &request.input {
        Some(ModelInput::Group { group, minus }) => {
            let mean = models.mean(&request.run, entry, request.layer, group).await?;
            let mut values = picked(models, request, &mean.0).await?;
            if let Some(minus) = minus {
                let mean = models.mean(&request.run, entry, request.layer, minus).await?;
                values -= &picked(models, request, &mean.0).await?;
            }
            Ok(values)
        }
        Some(input) => {
            let activations = models.activations(&request.run, entry, input).await?;
            picked(models, request, &activations.layers[request.layer]).await
        }
        None if request.is_in_pixels() => {
            let all = models.expanded(&request.run, entry, (request.layer, &request.filters)).await?;
            let filters: Vec<usize> = (0..request.filters.len()).collect();
            request.sheet_shape().pick(&all.0, &filters, &request.channels)
        }
        None => {
            let snapshot = models.snapshot(&request.run, entry).await?;
            picked(models, request, &weights(request.layer(), &snapshot.parameters)?).await
        }
    }
}

async fn picked(models: &Models, request: &SheetRequest, all: &[f32]) -> Result<Array4<f32>, ApiError> {
    let pick = || request.sheet_shape().pick(all, &request.filters, &request.channels);
    // Copied in no time, unless there are many.
    match WorkKind::of_size(request.values()) {
        WorkKind::Render => pick(),
        kind => models.work.run_here(kind, pick).await,
    }
}

/// The values of a request at a checkpoint, and the range over the whole run where colours are scaled over that.
pub(crate) struct ResolvedSheet {
    request: SheetRequest,
    checkpoint: usize,
    pub(crate) values: Array4<f32>,
    timeline: Option<Range>,
}

impl ResolvedSheet {
    /// Reads or computes the values and the range.
    ///
    /// # Errors
    /// 422 where the checkpoint cannot be read.
    pub(crate) async fn read(models: &Models, request: &SheetRequest, checkpoint: usize) -> Result<Self, ApiError> {
        let entry = request.listing.usable(checkpoint)?;
        let timeline = timeline(models, request).await?;
        let values = values(models, request, entry).await?;
        Ok(Self { request: request.clone(), checkpoint, values, timeline })
    }

    /// The tiles, and the meaning of the colours.
    pub(crate) fn geometry(&self) -> Result<SheetGeometry, ApiError> {
        self.request.geometry(self.checkpoint, &self.values, self.timeline)
    }

    fn draw(self) -> Result<Picture, ApiError> {
        let Self { request, checkpoint, values, timeline } = self;
        let values = request.drawn(values);
        let picture = deepviz_render::sheet(values.view(), &request.render_style(timeline))?;
        let geometry = request.geometry_within(checkpoint, &values, picture.ranges[0], timeline)?;
        Picture::new(picture.png, &geometry)
    }
}

/// One sheet as a picture; the same request is drawn once.
pub(crate) async fn picture(models: &Models, request: &SheetRequest, index: usize) -> Result<Arc<Picture>, ApiError> {
    let kind = WorkKind::of_size(request.cost(1)?.pixels);
    let entry = request.listing.usable(index)?;
    let timeline = timeline(models, request).await?;
    let range = timeline.map(|range| format!("{}..{}", range.minimum, range.maximum)).unwrap_or_default();
    let key = format!("sheet/{}/{index}/{}/{range}", entry.hash, request.key());
    models
        .cache
        .get(key, async {
            let values = values(models, request, entry).await?;
            let sheet = ResolvedSheet { request: request.clone(), checkpoint: index, values, timeline };
            models.work.run_here(kind, || sheet.draw()).await
        })
        .await
}

/// The range of the request's layer over the whole run, where it asks for that.
pub(crate) async fn timeline(models: &Models, request: &SheetRequest) -> Result<Option<Range>, ApiError> {
    if request.style.over != NormaliseOver::Timeline {
        return Ok(None);
    }
    let input = match &request.input {
        None if request.is_in_pixels() => {
            request.check_expanded(request.sheet_shape().filters)?;
            check_work(request.sheet_shape().filters, request.listing.entries.len())?;
            format!("pixels/{}", request.layer)
        }
        None => String::new(),
        Some(input @ ModelInput::Group { .. }) => {
            check_work(input.images(), request.listing.entries.len())?;
            format!("{}/{}", input.key(), request.layer)
        }
        Some(input) => input.key(),
    };
    let key = format!("timeline/{}/{}/{input}/{:?}", request.run.id, request.listing.digest, request.style.percentile);
    let ranges = models
        .cache
        .get(key, async {
            let layers = request.run.network().layers().len();
            let mut all = vec![Range::EMPTY; layers];
            for entry in request.listing.entries.iter().filter(|entry| entry.problem.is_none()) {
                // A snapshot that turns out to be unreadable is a gap, not the end of the scale.
                let Ok(ranges) = ranges_at(models, request, entry).await else { continue };
                for (sum, range) in all.iter_mut().zip(ranges) {
                    *sum = sum.union(range);
                }
            }
            Ok(LayerRanges(all))
        })
        .await?;
    Ok(Some(ranges.0[request.layer].or_zero()))
}

/// The range of every layer at one checkpoint.
async fn ranges_at(models: &Models, request: &SheetRequest, entry: &CheckpointEntry) -> Result<Vec<Range>, ApiError> {
    let style = request.style;
    if request.is_in_pixels() || matches!(request.input, Some(ModelInput::Group { .. })) {
        // Only the layer that is examined is computed.
        let sheet_shape = request.sheet_shape();
        let mut whole = request.clone();
        (whole.filters, whole.channels) = ((0..sheet_shape.filters).collect(), (0..sheet_shape.channels).collect());
        let values = Box::pin(values(models, &whole, entry)).await?;
        let mut ranges = vec![Range::EMPTY; request.run.network().layers().len()];
        ranges[request.layer] = style.range_of(&values);
        return Ok(ranges);
    }
    if let Some(input) = &request.input {
        let activations = models.activations(&request.run, entry, input).await?;
        return models
            .work
            .run(WorkKind::RenderLarge, move || {
                Ok(activations.layers.iter().map(|values| style.range_of(values)).collect())
            })
            .await;
    }
    if style.percentile.is_none() {
        let summary = models.weight_summary(&request.run, entry).await?;
        return Ok(summary.0.iter().map(|layer| layer.as_ref().map_or(Range::EMPTY, |layer| layer.range)).collect());
    }
    let snapshot = models.snapshot(&request.run, entry).await?;
    let run = Arc::clone(&request.run);
    models
        .work
        .run(WorkKind::RenderLarge, move || {
            let layers = run.network().layers().iter();
            layers
                .map(|layer| match SheetShape::of_weights(layer) {
                    Some(_) => Ok(style.range_of(&*weights(layer, &snapshot.parameters)?)),
                    None => Ok(Range::EMPTY),
                })
                .collect()
        })
        .await
}

/// Refuses what would apply the network to more images than one answer may take.
pub(crate) fn check_work(images: usize, times: usize) -> Result<(), ApiError> {
    let work = images.saturating_mul(times);
    if work <= MAX_FORWARD_IMAGES {
        return Ok(());
    }
    Err(ApiError::bad(format!(
        "this would apply the network to {images} images {times} times; at most {MAX_FORWARD_IMAGES} are done for one answer"
    ))
    .hint("select fewer checkpoints, or fewer images with limit"))
}
