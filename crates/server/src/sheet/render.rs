//! From a wish to a picture and its geometry.

use std::sync::Arc;

use axum::body::Bytes;
use deepviz_net::CheckpointEntry;
use deepviz_render::Range;
use ndarray::Array4;
use serde::Serialize;

use crate::http::cache::Weigh;
use crate::http::problem::ApiError;
use crate::http::reply::tag;
use crate::http::work::Load;
use crate::sheet::bank::{Bank, weights};
use crate::sheet::group::MOST_WORK;
use crate::sheet::look::Over;
use crate::sheet::models::Models;
use crate::sheet::subject::Subject;
use crate::sheet::wish::Wish;

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

/// The picked values of a wish at a checkpoint.
pub(crate) async fn values(models: &Models, wish: &Wish, entry: &CheckpointEntry) -> Result<Array4<f32>, ApiError> {
    match &wish.subject {
        Some(Subject::Group { group, minus }) => {
            let mean = models.mean(&wish.run, entry, wish.layer, group).await?;
            let mut values = picked(models, wish, &mean.0).await?;
            if let Some(minus) = minus {
                let mean = models.mean(&wish.run, entry, wish.layer, minus).await?;
                values -= &picked(models, wish, &mean.0).await?;
            }
            Ok(values)
        }
        Some(subject) => {
            let activations = models.activations(&wish.run, entry, subject).await?;
            picked(models, wish, &activations.layers[wish.layer]).await
        }
        None => {
            let snapshot = models.snapshot(&wish.run, entry).await?;
            picked(models, wish, weights(wish.layer(), &snapshot.parameters)?).await
        }
    }
}

async fn picked(models: &Models, wish: &Wish, all: &[f32]) -> Result<Array4<f32>, ApiError> {
    let pick = || wish.bank().pick(all, &wish.filters, &wish.channels);
    // Copied in no time, unless there are many.
    match Load::of_size(wish.values()) {
        Load::Render => pick(),
        load => models.work.run_here(load, pick).await,
    }
}

/// One sheet as a picture; the same wish is drawn once.
pub(crate) async fn picture(models: &Models, wish: &Wish, index: usize) -> Result<Arc<Rendered>, ApiError> {
    let load = Load::of_size(wish.cost(1)?.pixels);
    let entry = wish.listing.usable(index)?;
    let timeline = timeline(models, wish).await?;
    let range = timeline.map(|range| format!("{}..{}", range.minimum, range.maximum)).unwrap_or_default();
    let key = format!("sheet/{}/{index}/{}/{range}", entry.hash, wish.key());
    models
        .cache
        .get(key, async {
            let values = values(models, wish, entry).await?;
            models
                .work
                .run_here(load, || {
                    let values = wish.drawn(values);
                    let picture = deepviz_render::sheet(values.view(), &wish.style(timeline))?;
                    let sheet = wish.sheet_within(index, &values, picture.ranges[0], timeline)?;
                    rendered(picture.png, &sheet)
                })
                .await
        })
        .await
}

/// A picture with its geometry and tag.
pub(crate) fn rendered<T: Serialize>(mut png: Vec<u8>, geometry: &T) -> Result<Rendered, ApiError> {
    // It may stay for long: without the room that it grew into.
    png.shrink_to_fit();
    let geometry = serde_json::to_string(geometry).map_err(|error| ApiError::internal(error.to_string()))?;
    let tag = tag(&[&png, geometry.as_bytes()]);
    Ok(Rendered { png: png.into(), geometry, tag })
}

/// The range of the wish's layer over the whole run, where it asks for that.
pub(crate) async fn timeline(models: &Models, wish: &Wish) -> Result<Option<Range>, ApiError> {
    if wish.look.over != Over::Timeline {
        return Ok(None);
    }
    let subject = match &wish.subject {
        None => String::new(),
        Some(subject @ Subject::Group { .. }) => {
            check_work(subject.images(), wish.listing.entries.len())?;
            format!("{}/{}", subject.key(), wish.layer)
        }
        Some(subject) => subject.key(),
    };
    let key = format!("timeline/{}/{}/{subject}/{:?}", wish.run.id, wish.listing.digest, wish.look.percentile);
    let ranges = models
        .cache
        .get(key, async {
            let layers = wish.run.network().layers().len();
            let mut all = vec![Range::EMPTY; layers];
            for entry in wish.listing.entries.iter().filter(|entry| entry.problem.is_none()) {
                // A snapshot that turns out to be unreadable is a gap, not the end of the scale.
                let Ok(ranges) = ranges_at(models, wish, entry).await else { continue };
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
async fn ranges_at(models: &Models, wish: &Wish, entry: &CheckpointEntry) -> Result<Vec<Range>, ApiError> {
    let look = wish.look;
    if let Some(Subject::Group { .. }) = &wish.subject {
        // Of a group only the layer that is looked at is computed.
        let bank = wish.bank();
        let mut whole = wish.clone();
        (whole.filters, whole.channels) = ((0..bank.filters).collect(), (0..bank.channels).collect());
        let values = Box::pin(values(models, &whole, entry)).await?;
        let mut ranges = vec![Range::EMPTY; wish.run.network().layers().len()];
        ranges[wish.layer] = look.range_of(&values);
        return Ok(ranges);
    }
    if let Some(subject) = &wish.subject {
        let activations = models.activations(&wish.run, entry, subject).await?;
        return models
            .work
            .run(Load::Large, move || Ok(activations.layers.iter().map(|values| look.range_of(values)).collect()))
            .await;
    }
    if look.percentile.is_none() {
        let summary = models.summary(&wish.run, entry).await?;
        return Ok(summary.0.iter().map(|layer| layer.as_ref().map_or(Range::EMPTY, |layer| layer.range)).collect());
    }
    let snapshot = models.snapshot(&wish.run, entry).await?;
    let run = Arc::clone(&wish.run);
    models
        .work
        .run(Load::Large, move || {
            let layers = run.network().layers().iter();
            layers
                .map(|layer| match Bank::of_weights(layer) {
                    Some(_) => Ok(look.range_of(weights(layer, &snapshot.parameters)?)),
                    None => Ok(Range::EMPTY),
                })
                .collect()
        })
        .await
}

/// Refuses what would apply the network to more images than anybody wants to wait for.
pub(crate) fn check_work(images: usize, times: usize) -> Result<(), ApiError> {
    let work = images.saturating_mul(times);
    if work <= MOST_WORK {
        return Ok(());
    }
    Err(ApiError::bad(format!(
        "this would apply the network to {images} images {times} times; at most {MOST_WORK} are done for one answer"
    ))
    .hint("select fewer checkpoints, or fewer images with limit"))
}
