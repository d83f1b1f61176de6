//! Which layers and units of two networks see the same, computed on request and stored.

use std::sync::Arc;

use deepviz_corpus::{ImageId, Split};
use deepviz_net::{Layer, Network, Shape};
use deepviz_stats::compare::{
    self, Estimate, LayerComparison, LayerMap, MeasuredLayer, Pooling, UnitMatch, layer_grid, match_units,
    measured_layers, procrustes_of_pair, unit_grid,
};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::app::App;
use crate::compare::sides::{Side, Sides};
use crate::compare::stored::{StoredMap, StoredUnits};
use crate::explain::test_sample::TestSample;
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::response_memory::{LARGE_BUDGET_BYTES, ResponseMemory};
use crate::http::work_pool::WorkKind;

/// Images that go through a network at a time, so that other requests can run between chunks.
const CHUNK_IMAGES: usize = 32;
/// Images that layers are compared over by default, as far as there is memory.
pub(crate) const DEFAULT_IMAGES: usize = 1_000;
/// Fewer tell nothing.
pub(crate) const MIN_IMAGES: usize = 8;
/// The Gram matrix of a layer grows with their square.
pub(crate) const MAX_IMAGES: usize = 4_000;
/// Layers of a network that are compared at most: of deeper ones these are spread evenly.
const MAX_LAYERS: usize = 32;

/// A layer as it was compared.
#[derive(Clone, Copy)]
pub(crate) struct ComparedLayer {
    pub(crate) of: MeasuredLayer,
    pub(crate) grid: [usize; 2],
    /// Features of an image.
    pub(crate) features: usize,
}

impl ComparedLayer {
    fn of(network: &Network, of: MeasuredLayer) -> Self {
        let shape = network.layers()[of.measured_at].shape;
        let grid = layer_grid(shape);
        Self { of, grid, features: shape.channels * grid[0] * grid[1] }
    }
}

/// The layers of a network that are compared.
pub(crate) struct ComparedLayers {
    pub(crate) layers: Vec<ComparedLayer>,
    pub(crate) left_out: usize,
}

impl ComparedLayers {
    fn of(network: &Network) -> Self {
        let (layers, left_out) = measured_layers(network, MAX_LAYERS);
        Self { layers: layers.into_iter().map(|of| ComparedLayer::of(network, of)).collect(), left_out }
    }

    /// One layer alone.
    fn one(network: &Network, layer: usize) -> Self {
        let of = MeasuredLayer { layer, measured_at: network.nonlinearity_of(layer) };
        Self { layers: vec![ComparedLayer::of(network, of)], left_out: 0 }
    }

    fn poolings(&self) -> Vec<Pooling> {
        self.layers.iter().map(|layer| Pooling { layer: layer.of.measured_at, grid: layer.grid }).collect()
    }
}

/// How alike the layers of two checkpoints are.
pub(crate) struct Similarity {
    pub(crate) images: usize,
    pub(crate) split: Split,
    pub(crate) a: ComparedLayers,
    pub(crate) b: ComparedLayers,
    pub(crate) map: LayerMap,
    /// Of the Procrustes similarity, where two layers alone were compared.
    pub(crate) procrustes_interval: Option<[f64; 2]>,
}

impl CacheSize for Similarity {
    fn bytes(&self) -> usize {
        self.map.cka.len() * 48 + (self.a.layers.len() + self.b.layers.len()) * size_of::<ComparedLayer>()
    }
}

/// Matched units of two layers.
pub(crate) struct Units {
    pub(crate) found: UnitMatch,
    pub(crate) images: usize,
    pub(crate) split: Split,
    pub(crate) grid: [usize; 2],
}

impl CacheSize for Units {
    fn bytes(&self) -> usize {
        let matching = &self.found.matching;
        (matching.pairs.len() + matching.first_alone.len() + matching.second_alone.len()) * 32
    }
}

