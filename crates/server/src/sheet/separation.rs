//! How well the layers of a network distinguish two classes at a checkpoint.

use std::sync::Arc;

use deepviz_corpus::{ClassId, ImageId};
use deepviz_net::{ChannelSums, CheckpointEntry, LayerOutput, Network};
use deepviz_stats::compare::{MeasuredLayer, measured_layers};
use deepviz_stats::separation::{self, Histogram, Probe, UnitSeparation};
use ndarray::{Array2, s};

use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;
use crate::sheet::aggregate::ClassImages;
use crate::sheet::image_group::{ClassSample, ImageGroup};
use crate::sheet::models::Models;

/// Images that go through the network at a time, so that others are served in between.
const CHUNK_IMAGES: usize = 32;
/// Layers that are measured at most: of deeper networks these are spread evenly.
pub(crate) const MAX_LAYERS: usize = 48;
/// Bars of a histogram.
const BINS: usize = 24;
/// Units that the answer lists.
const BEST_UNITS: usize = 5;

/// The separation by one layer.
pub(crate) struct LayerSeparation {
    pub(crate) of: MeasuredLayer,
    pub(crate) units: UnitSeparation,
    /// None where the images are too few for two halves.
    pub(crate) probe: Option<Probe>,
}

/// A unit that separates the classes well.
pub(crate) struct SeparatingUnit {
    pub(crate) of: MeasuredLayer,
    pub(crate) unit: usize,
    pub(crate) area: separation::Area,
    /// Mean over the images of either class.
    pub(crate) means: [f32; 2],
    pub(crate) histogram: Histogram,
}

/// The separation of two classes by all layers.
pub(crate) struct Separation {
    pub(crate) layers: Vec<LayerSeparation>,
    /// The best units of all layers but the last, the best first.
    pub(crate) units: Vec<SeparatingUnit>,
    /// Images of either class.
    pub(crate) images: [usize; 2],
    /// Layers with weights that were not measured: too many, or with outputs that are no finite numbers.
    pub(crate) layers_left_out: usize,
}

impl CacheSize for Separation {
    fn bytes(&self) -> usize {
        let areas: usize = self.layers.iter().map(|layer| layer.units.areas.len() * 16 + 128).sum();
        areas + self.units.len() * (BINS * 8 + 128)
    }
}

/// The means of every measured layer's maps, for a few images.
#[derive(Default)]
struct ChunkMeans {
    /// By measured layer: images by channels.
    values: Vec<Vec<f32>>,
    blocks: Vec<ChannelSums>,
}

impl ChunkMeans {
    fn take(&mut self, index: usize, layers: usize, output: LayerOutput<'_>) {
        self.values.resize(layers, Vec::new());
        let shape = output.shape();
        let area = (shape.height * shape.width) as f32;
        for image in 0..output.images() {
            output.add_up(image, &mut self.blocks);
            let sums = self.blocks.iter().flat_map(|block| block.sums).take(shape.channels);
            self.values[index].extend(sums.map(|sum| sum / area));
        }
    }
}

/// Bytes of the class means over `images` images of each class.
pub(crate) fn bytes_of_means(network: &Network, images: usize) -> usize {
    let channels = |of: &MeasuredLayer| network.layers()[of.measured_at].shape.channels;
    measured_layers(network, MAX_LAYERS).0.iter().map(channels).sum::<usize>() * 2 * images * size_of::<f32>()
}