impl Sides {
    /// How alike the layers of both are over some images: of all, or of one of either.
    pub(crate) async fn similarity(
        &self,
        app: &App,
        images: Option<usize>,
        pair: Option<[usize; 2]>,
    ) -> Result<Arc<Similarity>, ApiError> {
        let networks = [&self.a, &self.b].map(|side| side.run.network());
        let [a, b] = match pair {
            None => networks.map(|network| ComparedLayers::of(network)),
            Some([layer, b_layer]) => {
                [ComparedLayers::one(networks[0], layer), ComparedLayers::one(networks[1], b_layer)]
            }
        };
        let images = images_of(images, [&a, &b])?;
        let sample = self.common_images(app, images).await?;
        let of = pair.map_or_else(String::new, |[layer, b_layer]| format!("{layer}/{b_layer}/"));
        let key = format!("similarity/{}/{}/{of}{}", self.a.content_key(), self.b.content_key(), sample.key());
        app.cache
            .get(key.clone(), async {
                let size = (a.layers.len(), b.layers.len());
                let stored =
                    app.stored_results.get(&key, self.layer_map(app, &sample, [&a, &b], pair.is_some())).await?;
                let (map, procrustes_interval) = stored.into_map(size)?;
                Ok(Similarity { images: sample.ids.len(), split: sample.split, a, b, map, procrustes_interval })
            })
            .await
    }

    async fn layer_map(
        &self,
        app: &App,
        sample: &TestSample,
        [a, b]: [&ComparedLayers; 2],
        is_pair: bool,
    ) -> Result<StoredMap, ApiError> {
        let held = app.answers.take(bytes_of_map([a, b], sample.ids.len())).await?;
        let first = features(pooled(app, &self.a, sample, &a.poolings()).await?, a);
        // A checkpoint beside itself is computed once.
        let second = if self.a.key() == self.b.key() && !is_pair {
            first.clone()
        } else {
            features(pooled(app, &self.b, sample, &b.poolings()).await?, b)
        };
        let (mut map, interval) = compared(app, held, (first, second), is_pair).await?;
        // Of one network every layer stands opposite itself, whatever they have come to be like.
        if !is_pair && is_one_network(self.a.run.network(), self.b.run.network()) {
            map.opposite = (0..a.layers.len()).map(|index| map.cka[[index, index]].map(|_| index)).collect();
        }
        Ok(StoredMap::of(&map, interval))
    }

    /// The units of two layers, matched.
    pub(crate) async fn units(
        &self,
        app: &App,
        [layer, b_layer]: [usize; 2],
        images: usize,
    ) -> Result<Arc<Units>, ApiError> {
        let sample = self.common_images(app, images).await?;
        let contents = [&self.a, &self.b].map(Side::content_key);
        let key = format!("units/{}/{}/{layer}/{b_layer}/{}", contents[0], contents[1], sample.key());
        app.cache
            .get(key.clone(), async {
                let of = |side: &Side, layer: usize| {
                    let network = side.run.network();
                    let measured_at = network.nonlinearity_of(layer);
                    (measured_at, network.layers()[measured_at].shape)
                };
                let ((at, shape), (b_at, b_shape)) = (of(&self.a, layer), of(&self.b, b_layer));
                let grid = unit_grid(shape, b_shape, sample.ids.len());
                let computed = self.match_layers(app, &sample, ([at, b_at], [shape, b_shape]), grid);
                let found = app.stored_results.get(&key, computed).await?.into_match();
                Ok(Units { found, images: sample.ids.len(), split: sample.split, grid })
            })
            .await
    }

    async fn match_layers(
        &self,
        app: &App,
        sample: &TestSample,
        ([at, b_at], [shape, b_shape]): ([usize; 2], [Shape; 2]),
        grid: [usize; 2],
    ) -> Result<StoredUnits, ApiError> {
        let values = sample.ids.len() * grid[0] * grid[1] * (shape.channels + b_shape.channels);
        let correlations = shape.channels * b_shape.channels;
        // Activations, standardised, shuffled; correlations and what the assignment keeps of them.
        let held = app.answers.take((values * 4 + correlations * 6) * size_of::<f32>()).await?;
        let one = |layer| [Pooling { layer, grid }];
        let first = pooled(app, &self.a, sample, &one(at)).await?.swap_remove(0);
        let second = pooled(app, &self.b, sample, &one(b_at)).await?.swap_remove(0);
        let compare = move || {
            let _held = held;
            Ok(StoredUnits::of(&match_units(first.view(), second.view(), grid[0] * grid[1])))
        };
        app.work.run(WorkKind::Forward, compare).await
    }
}

/// The map, part by part, so that other requests run between; of two layers alone with the interval of Procrustes. The
/// memory stays reserved until the work is done, even if the client disconnects meanwhile.
async fn compared(
    app: &App,
    held: ResponseMemory,
    (first, second): (Vec<Array2<f32>>, Vec<Array2<f32>>),
    is_pair: bool,
) -> Result<(LayerMap, Option<[f64; 2]>), ApiError> {
    let reserved = held.clone();
    let begin = move || {
        let _held = reserved;
        let pair = is_pair.then(|| first.first().zip(second.first())).flatten();
        let interval = pair.and_then(|(first, second)| procrustes_of_pair(first, second));
        Ok((LayerComparison::new(first, second), interval.map(|estimate: Estimate| estimate.interval)))
    };
    let (mut comparison, interval) = app.work.run(WorkKind::Forward, begin).await?;
    loop {
        let reserved = held.clone();
        let advance = move || {
            let _held = reserved;
            let is_more = comparison.advance();
            Ok((comparison, is_more))
        };
        let is_more;
        (comparison, is_more) = app.work.run(WorkKind::Forward, advance).await?;
        if !is_more {
            return Ok((comparison.finish(), interval));
        }
    }
}

/// The same layers by name, kind, shape and inputs.
fn is_one_network(first: &Network, second: &Network) -> bool {
    let is_same = |(a, b): (&Layer, &Layer)| {
        a.name == b.name && a.op.kind() == b.op.kind() && a.shape == b.shape && a.inputs == b.inputs
    };
    first.layers().len() == second.layers().len() && first.layers().iter().zip(second.layers()).all(is_same)
}

/// Bytes of the features, of what lies above the diagonals of the Gram matrices, and of the same for half of the images.
fn bytes_of_map(networks: [&ComparedLayers; 2], images: usize) -> usize {
    let features: usize = networks.iter().flat_map(|network| &network.layers).map(|layer| layer.features).sum();
    let layers: usize = networks.iter().map(|network| network.layers.len()).sum();
    (features * images + layers * images * images * 5 / 8) * size_of::<f32>()
}

/// The requested number of images, or the default, as far as there is memory.
fn images_of(wanted: Option<usize>, networks: [&ComparedLayers; 2]) -> Result<usize, ApiError> {
    let fits = |images: usize| bytes_of_map(networks, images) <= LARGE_BUDGET_BYTES;
    let max = (MIN_IMAGES..=MAX_IMAGES).rev().step_by(4).find(|&images| fits(images)).unwrap_or(MIN_IMAGES);
    match wanted {
        None => Ok(DEFAULT_IMAGES.min(max)),
        Some(images) if images <= max => Ok(images),
        Some(images) => Err(ApiError::bad(format!(
            "the layers of these two networks are compared over at most {max} images, found {images}"
        ))
        .hint(format!("images={max}"))),
    }
}

/// The features of every layer, one row an image.
fn features(pooled: Vec<Array2<f32>>, of: &ComparedLayers) -> Vec<Array2<f32>> {
    let rows = pooled.into_iter().zip(&of.layers).map(|(values, layer)| {
        let images = values.len() / layer.features.max(1);
        // Rows are in the order of memory: the reshape takes nothing away.
        values.into_shape_with_order((images, layer.features)).unwrap_or_default()
    });
    rows.collect()
}

/// The activations of a network over the images of a sample, averaged to the grid of each pooling; computed for a few
/// images at a time.
pub(crate) async fn pooled(
    app: &App,
    side: &Side,
    sample: &TestSample,
    of: &[Pooling],
) -> Result<Vec<Array2<f32>>, ApiError> {
    let loaded = app.models.model(&side.run, &side.entry).await?;
    let mut parts: Vec<Vec<Array2<f32>>> = vec![Vec::new(); of.len()];
    for ids in sample.ids.chunks(CHUNK_IMAGES) {
        let (loaded, sample, of) = (Arc::clone(&loaded), sample.clone(), of.to_vec());
        let ids: Vec<ImageId> = ids.to_vec();
        let apply = move || Ok(compare::pooled(&loaded.model, &sample.pixels(&ids)?, &of)?);
        let found = app.work.run(WorkKind::Forward, apply).await?;
        parts.iter_mut().zip(found).for_each(|(parts, part)| parts.push(part));
    }
    let network = side.run.network();
    let whole = parts.into_iter().zip(of).map(|(parts, pooling)| {
        if !parts.iter().flatten().all(|value| value.is_finite()) {
            return Err(ApiError::unusable(format!(
                "the outputs of {} at checkpoint {} of {} are not finite: nothing can be compared with them",
                network.layers()[pooling.layer].name,
                side.checkpoint,
                side.run.id
            ))
            .hint("choose a checkpoint from before the run diverged"));
        }
        let views: Vec<ArrayView2<'_, f32>> = parts.iter().map(Array2::view).collect();
        concatenate(Axis(0), &views).map_err(|error| ApiError::internal(error.to_string()))
    });
    whole.collect()
}