impl Models {
    /// How well each layer distinguishes two classes at a checkpoint. The caller holds [`bytes_of_means`].
    pub(crate) async fn separation(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        images: ClassImages<'_>,
        classes: [ClassId; 2],
    ) -> Result<Arc<Separation>, ApiError> {
        let ClassImages { corpus, sample } = images;
        let [a, b] = classes.map(|class| class.0);
        let ClassSample { split, limit } = sample;
        let key = format!("separation/{}/{}/{}/{split}/{limit}/{a}/{b}", run.id, entry.hash, corpus.identity());
        self.cache
            .get(key, async {
                let groups = classes.map(|class| ImageGroup::of_class(corpus, class, sample));
                let [first, second] = groups;
                let groups = [first?, second?];
                let (measured, layers_left_out) = measured_layers(run.network(), MAX_LAYERS);
                let means = self.means_of_maps(run, entry, &measured, &groups).await?;
                let images = groups.map(|group| group.ids.len());
                let mut found = Separation { layers: Vec::new(), units: Vec::new(), images, layers_left_out };
                // Layer by layer, so that others are served in between.
                for (index, (&of, values)) in measured.iter().zip(means).enumerate() {
                    // The last layer's units are the classes themselves.
                    let lists_units = index + 1 < measured.len();
                    let measure = move || Ok(measure(of, values, images, lists_units));
                    match self.work.run(WorkKind::Forward, measure).await? {
                        Some((layer, units)) => {
                            found.layers.push(layer);
                            found.units.extend(units);
                        }
                        None => found.layers_left_out += 1,
                    }
                }
                found.units.sort_by(|a, b| b.area.value.total_cmp(&a.area.value));
                found.units.truncate(BEST_UNITS);
                Ok(found)
            })
            .await
    }

    /// By measured layer the mean of each map of each image, images by channels.
    async fn means_of_maps(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        measured: &[MeasuredLayer],
        groups: &[ImageGroup; 2],
    ) -> Result<Vec<Vec<f32>>, ApiError> {
        let ids: Vec<_> = groups.iter().flat_map(|group| group.ids.iter().copied()).collect();
        let loaded = self.model(run, entry).await?;
        let mut means: Vec<Vec<f32>> = vec![Vec::new(); measured.len()];
        for ids in ids.chunks(CHUNK_IMAGES) {
            let (loaded, corpus) = (Arc::clone(&loaded), Arc::clone(&groups[0].corpus));
            let (ids, measured) = (ids.to_vec(), measured.to_vec());
            let apply = move || {
                let pixels = |id: &ImageId| {
                    corpus
                        .pixels(*id)
                        .ok_or_else(|| ApiError::unusable(format!("image {} is not there any more", id.0)))
                };
                let images: Vec<_> = ids.iter().map(pixels).collect::<Result<_, _>>()?;
                let watch = |chunk: &mut ChunkMeans, layer: usize, output: LayerOutput<'_>| {
                    for (index, _) in measured.iter().enumerate().filter(|(_, of)| of.measured_at == layer) {
                        chunk.take(index, measured.len(), output);
                    }
                };
                let (_, chunks) = loaded.model.forward_watched::<ChunkMeans>(&images, &[], watch)?;
                Ok(chunks)
            };
            for chunk in self.work.run(WorkKind::Forward, apply).await? {
                means.iter_mut().zip(chunk.values).for_each(|(all, own)| all.extend(own));
            }
        }
        Ok(means)
    }
}

/// One layer, and its best units where they are wanted; none where its outputs are not finite.
fn measure(
    of: MeasuredLayer,
    values: Vec<f32>,
    images: [usize; 2],
    lists_units: bool,
) -> Option<(LayerSeparation, Vec<SeparatingUnit>)> {
    let count = images[0] + images[1];
    let is_first: Vec<bool> = (0..count).map(|image| image < images[0]).collect();
    let features = Array2::from_shape_vec((count, values.len() / count.max(1)), values).ok()?;
    let units = separation::units(features.view(), &is_first)?;
    let mut order: Vec<(usize, separation::Area)> =
        units.areas.iter().enumerate().filter_map(|(unit, area)| Some((unit, (*area)?))).collect();
    order.sort_by(|a, b| b.1.value.total_cmp(&a.1.value));
    order.truncate(if lists_units { BEST_UNITS } else { 0 });
    let named = order.into_iter().filter_map(|(unit, area)| {
        let column = features.column(unit);
        // A value that is infinite has no place in a histogram.
        let histogram = separation::histogram(column, &is_first, BINS)?;
        let mean = |range: std::ops::Range<usize>| column.slice(s![range]).mean().unwrap_or(f32::NAN);
        let means = [mean(0..images[0]), mean(images[0]..count)];
        Some(SeparatingUnit { of, unit, area, means, histogram })
    });
    let named = named.collect();
    let probe = separation::probe(features.view(), &is_first);
    Some((LayerSeparation { of, units, probe }, named))
}
